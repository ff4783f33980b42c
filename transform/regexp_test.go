package transform

import "testing"

func TestExpressionsAreThoseOfJava(t *testing.T) {
	for _, c := range []struct{ regex, replacement, in, want string }{
		{`(.*)`, "x-$1", "topic", "x-topic"},
		{`pg\.public\.(.*)`, "$1", "pg.public.orders", "orders"},
		{`([^.]+)\.([^.]+)\.([^.]+)`, "$3", "a.b.c", "c"},
		{`(a)(b)?c`, "[$1$2]", "ac", "[a]"},
		{`(?<name>.*)-dev`, "${name}", "orders-dev", "orders"},
		{`(.)`, "$12", "a", "a2"},
		{`(.*)`, `\$1\\`, "a", `$1\`},
		{`a|ab`, "x", "ab", "xb"}, // Java finds again, from the start
		{`(?!__)(.*)`, "p.$1", "été", "p.été"},
		{`(\w+)\.\1`, "$1", "a.a", "a"},
	} {
		var r Regexp
		if err := r.UnmarshalText([]byte(c.regex)); err != nil {
			t.Fatal(err)
		}
		whole, err := r.MatchWhole(c.in)
		if err != nil || !whole {
			t.Errorf("%s does not match all of %s: %v", c.regex, c.in, err)
		}
		if got, err := r.ReplaceFirst(c.in, c.replacement); err != nil || got != c.want {
			t.Errorf("%s with %s made %q of %q, %v, want %q", c.regex, c.replacement, got, c.in, err, c.want)
		}
	}
}

func TestOnlyAWholeMatchCounts(t *testing.T) {
	var r Regexp
	if err := r.UnmarshalText([]byte("orders|(?=x)y")); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.MatchWhole("orders-1"); ok || err != nil {
		t.Errorf("orders-1 matched: %v", err)
	}
}

func TestWrongExpressionsAreReported(t *testing.T) {
	var r Regexp
	if err := r.UnmarshalText([]byte("(")); err == nil {
		t.Error("an open group was accepted")
	}
	if err := r.UnmarshalText([]byte("(a)")); err != nil {
		t.Fatal(err)
	}
	for _, replacement := range []string{"$2", "$", "${x}", `\`} {
		if got, err := r.ReplaceFirst("a", replacement); err == nil {
			t.Errorf("%s gave %q", replacement, got)
		}
	}
}
