package offsets

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"leat/kafka"
	"leat/record"
)

func value(t testing.TB, text string) record.Value {
	t.Helper()
	var v record.Value
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func offset(t testing.TB, partition, at string) record.SourceOffset {
	return record.SourceOffset{Partition: value(t, partition), Offset: value(t, at)}
}

func shown(v record.Value) string {
	b, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// store is what worker.OffsetStore asks for.
type store interface {
	Get(ctx context.Context, connector string, partition record.Value) (record.Value, error)
	Put(ctx context.Context, connector string, offsets []record.SourceOffset) error
	All(ctx context.Context, connector string) ([]record.SourceOffset, error)
}

// exercise checks what every store must do; reopen gives it anew from what is durable.
func exercise(t *testing.T, s store, reopen func() store) {
	t.Helper()
	put := func(name string, offsets ...record.SourceOffset) {
		t.Helper()
		if err := s.Put(t.Context(), name, offsets); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name, partition, at string) {
		t.Helper()
		v, err := s.Get(t.Context(), name, value(t, partition))
		if err != nil || shown(v) != at {
			t.Fatalf("offset of %s %s is %s, %v; want %s", name, partition, shown(v), err, at)
		}
	}
	want("c", `{"server":"a"}`, "null")
	put("c", offset(t, `{"server":"a"}`, `{"lsn":1}`), offset(t, `{"server":"b","db":"x"}`, `{"lsn":2}`))
	put("d", offset(t, `{"server":"a"}`, `{"lsn":3}`))
	put("c", offset(t, `{"server":"a"}`, `{"lsn":9223372036854775807,"t":"<&>é"}`))
	for range 2 {
		want("c", `{"server":"a"}`, `{"lsn":9223372036854775807,"t":"<&>é"}`)
		want("c", `{"db":"x","server":"b"}`, `{"lsn":2}`) // the order of the fields is none
		want("d", `{"server":"a"}`, `{"lsn":3}`)
		s = reopen()
	}
	all, err := s.All(t.Context(), "c")
	if err != nil || len(all) != 2 {
		t.Fatalf("all: %v, %v", all, err)
	}
	put("c", record.SourceOffset{Partition: value(t, `{"db":"x","server":"b"}`)})
	s = reopen()
	want("c", `{"server":"b","db":"x"}`, "null")
	if all, _ := s.All(t.Context(), "c"); len(all) != 1 {
		t.Fatalf("all after a removal: %v", all)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offsets")
	reopen := func() store {
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	exercise(t, reopen(), reopen)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"key":["d",{"server":"a"}],"offset":{"lsn":3}}`; !strings.Contains(string(data), want+"\n") {
		t.Errorf("file lacks %s:\n%s", want, data)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("files left behind: %v", left)
	}
}

func TestTopicHoldsWhatKafkaConnectWrites(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	log, err := kafka.Open(map[string]string{"bootstrap.servers": strings.Join(k.ListenAddrs(), ",")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	reopen := func() store {
		s, err := OpenTopic(t.Context(), log, TopicOptions{Name: "offsets", Partitions: 3, ReplicationFactor: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	exercise(t, reopen(), reopen)
	f, err := log.NewFetcher(kafka.FetcherOptions{Group: "g", Topics: []string{"offsets"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	found := map[string]string{}
	for end := time.Now().Add(time.Minute); len(found) < 3 && time.Now().Before(end); {
		messages, err := f.Poll(t.Context(), 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			found[string(m.Key)] = string(m.Value)
		}
	}
	if got := found[`["d",{"server":"a"}]`]; got != `{"lsn":3}` {
		t.Errorf("topic holds %v", found)
	}
}

func TestKeyIsKafkaConnects(t *testing.T) {
	key, err := Key("inventory", value(t, `{"server":"dbserver1"}`))
	if err != nil || string(key) != `["inventory",{"server":"dbserver1"}]` {
		t.Errorf("key %s, %v", key, err)
	}
}

func TestFileOfAJavaWorkerIsTakenOver(t *testing.T) {
	data, err := os.ReadFile("testdata/standalone.offsets") // written by java.io.ObjectOutputStream
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "offsets")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as Java wrote it, then as we do
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := f.Get(t.Context(), "pg", value(t, `{"server":"s1"}`))
		w, _ := f.Get(t.Context(), "file", value(t, `{"filename":"/tmp/x"}`))
		if shown(v) != `{"lsn":42,"txId":7}` || shown(w) != `{"position":1234567890123}` {
			t.Fatalf("offsets %s, %s", shown(v), shown(w))
		}
		if err := f.Put(t.Context(), "other", []record.SourceOffset{offset(t, `{"a":1}`, `{"b":2}`)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForeignFilesAreRefusedAndKept(t *testing.T) {
	java, err := os.ReadFile("testdata/other.ser")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"text": "hello\n", "json": `{"a":1}`, "another Java object": string(java), "cut off": "\xac\xed\x00\x05sr", "key of another shape": `{"key":"x","offset":{}}`,
	} {
		path := filepath.Join(t.TempDir(), "offsets")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), "offset.storage.file.filename") {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func FuzzJavaFile(f *testing.F) {
	for _, name := range []string{"testdata/standalone.offsets", "testdata/other.ser"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !isJava(data) {
			return
		}
		file := &File{memory: newMemory()}
		if file.readJava(data) == nil {
			if _, err := file.memory.all("pg"); err != nil && !strings.Contains(err.Error(), "JSON") {
				t.Error(err)
			}
		}
	})
}
