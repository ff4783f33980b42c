package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/config"
	"leat/connector"
	"leat/convert"
	"leat/convert/json"
	"leat/record"
	"leat/transform"
)

type pickyOptions struct {
	Field string `config:"field,required"`
}

// bench is a worker that validates, without a log.
func bench(props map[string]string, change ...func(*connector.Plugin)) *Worker {
	source, sink := (&tape{}).plugin(), (&shelf{}).plugin()
	for _, c := range change {
		c(&source)
	}
	newNothing := func(any, record.Part) (transform.Transform, error) {
		return marker{func(*record.Record) (bool, error) { return true, nil }}, nil
	}
	return New(Options{Props: props, Plugins: Plugins{
		Connectors: []connector.Plugin{source, sink}, Converters: []convert.Plugin{json.Plugin, simpleHeaders},
		Transforms: []transform.Plugin{
			{Name: "picky", Classes: []string{"org.test.Picky"}, Parts: true, Config: pickyOptions{}, New: newNothing},
			{Name: "plain", Classes: []string{"org.test.Plain"}, Config: struct{}{}, New: newNothing},
		},
		Predicates: []transform.PredicatePlugin{{Name: "always", Classes: []string{"org.test.Always"}, Config: struct{}{},
			New: func(any) (transform.Predicate, error) { return nil, nil }}},
	}})
}

func pairs(kv ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		out[kv[i]] = kv[i+1]
	}
	return out
}

func TestValidateTellsEverythingAtOnceInKafkasWords(t *testing.T) {
	source := []string{"name", "c", "connector.class", "TapeSourceConnector"}
	sink := []string{"name", "c", "connector.class", "shelf"}
	tests := []struct {
		name  string
		props []string
		want  []string // key: message, all of them, in order of keys as answered
	}{
		{"nothing wrong", source, nil},
		{"nothing given", nil, []string{
			`name: Missing required configuration "name" which has no default value.`,
			`connector.class: Missing required configuration "connector.class" which has no default value.`}},
		{"unknown class, near", []string{"name", "c", "connector.class", "TapeSourceConector"}, []string{
			`connector.class: Failed to find any class that implements Connector and which name matches TapeSourceConector, available connectors are: test.TapeSourceConnector, test.ShelfSinkConnector. Did you mean "TapeSourceConnector"?`}},
		{"numbers and words", append(source, "tasks.max", "0", "errors.tolerance", "some"), []string{
			`tasks.max: Invalid value 0 for configuration tasks.max: Value must be at least 1`,
			`errors.tolerance: Invalid value some for configuration errors.tolerance: String must be one of: none, all`}},
		{"sink without topics", sink, []string{
			`topics: Must configure one of topics or topics.regex`, `topics.regex: Must configure one of topics or topics.regex`}},
		{"sink with both", append(sink, "topics", "a", "topics.regex", "b"), []string{
			`topics: topics and topics.regex are mutually exclusive options, but both are set.`,
			`topics.regex: topics and topics.regex are mutually exclusive options, but both are set.`}},
		{"dead letters into a topic that is read", append(sink, "topics", "a,b", "errors.deadletterqueue.topic.name", "b"), []string{
			`topics: The DLQ topic 'b' may not be included in the list of topics ('topics=a,b') consumed by the connector`}},
		{"dead letters into a topic that matches", append(sink, "topics.regex", "a.*", "errors.deadletterqueue.topic.name", "ab"), []string{
			`topics.regex: The DLQ topic 'ab' may not be included in the regex matching the topics ('topics.regex=a.*') consumed by the connector`}},
		{"alias twice", append(source, "transforms", "p,p", "transforms.p.type", "plain"), []string{
			`transforms: Invalid value [p, p] for configuration transforms: Duplicate alias provided.`}},
		{"transform without type", append(source, "transforms", "p"), []string{
			`transforms.p.type: Missing required configuration "transforms.p.type" which has no default value.`}},
		{"transform of an unknown class", append(source, "transforms", "p", "transforms.p.type", "org.test.Plane"), []string{
			`transforms.p.type: Invalid value org.test.Plane for configuration transforms.p.type: Class org.test.Plane could not be found. Did you mean "org.test.Plain"?`}},
		{"transform that wants a part", append(source, "transforms", "p", "transforms.p.type", "org.test.Picky"), []string{
			`transforms.p.type: Invalid value org.test.Picky for configuration transforms.p.type: Transformation is abstract and cannot be created. Did you mean org.test.Picky$Key, org.test.Picky$Value?`}},
		{"transform's own option", append(source, "transforms", "p", "transforms.p.type", "Picky$Key"), []string{
			`transforms.p.field: Missing required configuration "transforms.p.field" which has no default value.`}},
		{"negate without predicate", append(source, "transforms", "p", "transforms.p.type", "plain", "transforms.p.negate", "true"), []string{
			`transforms.p.negate: Config 'transforms.p.negate' was provided but there is no config 'transforms.p.predicate' defining a predicate to be negated.`}},
		{"predicate that is not there", append(source, "transforms", "p", "transforms.p.type", "plain", "transforms.p.predicate", "q"), []string{
			`transforms.p.predicate: Invalid value q for configuration transforms.p.predicate: there is no predicate of this alias in predicates=`}},
		{"converter of an unknown class", append(source, "key.converter", "JsonConvertor"), []string{
			`key.converter: Invalid value JsonConvertor for configuration key.converter: Class JsonConvertor could not be found. Did you mean "JsonConverter"?`}},
		{"converter's option", append(source, "key.converter", "Json", "key.converter.schemas.enable", "maybe"), []string{
			`key.converter.schemas.enable: Invalid value maybe for configuration key.converter.schemas.enable: Expected value to be either true or false`}},
		{"topic creation without defaults", append(source, "topic.creation.default.partitions", "3"), []string{
			`topic.creation.default.replication.factor: Missing required configuration "topic.creation.default.replication.factor" which has no default value.`}},
		{"exactly once", append(source, "exactly.once.support", "required"), []string{
			`exactly.once.support: This worker does not have exactly-once source support enabled.`}},
		{"client option", append(sink, "topics", "a", "consumer.override.max.poll.records", "many"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := bench(nil).Validate(t.Context(), pairs(tt.props...), true)
			var got []string
			for _, c := range v.Values {
				for _, e := range c.Errors {
					got = append(got, c.Key+": "+e)
				}
			}
			if tt.name == "client option" {
				if len(got) != 1 || !strings.HasPrefix(got[0], "consumer.override.max.poll.records: ") {
					t.Fatalf("errors %q", got)
				}
				return
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("errors\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestValidateNotesUnknownKeysAndIsNoError(t *testing.T) {
	v := bench(nil).Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "errors.tolerence", "all", "wrod", "x", "key.converter.schemas.enable", "false"), false)
	if len(v.Errors()) != 0 {
		t.Fatalf("errors: %v", v.Errors())
	}
	notes := strings.Join(v.Notes, "\n")
	for _, want := range []string{"errors.tolerence is kept and ignored. Did you mean errors.tolerance?", "wrod is kept and ignored. Did you mean word?",
		"key.converter.schemas.enable has no effect, because key.converter is not set"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
}

func TestValidateHidesSecrets(t *testing.T) {
	v := bench(nil).Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "pass", "s3cret",
		"producer.override.sasl.jaas.config", "s3cret", "other.password", "s3cret"), false)
	if text := show(v); strings.Contains(text, "s3cret") || strings.Count(text, config.Hidden) != 3 {
		t.Errorf("answer shows a secret:\n%s", text)
	}
}

// show writes what an answer holds, values included.
func show(v Validation) string {
	var b strings.Builder
	for _, c := range v.Values {
		value := "-"
		if c.Value != nil {
			value = *c.Value
		}
		fmt.Fprintln(&b, c.Key, value, c.Errors)
	}
	return b.String() + strings.Join(v.Notes, "\n")
}

func TestLiveChecksOnlyWhenAllElseIsRightAndBounded(t *testing.T) {
	calls := 0
	w := bench(nil, func(p *connector.Plugin) {
		p.Check = func(context.Context, any) []config.Problem {
			calls++
			return []config.Problem{config.Problemf("word", "no such word there")}
		}
	})
	if v := w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "tasks.max", "0"), true); calls != 0 || len(v.Errors()) != 1 {
		t.Errorf("%d live checks beside errors %v", calls, v.Errors())
	}
	if v := w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape"), true); !slices.Equal(v.Errors(), []string{"no such word there"}) {
		t.Errorf("errors %v", v.Errors())
	}
	if v := w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape"), false); len(v.Errors()) != 0 {
		t.Errorf("live checks were made without live: %v", v.Errors())
	}
	hang := make(chan struct{})
	defer close(hang)
	w = bench(nil, func(p *connector.Plugin) {
		p.Check = func(context.Context, any) []config.Problem { <-hang; return nil }
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if v := w.Validate(ctx, pairs("name", "c", "connector.class", "tape"), true); len(v.Errors()) != 1 {
		t.Errorf("errors of a check that hangs: %v", v.Errors())
	}
}

func TestConvertersTakeTheOptionsOfTheirOwner(t *testing.T) {
	tests := []struct {
		name      string
		worker    []string
		connector []string
		schemas   bool
	}{
		{"worker's converter with the worker's options", []string{"value.converter", "JsonConverter", "value.converter.schemas.enable", "false"}, nil, false},
		{"the connector's options do not reach the worker's converter", []string{"value.converter", "JsonConverter", "value.converter.schemas.enable", "false"},
			[]string{"value.converter.schemas.enable", "true"}, false},
		{"the worker's options do not reach the connector's converter", []string{"value.converter", "JsonConverter", "value.converter.schemas.enable", "false"},
			[]string{"value.converter", "JsonConverter"}, true},
		{"both of the connector", nil, []string{"value.converter", "JsonConverter", "value.converter.schemas.enable", "false"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := bench(pairs(tt.worker...)).inspect(pairs(append(tt.connector, "name", "c", "connector.class", "tape")...))
			if err := in.err(); err != nil {
				t.Fatal(err)
			}
			out, err := in.value.Encode(nil, convert.At{}, nil, nil, record.Int(1))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out), "schema"); got != tt.schemas {
				t.Errorf("encoded as %s", out)
			}
		})
	}
}

func TestOverridePolicies(t *testing.T) {
	for policy, allowed := range map[string][]string{
		"All":       {"linger.ms", "sasl.jaas.config"},
		"None":      {},
		"Principal": {"sasl.jaas.config"},
		"Allowlist": {"linger.ms"},
		"org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy": {},
	} {
		w := bench(pairs("connector.client.config.override.policy", policy, "connector.client.config.override.allowlist", "linger.ms"))
		for key, value := range map[string]string{"linger.ms": "5", "sasl.jaas.config": "org.x.Plain required;"} {
			v := w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "producer.override."+key, value), false)
			if refused := len(v.Errors()) > 0; refused == slices.Contains(allowed, key) {
				t.Errorf("policy %s, %s: %v", policy, key, v.Errors())
			}
		}
	}
}

func TestAliasesFindClassesUnlessAmbiguous(t *testing.T) {
	all := []named{{"a", []string{"io.debezium.JdbcSinkConnector"}}, {"b", []string{"io.confluent.JdbcSinkConnector"}}, {"c", []string{"x.FileSourceConnector"}}}
	for alias, want := range map[string]int{
		"io.debezium.JdbcSinkConnector": 0, "b": 1, "JdbcSink": -1, "JdbcSinkConnector": -1, "FileSource": 2, "FileSourceConnector": 2, "": -1, "File": -1,
	} {
		if got := find(all, alias, "Connector"); got != want {
			t.Errorf("%q is %d, want %d", alias, got, want)
		}
	}
}

func TestConfigProvidersAreResolvedBeforeParsingAndFailuresNamed(t *testing.T) {
	w := bench(nil)
	w.opts.Resolve = func(props map[string]string) (map[string]string, error) {
		out := map[string]string{}
		for k, v := range props {
			if v == "${bad:x}" {
				return nil, fmt.Errorf("there is no provider bad")
			}
			out[k] = strings.ReplaceAll(v, "${file:tasks}", "3")
		}
		return out, nil
	}
	in := w.inspect(pairs("name", "c", "connector.class", "tape", "tasks.max", "${file:tasks}"))
	if in.err() != nil || in.common.TasksMax != 3 {
		t.Errorf("tasks.max %d, %v", in.common.TasksMax, in.err())
	}
	v := w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "word", "${bad:x}"), false)
	if got := v.Errors(); len(got) != 1 || !strings.Contains(got[0], "there is no provider bad") {
		t.Errorf("errors %q", got)
	}
	if text := show(w.Validate(t.Context(), pairs("name", "c", "connector.class", "tape", "tasks.max", "${file:tasks}"), false)); !strings.Contains(text, "${file:tasks}") {
		t.Errorf("the answer should show what was given:\n%s", text)
	}
}

func TestTopicCreationGroups(t *testing.T) {
	in := bench(nil).inspect(pairs("name", "c", "connector.class", "tape", "topic.creation.groups", "big,odd",
		"topic.creation.default.partitions", "1", "topic.creation.default.replication.factor", "-1", "topic.creation.default.cleanup.policy", "compact",
		"topic.creation.big.include", "big\\..*, huge", "topic.creation.big.exclude", "big\\.not", "topic.creation.big.partitions", "12",
		"topic.creation.odd.include", ".*", "topic.creation.odd.exclude", "plain", "topic.creation.odd.retention.ms", "5"))
	if err := in.err(); err != nil {
		t.Fatal(err)
	}
	m := topicMaker{groups: in.topics}
	for topic, want := range map[string]string{
		"big.one": "big 12 -1 map[]", "huge": "big 12 -1 map[]", "big.not": "odd 1 -1 map[retention.ms:5]", "abig.x": "odd 1 -1 map[retention.ms:5]",
		"plain": "default 1 -1 map[cleanup.policy:compact]",
	} {
		g := m.groupOf(topic)
		if got := fmt.Sprint(g.name, " ", g.partitions, " ", g.replicationFactor, " ", g.settings); got != want {
			t.Errorf("topic %s: %s, want %s", topic, got, want)
		}
	}
}

func TestDefinitionsAndDescriptions(t *testing.T) {
	w := bench(nil)
	for _, d := range w.Descriptions() {
		if _, ok := w.Definitions(d.Class); !ok {
			t.Errorf("no definitions of %s", d.Class)
		}
	}
	defs, _ := w.Definitions("tape")
	for _, d := range defs {
		if settingsDocs[d.Key] != "" && d.Doc == "" {
			t.Errorf("%s has no documentation", d.Key)
		}
	}
	for _, d := range append(config.Defs(sourceSettings{}, sourceSettingsDocs), config.Defs(sinkSettings{}, sinkSettingsDocs)...) {
		if d.Doc == "" {
			t.Errorf("%s has no documentation", d.Key)
		}
	}
}

func TestOldOptionsOfATransformAreNotUnknown(t *testing.T) {
	r := newRig(t, rigOptions{sink: &shelf{}, transform: func(*record.Record) (bool, error) { return true, nil }})
	v := r.w.Validate(t.Context(), with(shelfProps, "name", "c", "transforms", "m", "transforms.m.type", "marker", "transforms.m.before", "1", "transforms.m.wrong", "1"), false)
	want := []string{"before is old", "Unknown option transforms.m.wrong is kept and ignored. Did you mean transforms.m.type?"}
	if !slices.Equal(v.Notes, want) {
		t.Errorf("notes %q, want %q", v.Notes, want)
	}
}

func TestMisspeltSecretsAreHidden(t *testing.T) {
	for key, hidden := range map[string]bool{"connection.passwrd": true, "database.pasword": true, "sasl.jaas.confg": true, "table.name": false} {
		if secretName.MatchString(key) != hidden {
			t.Errorf("%s: hidden is %t", key, !hidden)
		}
	}
}

func TestPasswordsWithinURLsAreHidden(t *testing.T) {
	for in, want := range map[string]string{
		"jdbc:postgresql://h/db?user=u&password=s3cret&ssl=true": "jdbc:postgresql://h/db?user=u&password=[hidden]&ssl=true",
		"jdbc:postgresql://h/db?sslpassword=a%20b;Passwd=x":      "jdbc:postgresql://h/db?sslpassword=[hidden];Passwd=[hidden]",
		"jdbc:sqlite:/data/password=kept.db":                     "jdbc:sqlite:/data/password=kept.db",
	} {
		if got := hidePasswords(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
