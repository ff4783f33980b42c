package capture

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"leat/record"
	"leat/schema"
)

func testConfig() *Config {
	return &Config{TopicPrefix: "s1", TopicDelimiter: ".", NamingStrategy: "io.debezium.schema.SchemaTopicNamingStrategy",
		HeartbeatPrefix: "__debezium-heartbeat", MaxBatch: 1, MaxQueue: 2, SkippedOperations: []string{"t"}}
}

func TestFilterMatchesWholeNamesAndIgnoresCase(t *testing.T) {
	c := testConfig()
	c.TableInclude, c.ColumnExclude = `inv\.(a|b), pub.*`, "inv.a.secret"
	f, err := NewFilter(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"inv.a": true, "INV.B": true, "inv.ab": false, "xinv.a": false, "public.t": true} {
		schema, table, _ := strings.Cut(name, ".")
		if f.Table(schema, table) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if f.Column("inv", "a", "secret") || !f.Column("inv", "a", "secret2") {
		t.Error("columns")
	}
	if got := fmt.Sprint(SplitPatterns(`a{1\,2}, b`)); got != "[a{1,2} b]" {
		t.Error(got)
	}
}

func TestCheckTellsEveryProblem(t *testing.T) {
	c := testConfig()
	c.TopicPrefix, c.TableInclude, c.TableExclude, c.MaxQueue = "a b", "(", "x", 1
	c.KeyColumns, c.NamingStrategy, c.SnapshotMode = "nocolumns", "my.Strategy", SnapshotCustom
	c.ColumnMask = map[string]string{"with.x.chars": "a"}
	got := fmt.Sprint(c.Check())
	for _, want := range []string{"topic.prefix", "together with table.exclude.list", "max.queue.size", "message.key.columns", "topic.naming.strategy", "snapshot.mode", "column.mask", "invalid regular expression"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if p := testConfig().Check(); len(p) > 0 {
		t.Error(p)
	}
}

func TestTopicsAreNamedAndSanitised(t *testing.T) {
	for _, c := range []struct{ strategy, regex, replacement, want string }{
		{"SchemaTopicNamingStrategy", "", "", "s1.pub.t_1_"},
		{"DefaultTopicNamingStrategy", "", "", "s1.t_1_"},
		{"SchemaUnicodeTopicNamingStrategy", "", "", "s1.pub.t_u00241_u0024"},
		{"SchemaRegexTopicNamingStrategy", `s1\.(.*)\..*`, "all.$1", "all.pub"},
	} {
		cfg := testConfig()
		cfg.NamingStrategy, cfg.TopicRegex, cfg.TopicReplacement = "io.debezium.schema."+c.strategy, c.regex, c.replacement
		n, err := NewNaming(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Table("pub", "t$1$"); got != c.want {
			t.Errorf("%s: %s", c.strategy, got)
		}
		if n.Heartbeat() != "__debezium-heartbeat.s1" || n.Message() != "s1.message" {
			t.Error("other topics")
		}
	}
}

func TestNamesAreAdjustedForAvro(t *testing.T) {
	if got := AdjustAvro.Schema("s1.my-table.Value"); got != "s1.my_table.Value" {
		t.Error(got)
	}
	if got := AdjustAvro.Field("1a.b"); got != "_1a_b" {
		t.Error(got)
	}
	if got := AdjustNone.Field("1a.b"); got != "1a.b" {
		t.Error(got)
	}
}

func TestHashOfAStringIsJavas(t *testing.T) {
	// SHA-256 of the salt and of what java.io.ObjectOutputStream writes for "ab": ac ed 00 05 74 00 02 61 62.
	if got := fmt.Sprintf("%x", javaString("ab")); got != "aced0005740002"+"6162" {
		t.Error(got)
	}
	c := testConfig()
	c.ColumnMask = map[string]string{"hash.SHA-256.with.salt.x": "a.b.c"}
	c.ColumnTruncate = map[string]string{"to.2.chars": "a.b.d"}
	rules, err := NewColumnRules(c)
	if err != nil {
		t.Fatal(err)
	}
	apply, tells := rules.Of("a", "b", "c", true, 10)
	if v := apply(record.String("ab")); v.Len() != 10 {
		t.Error("not cut to the column's length")
	}
	if v, _ := schema.New(schema.String, tells...).Param("masked"); v != "true" {
		t.Error("not told as masked")
	}
	apply, tells = rules.Of("a", "b", "d", true, 0)
	if v := apply(record.String("äöü")); v.Str() != "äö" {
		t.Error("not truncated")
	}
	if v, _ := schema.New(schema.String, tells...).Param("truncateLength"); v != "2" {
		t.Error("not told as truncated")
	}
	if apply, tells = rules.Of("a", "b", "d", true, 2); apply != nil || tells != nil {
		t.Error("a column that is no longer than the limit is told as truncated")
	}
}

func TestSlabHandsOutSeparatePieces(t *testing.T) {
	var s Slab
	a, b := s.Values(3), s.Values(2)
	a = append(a, record.Int(1)) // must not reach b
	if len(a) != 4 || !b[0].IsNull() {
		t.Error("values overlap")
	}
	x := s.Keep(append(s.Buffer(4), "abcd"...))
	y := s.Keep(append(s.Buffer(4), "efgh"...))
	if string(append(x, 'z')) != "abcdz" || string(y) != "efgh" {
		t.Error("bytes overlap")
	}
	long := s.Keep(append(s.Buffer(2), strings.Repeat("q", 100_000)...))
	if len(long) != 100_000 || string(s.Keep(append(s.Buffer(2), "ok"...))) != "ok" {
		t.Error("a buffer that outgrew its block")
	}
}

func TestSlabKeepsNothingAliveAcrossACut(t *testing.T) {
	var s Slab
	freed := make(chan struct{})
	large := new([1 << 20]byte)
	runtime.AddCleanup(large, func(struct{}) { close(freed) }, struct{}{})
	s.Values(1)[0] = record.Bytes(large[:])
	large = nil
	s.Cut()
	s.Values(1)
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(&s)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("what was taken before the cut is kept alive by what is taken after it")
}
