package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"leat/config"
)

type mode string

func (mode) Words() []string { return []string{"insert", "upsert", "update"} }

func (m *mode) UnmarshalText(b []byte) error {
	w, err := config.Word(string(b), m.Words())
	*m = mode(w)
	return err
}

type shared struct {
	Timeout time.Duration `config:"timeout.ms" default:"5000" min:"0"`
}

type sample struct {
	shared
	Hosts    []string          `config:"hosts,required" importance:"high" group:"Connection"`
	Port     int               `config:"port" default:"5432" min:"1" max:"65535" group:"Connection"`
	Mode     mode              `config:"insert.mode" default:"insert" alias:"mode"`
	Password config.Secret     `config:"password"`
	Ratio    *float64          `config:"ratio"`
	Dry      bool              `config:"dry.run" default:"false"`
	Retries  int64             `config:"retries" default:"-1"`
	Extra    map[string]string `config:"extra.*"`
}

func TestParseFillsEveryTypeAndDefault(t *testing.T) {
	var got sample
	problems := config.Parse(map[string]string{
		"hosts": "a:1, b:2", "insert.mode": "UPSERT", "password": "pw", "ratio": "0.5", "dry.run": " True", "extra.x.y": "1", "extra.": "dropped",
	}, &got)
	if problems != nil {
		t.Fatal(problems)
	}
	ratio := 0.5
	want := sample{shared: shared{5 * time.Second}, Hosts: []string{"a:1", "b:2"}, Port: 5432, Mode: "upsert", Password: "pw",
		Ratio: &ratio, Dry: true, Retries: -1, Extra: map[string]string{"x.y": "1"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestParseGivesAllProblemsAtOnce(t *testing.T) {
	problems := config.Parse(map[string]string{
		"port": "70000", "mode": "upsrt", "dry.run": "yes", "timeout.ms": "-1", "retries": "many",
	}, new(sample))
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		`timeout.ms: Invalid value -1 for configuration timeout.ms: Value must be at least 0`,
		`hosts: Missing required configuration "hosts" which has no default value.`,
		`port: Invalid value 70000 for configuration port: Value must be no more than 65535`,
		`mode: Invalid value upsrt for configuration mode: String must be one of: insert, upsert, update. Did you mean "upsert"?`,
		`dry.run: Invalid value yes for configuration dry.run: Expected value to be either true or false`,
		`retries: Invalid value many for configuration retries: Not a number of type LONG`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLongMaxValueIsForEver(t *testing.T) {
	var got sample
	if p := config.Parse(map[string]string{"hosts": "a", "timeout.ms": "9223372036854775807"}, &got); p != nil {
		t.Fatal(p)
	}
	if got.Timeout < 24*365*time.Hour {
		t.Errorf("timeout is %s", got.Timeout)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	s := sample{Password: "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb, s); strings.Contains(out, "hunter2") {
			t.Errorf("%s prints the secret: %s", verb, out)
		}
	}
	if s.Password.Reveal() != "hunter2" {
		t.Error("Reveal does not give the secret")
	}
}

func TestDefsTellEveryOption(t *testing.T) {
	defs := config.Defs(sample{}, map[string]string{"port": "The port."})
	byKey := map[string]config.Def{}
	for _, d := range defs {
		byKey[d.Key] = d
	}
	if d := byKey["port"]; d.Doc != "The port." || d.Type != config.TypeInt || d.Default != "5432" || d.Group != "Connection" || d.Order != 2 {
		t.Errorf("port: %+v", d)
	}
	if d := byKey["hosts"]; !d.Required || d.Importance != "HIGH" || d.Type != config.TypeList || d.HasDefault {
		t.Errorf("hosts: %+v", d)
	}
	if d := byKey["insert.mode"]; !reflect.DeepEqual(d.Words, []string{"insert", "upsert", "update"}) || d.DisplayName != "Insert mode" {
		t.Errorf("insert.mode: %+v", d)
	}
	if d := byKey["extra."]; !d.Prefix {
		t.Errorf("extra: %+v", d)
	}
}

func TestUnknownKeysGetTheNearestName(t *testing.T) {
	defs := config.Defs(sample{}, nil)
	got := config.Unknown(map[string]string{"prot": "1", "mode": "x", "extra.z": "1", "hosts": "h", "completely.else": "1"}, defs)
	want := map[string]string{"prot": "port", "completely.else": ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

type ranged struct {
	Low  int    `config:"low" default:"1"`
	High int    `config:"high" default:"10"`
	Name string `config:"name,required"`
}

func (r *ranged) Validate() []config.Problem {
	var out []config.Problem
	if r.Low > r.High {
		out = append(out, config.Problemf("low", "%d is above high, %d", r.Low, r.High))
	}
	if r.Name != "x" {
		out = append(out, config.Problemf("name", "%q is not x", r.Name))
	}
	return out
}

func TestChecksAcrossOptionsAreInTheSameAnswer(t *testing.T) {
	for _, c := range []struct {
		props map[string]string
		want  string
	}{
		{map[string]string{"low": "11", "name": "x"}, "low: 11 is above high, 10"},
		{map[string]string{"high": "abc", "low": "11", "name": "y"},
			`high: Invalid value abc for configuration high: Not a number of type INT; low: 11 is above high, 10; name: "y" is not x`},
		{map[string]string{"name": " "}, "name: Invalid value   for configuration name: A value is required"},
	} {
		var got []string
		for _, p := range config.Parse(c.props, new(ranged)) {
			got = append(got, p.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%v: got %s, want %s", c.props, strings.Join(got, "; "), c.want)
		}
	}
}
