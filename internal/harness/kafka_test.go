//go:build unix

package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func skipIfUnavailable(t *testing.T, err error) {
	t.Helper()
	var missing *UnavailableError
	if errors.As(err, &missing) && os.Getenv("LEAT_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConnectCarriesRowsFromPostgresToKafka(t *testing.T) {
	kafka, err := StartKafka(t.Context(), KafkaOptions{})
	skipIfUnavailable(t, err)
	defer kafka.Stop()
	if err := kafka.Restart(t.Context(), Crash); err != nil {
		t.Fatal(err)
	}
	connect, err := StartConnect(t.Context(), ConnectOptions{Bootstrap: kafka.Bootstrap, Plugins: []Plugin{DebeziumPostgres, DebeziumJDBC}})
	skipIfUnavailable(t, err)
	defer connect.Stop()
	pg := startPostgres(t, PostgresOptions{NoFsync: true})
	execute(t, pg.URL("postgres"), "CREATE TABLE t AS SELECT 42 AS answer")

	plugins := get(t, connect.URL+"/connector-plugins")
	for _, class := range []string{"postgresql.PostgresConnector", "jdbc.JdbcSinkConnector"} {
		if !strings.Contains(plugins, class) {
			t.Errorf("no %s among %s", class, plugins)
		}
	}
	config, err := json.Marshal(map[string]any{"name": "c", "config": map[string]string{
		"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput",
		"database.hostname": pg.Host, "database.port": fmt.Sprint(pg.Port), "database.user": pg.User, "database.password": pg.Password,
		"database.dbname": "postgres", "topic.prefix": "p",
	}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(connect.URL+"/connectors", "application/json", bytes.NewReader(config))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Bootstrap), kgo.ConsumeTopics("p.public.t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetches := client.PollRecords(t.Context(), 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if value := string(fetches.Records()[0].Value); !strings.Contains(value, `"answer":42`) {
		t.Errorf("record is %s", value)
	}
	pids := []int{kafka.PID(), connect.PID()}
	if err := errors.Join(connect.Stop(), kafka.Stop()); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d still runs", pid)
		}
	}
}

func TestJarsThatCannotBeFetchedAreUnavailable(t *testing.T) {
	t.Setenv("LEAT_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := fetchJars(t.Context(), kafkaJars)
	var missing *UnavailableError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "mvn is not installed") {
		t.Errorf("without mvn: %v", err)
	}
	t.Setenv("JAVA_HOME", "")
	if _, err = StartKafka(t.Context(), KafkaOptions{}); !errors.As(err, &missing) || !strings.Contains(err.Error(), "java is not installed") {
		t.Errorf("without java: %v", err)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
