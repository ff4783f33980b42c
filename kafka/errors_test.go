package kafka

import (
	"strings"
	"testing"
)

func TestShownKeyIsThePayloadOfAKeyWithSchema(t *testing.T) {
	schema := `{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":false},"payload":`
	for _, c := range []struct{ name, key, want string }{
		{"struct", schema + `{"id":7}}`, `"{\"id\":7}"`},
		{"long", schema + `"` + strings.Repeat("a", 100) + `"}`, `"\"` + strings.Repeat("a", 63) + `"… of 102 bytes`},
		{"without schema", `{"id":7}`, `"{\"id\":7}"`},
		{"not JSON", `id-7`, `"id-7"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := shownKey([]byte(c.key)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
