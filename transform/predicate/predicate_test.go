package predicate

import (
	"testing"

	"leat/config"
	"leat/record"
	"leat/transform"
)

func start(t *testing.T, p transform.PredicatePlugin, props map[string]string) transform.Predicate {
	cfg := config.New(p.Config)
	if problems := config.Parse(props, cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	pred, err := p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return pred
}

func TestPredicates(t *testing.T) {
	tombstone := &record.Record{Topic: "orders-1"}
	row := &record.Record{Topic: "orders", Value: record.Int(1), Headers: []record.Header{{Key: "x"}}}
	for _, c := range []struct {
		name           string
		plugin         transform.PredicatePlugin
		props          map[string]string
		tombstone, row bool
	}{
		{"a topic by its whole name", TopicPlugin, map[string]string{"pattern": "orders"}, false, true},
		{"topics by a pattern", TopicPlugin, map[string]string{"pattern": "orders(-\\d)?"}, true, true},
		{"topics by look-ahead", TopicPlugin, map[string]string{"pattern": "(?!orders$).*"}, true, false},
		{"tombstones", TombstonePlugin, nil, true, false},
		{"a header", HeaderPlugin, map[string]string{"name": "x"}, false, true},
		{"another header", HeaderPlugin, map[string]string{"name": "X"}, false, false},
	} {
		p := start(t, c.plugin, c.props)
		for range 2 {
			if p.Test(tombstone) != c.tombstone || p.Test(row) != c.row {
				t.Errorf("%s: tombstone %v, row %v", c.name, p.Test(tombstone), p.Test(row))
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, p := range []transform.PredicatePlugin{TopicPlugin, HeaderPlugin} {
		if problems := config.Parse(nil, config.New(p.Config)); len(problems) != 1 {
			t.Errorf("%s without options: %v", p.Name, problems)
		}
	}
	if problems := config.Parse(map[string]string{"pattern": "("}, config.New(TopicConfig{})); len(problems) != 1 {
		t.Errorf("a wrong pattern: %v", problems)
	}
}
