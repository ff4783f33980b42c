package security

import (
	"errors"
	"fmt"
	"strings"
)

// login is one entry of sasl.jaas.config: a login module and its options.
type login struct {
	module  string
	options map[string]string
}

// parseJAAS reads `module flag key="value" …;`. Its errors do not show values.
func parseJAAS(s string) (login, error) {
	words, err := jaasWords(s)
	if err != nil {
		return login{}, err
	}
	if len(words) < 2 || words[0].quoted || words[0].text == "=" {
		return login{}, errors.New(`it is not of the form: <login module> required <key>="<value>" …;`)
	}
	switch strings.ToLower(words[1].text) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return login{}, errors.New("after the login module comes required, requisite, sufficient or optional")
	}
	l := login{module: words[0].text, options: map[string]string{}}
	for words = words[2:]; len(words) > 0; words = words[3:] {
		if len(words) < 3 || words[0].quoted || words[1].quoted || words[1].text != "=" {
			return login{}, fmt.Errorf(`after %d options something is not of the form <key>="<value>"`, len(l.options))
		}
		l.options[words[0].text] = words[2].text
	}
	return l, nil
}

type jaasWord struct {
	text   string
	quoted bool
}

// jaasWords cuts an entry up to its semicolon, as java.io.StreamTokenizer is set up for it.
func jaasWords(s string) ([]jaasWord, error) {
	var out []jaasWord
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ';':
			if strings.TrimSpace(s[i+1:]) != "" {
				return nil, errors.New("there is more than one login module")
			}
			return out, nil
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '=':
			out = append(out, jaasWord{text: "="})
			i++
		case c == '"' || c == '\'':
			text, next, ok := jaasQuoted(s, i)
			if !ok {
				return nil, errors.New("a quote is not closed")
			}
			out = append(out, jaasWord{text: text, quoted: true})
			i = next
		default:
			next := i
			for next < len(s) && !strings.ContainsRune(" \t\n\r=;\"'", rune(s[next])) {
				next++
			}
			out = append(out, jaasWord{text: s[i:next]})
			i = next
		}
	}
	return nil, errors.New("it does not end with a semicolon")
}

// jaasQuoted reads a quoted text that begins at i, with Java's escapes.
func jaasQuoted(s string, i int) (text string, next int, ok bool) {
	var b strings.Builder
	quote := s[i]
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), i + 1, true
		case c == '\\' && i+1 < len(s):
			i++
			if at := strings.IndexByte("ntrbfa", s[i]); at >= 0 {
				b.WriteByte("\n\t\r\b\f\a"[at])
			} else {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", i, false
}
