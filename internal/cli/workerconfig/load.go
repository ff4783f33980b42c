package workerconfig

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"leat/config"
	"leat/config/properties"
	"leat/config/provider"
)

// Worker is a worker's configuration, read and checked.
type Worker struct {
	Config
	// Props are the properties as the engine reads them: references replaced, defaults filled in.
	Props map[string]string
	// Providers replaces references in connectors' properties.
	Providers *provider.Transformer
	// Notes tell of unknown keys.
	Notes []string
}

// Load reads a file ("" for none), puts overrides above it, and checks the result. err is a file that can not be read; problems is
// everything that is wrong with what was.
func Load(path string, overrides map[string]string, log *slog.Logger) (w *Worker, problems []config.Problem, err error) {
	props := map[string]string{}
	if path != "" {
		if props, err = properties.Load(path); err != nil {
			return nil, nil, err
		}
	}
	maps.Copy(props, overrides)
	w, problems, err = New(props, log)
	return w, problems, err
}

// New checks properties; it does not change them.
func New(given map[string]string, log *slog.Logger) (*Worker, []config.Problem, error) {
	w := &Worker{Notes: unknownNotes(given)}
	var problems []config.Problem
	if w.Providers, problems = provider.New(given, log); len(problems) > 0 {
		return nil, problems, nil
	}
	props, err := w.Providers.Transform(given)
	if err != nil {
		return nil, nil, err
	}
	if file := loginConfigOf(os.Getenv("KAFKA_OPTS")); file != "" && props["java.security.auth.login.config"] == "" {
		props["java.security.auth.login.config"] = file
	}
	if problems = config.Parse(props, &w.Config); len(problems) > 0 {
		return nil, problems, nil
	}
	w.Props = props
	w.fillDefaults()
	return w, nil, nil
}

// fillDefaults puts into Props what the engine reads from there and Kafka Connect has no default for. The engine has the other
// defaults itself.
func (w *Worker) fillDefaults() {
	for key, value := range map[string]string{
		"group.id": w.GroupID, "config.storage.topic": w.ConfigTopic, "offset.storage.topic": w.OffsetTopic, "status.storage.topic": w.StatusTopic,
		"key.converter": w.KeyConverter, "value.converter": w.ValueConverter, "header.converter": w.HeaderConverter,
	} {
		w.Props[key] = value
	}
	if w.Embedded() {
		// The embedded log is one broker: no factor but 1 can be had, whatever the file says.
		w.ConfigReplication, w.OffsetReplication, w.StatusReplication = 1, 1, 1
		for _, kind := range []string{"config", "offset", "status"} {
			w.Props[kind+".storage.replication.factor"] = strconv.Itoa(1)
		}
	}
	if w.OffsetFile == "" {
		w.OffsetFile = filepath.Join(w.DataDir, "connect.offsets")
	}
}

// loginConfigOf finds the JAAS file in the options that Kafka's scripts give to Java.
func loginConfigOf(javaOptions string) string {
	for option := range strings.FieldsSeq(javaOptions) {
		if file, ok := strings.CutPrefix(option, "-Djava.security.auth.login.config="); ok {
			return strings.Trim(file, `"'`)
		}
	}
	return ""
}
