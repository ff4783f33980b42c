package record

import "strings"

// tokens cuts text at the delimiters of arrays, maps and quotes, which are tokens themselves. A backslash takes the meaning
// from the delimiter after it.
type tokens struct {
	text   string
	at     int
	peeked string // the next token, when it was looked at
	ahead  bool
}

func (t *tokens) hasNext() bool { return t.ahead || t.at < len(t.text) }

// mark gives the place of the next token, for rewind.
func (t *tokens) mark() int {
	if t.ahead {
		return t.at - len(t.peeked)
	}
	return t.at
}

func (t *tokens) rewind(to int) { t.at, t.ahead = to, false }

func (t *tokens) next() string {
	if t.ahead {
		t.ahead = false
		return t.peeked
	}
	return t.cut()
}

// take gives the text of the next n tokens; nothing where there are fewer.
func (t *tokens) take(n int) (string, bool) {
	start := t.mark()
	for range n {
		if !t.hasNext() {
			t.rewind(start)
			return "", false
		}
		t.next()
	}
	return t.text[start:t.at], true
}

func (t *tokens) cut() string {
	start, escaped := t.at, false
	for ; t.at < len(t.text); t.at++ {
		c := t.text[t.at]
		switch {
		case c == '\\':
			escaped = !escaped
			continue
		case !escaped && strings.IndexByte(`:,{}[]"`, c) >= 0:
			if start < t.at {
				return t.text[start:t.at]
			}
			t.at++
			return t.text[start:t.at]
		}
		escaped = false
	}
	return t.text[start:t.at]
}

// consume steps over the next token if it is want, space aside.
func (t *tokens) consume(want string) bool {
	if !t.ahead {
		if !t.hasNext() {
			return false
		}
		t.peeked, t.ahead = t.cut(), true
	}
	for strings.TrimSpace(t.peeked) == "" && t.at < len(t.text) {
		t.peeked = t.cut()
	}
	if strings.TrimSpace(t.peeked) != want {
		return false
	}
	t.ahead = false
	return true
}
