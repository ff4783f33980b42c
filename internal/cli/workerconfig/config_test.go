package workerconfig

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

func TestNothingGivenIsAWorkingConfiguration(t *testing.T) {
	w, problems, err := New(map[string]string{}, quiet)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	for key, want := range map[string]string{
		"group.id": "leat", "config.storage.topic": "connect-configs", "offset.storage.topic": "connect-offsets",
		"status.storage.topic": "connect-status", "key.converter": "org.apache.kafka.connect.json.JsonConverter",
		"offset.storage.replication.factor": "1",
	} {
		if got := w.Props[key]; got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if !w.Embedded() || len(w.Notes) > 0 || w.Listeners[0] != "http://127.0.0.1:8083" || w.EmbeddedListener != "127.0.0.1:9092" || w.DataDir != "./leat-data" {
		t.Errorf("got %+v", w)
	}
}

func TestKafkasReplicationIsKept(t *testing.T) {
	w, problems, err := New(map[string]string{"bootstrap.servers": "a:9092,b:9092", "offset.storage.replication.factor": "2"}, quiet)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	if w.Embedded() || w.Props["offset.storage.replication.factor"] != "2" || w.Props["config.storage.replication.factor"] != "" {
		t.Errorf("got %v", w.Props)
	}
}

func TestEveryWrongValueIsReported(t *testing.T) {
	tests := []struct {
		name  string
		props map[string]string
		want  []string // beginnings, in order
	}{
		{"types", map[string]string{"offset.flush.interval.ms": "soon", "topic.creation.enable": "ja", "log.level": "inof"}, []string{
			"topic.creation.enable: Invalid value ja for configuration topic.creation.enable: Expected value to be either true or false",
			"offset.flush.interval.ms: Invalid value soon",
			`log.level: Invalid value inof for configuration log.level: String must be one of: debug, info, warn, error. Did you mean "info"?`,
		}},
		{"meanings", map[string]string{
			"listeners": "8083,ftp://x:1", "status.storage.topic": "connect-configs", "embedded.kafka.listener": "0.0.0.0:9092",
			"rest.extension.classes": "org.example.basic.BasicAuthSecurityRestExtension, com.example.Audit", "exactly.once.source.support": "enabled",
		}, []string{
			`listeners: "8083" is not a URL with a port`,
			`listeners: "ftp://x:1" begins with neither`,
			`status.storage.topic: topic "connect-configs" is that of config.storage.topic too`,
			`embedded.kafka.listener: "0.0.0.0:9092" can be reached from other machines`,
			`embedded.kafka.advertised.listener: is missing`,
			`rest.extension.classes: leat has no REST extension com.example.Audit`,
			`java.security.auth.login.config: is missing`,
			`exactly.once.source.support: "enabled" is not supported yet`,
		}},
		{"a listener for others is Kafka's own matter", map[string]string{"bootstrap.servers": "k:1", "embedded.kafka.listener": "0.0.0.0:1"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := New(tt.props, quiet)
			if err != nil || len(problems) != len(tt.want) {
				t.Fatalf("got %v, %v", problems, err)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), tt.want[i]) {
					t.Errorf("got  %s\nwant %s", p, tt.want[i])
				}
			}
		})
	}
}

func TestUnknownKeysAreNotesAndConnectsKeysAreNot(t *testing.T) {
	w, problems, err := New(map[string]string{
		"ofset.storage.topic": "x", "colour": "blue",
		"plugin.path": "/opt", "ssl.truststore.location": "/t", "producer.acks": "all", "config.storage.min.insync.replicas": "2",
		"key.converter.schemas.enable": "false", "listeners.https.ssl.keystore.location": "/k", "metric.reporters": "",
	}, quiet)
	want := []string{`unknown worker key "colour" is ignored`, `unknown worker key "ofset.storage.topic" is ignored; did you mean "offset.storage.topic"?`}
	if err != nil || len(problems) > 0 || !slices.Equal(w.Notes, want) {
		t.Errorf("got %q, %v, %v", w.Notes, problems, err)
	}
}

func TestProvidersServeTheWorkersOwnProperties(t *testing.T) {
	t.Setenv("LEAT_T_GROUP", "blue")
	w, problems, err := New(map[string]string{
		"config.providers": "env", "config.providers.env.class": "EnvVarConfigProvider", "group.id": "${env:LEAT_T_GROUP}",
	}, quiet)
	if err != nil || len(problems) > 0 || w.GroupID != "blue" || w.Props["group.id"] != "blue" {
		t.Errorf("got %+v, %v, %v", w, problems, err)
	}
}

func TestTheJAASFileIsTakenFromKafkasOptionsToo(t *testing.T) {
	t.Setenv("KAFKA_OPTS", "-Xmx1g -Djava.security.auth.login.config=/etc/jaas.conf")
	w, problems, err := New(map[string]string{"rest.extension.classes": "BasicAuthSecurityRestExtension"}, quiet)
	if err != nil || len(problems) > 0 || w.LoginConfig != "/etc/jaas.conf" {
		t.Errorf("got %+v, %v, %v", w, problems, err)
	}
}
