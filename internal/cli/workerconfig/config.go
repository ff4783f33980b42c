// Package workerconfig reads the properties of a worker: Kafka Connect's keys for connect-distributed and connect-standalone, and
// leat's own for the embedded log and for logging. Every key has a default, so that an empty configuration is a working one.
//
// Guarantees: every wrong value is reported, not only the first; an unknown key is a note with the nearest known one, never a
// refusal; references to config providers are replaced before anything is checked.
package workerconfig

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"leat/config"
)

// Config are the worker keys that leat uses. Keys towards Kafka (security, SASL, TLS, timeouts) are read by the kafka package.
type Config struct {
	// bootstrap.servers are brokers of the Kafka cluster. Without it, leat carries its own log in data.dir.
	BootstrapServers []string `config:"bootstrap.servers" importance:"high" group:"Log"`
	// data.dir is where the embedded log, and leat's own files, are kept.
	DataDir string `config:"data.dir" default:"./leat-data" importance:"high" group:"Log"`
	// embedded.kafka.listener is the host:port on which the embedded log takes Kafka clients.
	EmbeddedListener string `config:"embedded.kafka.listener" default:"127.0.0.1:9092" importance:"high" group:"Log"`
	// embedded.kafka.advertised.listener is the host:port that the embedded log tells its clients; the listener when empty.
	EmbeddedAdvertised string `config:"embedded.kafka.advertised.listener" group:"Log"`
	// embedded.kafka.users.NAME is the password of a user of the embedded log. With any, clients must log in (SASL PLAIN or SCRAM).
	EmbeddedUsers map[string]string `config:"embedded.kafka.users.*" type:"PASSWORD" importance:"low" group:"Log"`
	// client.id prefixes the client ids of the worker's own Kafka clients.
	ClientID string `config:"client.id" importance:"low" group:"Log"`

	// group.id names the Connect cluster.
	GroupID string `config:"group.id" default:"leat" importance:"high" group:"Cluster"`
	// config.storage.topic holds the connectors' configurations.
	ConfigTopic       string `config:"config.storage.topic" default:"connect-configs" importance:"high" group:"Cluster"`
	ConfigReplication int16  `config:"config.storage.replication.factor" default:"3" min:"-1" importance:"low" group:"Cluster"`
	// offset.storage.topic holds the source offsets.
	OffsetTopic       string `config:"offset.storage.topic" default:"connect-offsets" importance:"high" group:"Cluster"`
	OffsetPartitions  int    `config:"offset.storage.partitions" default:"25" min:"-1" importance:"low" group:"Cluster"`
	OffsetReplication int16  `config:"offset.storage.replication.factor" default:"3" min:"-1" importance:"low" group:"Cluster"`
	// status.storage.topic holds the states of connectors and tasks.
	StatusTopic       string `config:"status.storage.topic" default:"connect-status" importance:"high" group:"Cluster"`
	StatusPartitions  int    `config:"status.storage.partitions" default:"5" min:"-1" importance:"low" group:"Cluster"`
	StatusReplication int16  `config:"status.storage.replication.factor" default:"3" min:"-1" importance:"low" group:"Cluster"`
	// offset.storage.file.filename is where `leat standalone` keeps source offsets.
	OffsetFile string `config:"offset.storage.file.filename" importance:"high" group:"Cluster"`

	// key.converter, value.converter and header.converter serve connectors that name none.
	KeyConverter    string `config:"key.converter" default:"org.apache.kafka.connect.json.JsonConverter" type:"CLASS" importance:"high" group:"Conversion"`
	ValueConverter  string `config:"value.converter" default:"org.apache.kafka.connect.json.JsonConverter" type:"CLASS" importance:"high" group:"Conversion"`
	HeaderConverter string `config:"header.converter" default:"org.apache.kafka.connect.storage.SimpleHeaderConverter" type:"CLASS" importance:"low" group:"Conversion"`

	// Listeners are the URLs that REST listens on.
	Listeners []string `config:"listeners" default:"http://127.0.0.1:8083" importance:"high" group:"REST"`
	// admin.listeners are the URLs of /admin; unset means the listeners, empty switches it off.
	AdminListeners     *[]string `config:"admin.listeners" importance:"low" group:"REST"`
	AdvertisedHost     string    `config:"rest.advertised.host.name" importance:"low" group:"REST"`
	AdvertisedPort     *int      `config:"rest.advertised.port" min:"0" max:"65535" importance:"low" group:"REST"`
	AdvertisedListener string    `config:"rest.advertised.listener" importance:"low" group:"REST"`
	AllowOrigin        string    `config:"access.control.allow.origin" importance:"low" group:"REST"`
	AllowMethods       string    `config:"access.control.allow.methods" importance:"low" group:"REST"`
	ResponseHeaders    string    `config:"response.http.headers.config" importance:"low" group:"REST"`
	RESTExtensions     []string  `config:"rest.extension.classes" importance:"low" group:"REST"`
	// java.security.auth.login.config is the JAAS file for rest.extension.classes, a system property in Kafka Connect.
	LoginConfig           string   `config:"java.security.auth.login.config" importance:"low" group:"REST"`
	TopicTracking         bool     `config:"topic.tracking.enable" default:"true" importance:"low" group:"REST"`
	TopicTrackingReset    bool     `config:"topic.tracking.allow.reset" default:"true" importance:"low" group:"REST"`
	ClientOverridePolicy  string   `config:"connector.client.config.override.policy" default:"All" importance:"low" group:"Connectors"`
	ClientOverrideAllowed []string `config:"connector.client.config.override.allowlist" importance:"low" group:"Connectors"`
	TopicCreation         bool     `config:"topic.creation.enable" default:"true" importance:"low" group:"Connectors"`
	ExactlyOnce           support  `config:"exactly.once.source.support" default:"disabled" importance:"low" group:"Connectors"`
	ConfigProviders       []string `config:"config.providers" importance:"low" group:"Connectors"`
	// offset.flush.interval.ms is how often source offsets are stored.
	OffsetFlushInterval *time.Duration `config:"offset.flush.interval.ms" min:"1" importance:"low" group:"Connectors"`
	OffsetFlushTimeout  time.Duration  `config:"offset.flush.timeout.ms" default:"5000" min:"0" importance:"low" group:"Connectors"`
	// task.shutdown.graceful.timeout.ms is how long tasks may take to finish what they hold when the worker stops.
	ShutdownGrace time.Duration `config:"task.shutdown.graceful.timeout.ms" default:"5000" min:"0" importance:"low" group:"Connectors"`

	// metrics.sample.window.ms and metrics.num.samples say over how long averages and maxima are kept.
	MetricsWindow  time.Duration `config:"metrics.sample.window.ms" default:"30000" min:"0" importance:"low" group:"Metrics"`
	MetricsSamples int           `config:"metrics.num.samples" default:"2" min:"1" importance:"low" group:"Metrics"`

	// log.level is the least level that is logged, and log.format how.
	LogLevel  level  `config:"log.level" default:"info" importance:"low" group:"Logging"`
	LogFormat format `config:"log.format" default:"text" importance:"low" group:"Logging"`
}

// level, format and support are the words of their options.
type (
	level   string
	format  string
	support string
)

func (level) Words() []string   { return []string{"debug", "info", "warn", "error"} }
func (format) Words() []string  { return []string{"text", "json"} }
func (support) Words() []string { return []string{"disabled", "enabled", "preparing"} }

func (l *level) UnmarshalText(b []byte) (err error) {
	word, err := config.Word(string(b), l.Words())
	*l = level(word)
	return err
}

func (f *format) UnmarshalText(b []byte) (err error) {
	word, err := config.Word(string(b), f.Words())
	*f = format(word)
	return err
}

func (s *support) UnmarshalText(b []byte) (err error) {
	word, err := config.Word(string(b), s.Words())
	*s = support(word)
	return err
}

// Embedded tells whether the log is the one inside leat.
func (c *Config) Embedded() bool { return len(c.BootstrapServers) == 0 }

// Validate checks what spans options or needs more than a type.
func (c *Config) Validate() []config.Problem {
	var problems []config.Problem
	problems = append(problems, c.checkListeners()...)
	problems = append(problems, c.checkTopics()...)
	if c.Embedded() {
		problems = append(problems, c.checkEmbedded()...)
	}
	problems = append(problems, c.checkExtensions()...)
	if c.ExactlyOnce != "disabled" {
		problems = append(problems, config.Problemf("exactly.once.source.support",
			"%q is not supported yet: source records are delivered at least once; set it to disabled", c.ExactlyOnce))
	}
	return problems
}

// basicAuth is the one REST extension that Kafka Connect ships.
const basicAuth = "BasicAuthSecurityRestExtension"

// BasicAuth tells whether REST asks for a name and a password.
func (c *Config) BasicAuth() bool { return len(c.RESTExtensions) > 0 }

func (c *Config) checkExtensions() []config.Problem {
	var problems []config.Problem
	for _, class := range c.RESTExtensions {
		if class != basicAuth && !strings.HasSuffix(class, "."+basicAuth) {
			problems = append(problems, config.Problemf("rest.extension.classes",
				"leat has no REST extension %s, and without it REST might be open to everybody who reaches it; remove it from this key and do its work in a proxy", class))
		}
	}
	if c.BasicAuth() && c.LoginConfig == "" {
		problems = append(problems, config.Problemf("java.security.auth.login.config",
			"is missing: the REST extension for basic authentication reads its users by way of a JAAS file; name that file here, or in KAFKA_OPTS as for Kafka Connect"))
	}
	return problems
}

func (c *Config) checkListeners() []config.Problem {
	var problems []config.Problem
	if len(c.Listeners) == 0 {
		problems = append(problems, config.Problemf("listeners", "is empty; give at least one URL, such as http://127.0.0.1:8083"))
	}
	check := func(key, listener string) {
		u, err := url.Parse(listener)
		switch {
		case err != nil || u.Port() == "" || u.Path != "" && u.Path != "/":
			problems = append(problems, config.Problemf(key, "%q is not a URL with a port, such as http://127.0.0.1:8083", listener))
		case u.Scheme != "http" && u.Scheme != "https":
			problems = append(problems, config.Problemf(key, "%q begins with neither http:// nor https://", listener))
		}
	}
	for _, l := range c.Listeners {
		check("listeners", l)
	}
	if c.AdminListeners != nil {
		for _, l := range *c.AdminListeners {
			check("admin.listeners", l)
		}
	}
	return problems
}

func (c *Config) checkTopics() []config.Problem {
	var problems []config.Problem
	topics := []struct{ key, name string }{
		{"config.storage.topic", c.ConfigTopic}, {"offset.storage.topic", c.OffsetTopic}, {"status.storage.topic", c.StatusTopic},
	}
	seen := map[string]string{}
	for _, t := range topics {
		if t.name == "" {
			problems = append(problems, config.Problemf(t.key, "is empty; give the name of a topic"))
			continue
		}
		if other, ok := seen[t.name]; ok {
			problems = append(problems, config.Problemf(t.key, "topic %q is that of %s too; each needs its own", t.name, other))
		}
		seen[t.name] = t.key
	}
	return problems
}

func (c *Config) checkEmbedded() []config.Problem {
	var problems []config.Problem
	host, _, err := net.SplitHostPort(c.EmbeddedListener)
	switch {
	case err != nil:
		problems = append(problems, config.Problemf("embedded.kafka.listener", "%q is not host:port, such as 127.0.0.1:9092", c.EmbeddedListener))
	case !loopback(host) && len(c.EmbeddedUsers) == 0:
		problems = append(problems, config.Problemf("embedded.kafka.listener",
			"%q can be reached from other machines, so the embedded log must ask for credentials: add users with embedded.kafka.users.NAME=PASSWORD, or listen on 127.0.0.1",
			c.EmbeddedListener))
	}
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) && c.EmbeddedAdvertised == "" {
		problems = append(problems, config.Problemf("embedded.kafka.advertised.listener",
			"is missing: the listener %s is every address of this machine, so say which host:port clients shall use", c.EmbeddedListener))
	}
	if c.EmbeddedAdvertised != "" {
		if _, _, err := net.SplitHostPort(c.EmbeddedAdvertised); err != nil {
			problems = append(problems, config.Problemf("embedded.kafka.advertised.listener", "%q is not host:port", c.EmbeddedAdvertised))
		}
	}
	if c.DataDir == "" {
		problems = append(problems, config.Problemf("data.dir", "is empty; give the folder for the embedded log, such as ./leat-data"))
	}
	return problems
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Defs are leat's own view of the worker's options, for the reference.
func Defs() []config.Def { return config.Defs(Config{}, configDocs) }

// defs are all keys that are known, for telling of those that are not.
func defs() []config.Def {
	out := Defs()
	for _, key := range slices.Concat(clientKeys, jvmKeys) {
		out = append(out, config.Def{Key: key})
	}
	for _, p := range prefixes {
		out = append(out, config.Def{Key: p, Prefix: true})
	}
	return out
}

// unknownNotes tells of keys that nobody knows.
func unknownNotes(props map[string]string) []string {
	var notes []string
	for key, near := range config.Unknown(props, defs()) {
		note := fmt.Sprintf("unknown worker key %q is ignored", key)
		if near != "" {
			note += fmt.Sprintf("; did you mean %q?", near)
		}
		notes = append(notes, note)
	}
	slices.Sort(notes)
	return notes
}
