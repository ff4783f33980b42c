package loggers

import (
	"bytes"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestLevelsAreInheritedAndSetBelow(t *testing.T) {
	var out bytes.Buffer
	r := New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.Level(-100)}), "info")
	a, ab, b := r.Logger("a"), r.Logger("a.b"), r.Logger("b")
	say := func() string {
		out.Reset()
		for _, l := range []*slog.Logger{a, ab, b} {
			l.Debug("d")
			l.Info("i")
		}
		return strings.Join(strings.Fields(strings.ReplaceAll(out.String(), "logger=", "")), " ")
	}
	count := func(s string) (debug, info int) { return strings.Count(s, "msg=d"), strings.Count(s, "msg=i") }
	if d, i := count(say()); d != 0 || i != 3 {
		t.Errorf("at first: %d %d", d, i)
	}
	if got := r.Set("a", "debug"); !reflect.DeepEqual(got, []string{"a", "a.b"}) {
		t.Errorf("touched %v", got)
	}
	if d, i := count(say()); d != 2 || i != 3 {
		t.Errorf("a at debug: %d %d", d, i)
	}
	if got := r.Set("ROOT", "OFF"); !reflect.DeepEqual(got, []string{"a", "a.b", "b", "root"}) {
		t.Errorf("touched %v", got)
	}
	if got := say(); got != "" {
		t.Errorf("off: %s", got)
	}
	if l, ok := r.Level("b"); !ok || l.Level != "OFF" {
		t.Errorf("b: %v %v", l, ok)
	}
	if _, ok := r.Level("c"); ok {
		t.Error("c is not known")
	}
	if !Valid("warn") || Valid("loud") {
		t.Error("words")
	}
}
