// Package properties reads Java's .properties format: worker and connector files of Kafka Connect, and the files that
// FileConfigProvider reads.
//
// Guarantees: the same keys and values as java.util.Properties.load gives, for every text: separators, escapes,
// continuation lines, comments, keys given twice (the last counts). What Java refuses (a malformed \u escape) is an error with its
// line. Nothing is expanded: `${…}` stays as it is.
//
// The text is UTF-8. Kafka reads worker files as ISO-8859-1; Parse does so only for a text that is not UTF-8, so that a password
// with an umlaut means what its editor showed. Half a surrogate pair, which no Go string can hold, becomes U+FFFD.
//
// It is our own because github.com/magiconair/properties reads otherwise than Java: it refuses empty keys, and takes blank lines
// and line ends after a backslash differently.
package properties

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Load reads a file.
func Load(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	props, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return props, nil
}

// Parse reads a text.
func Parse(data []byte) (map[string]string, error) {
	props := map[string]string{}
	lines := newLineReader(text(data))
	for {
		line, ok := lines.next()
		if !ok {
			return props, nil
		}
		rawKey, rawValue := split(line)
		key, err := unescape(rawKey)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", lines.first, err)
		}
		value, err := unescape(rawValue)
		if err != nil {
			return nil, fmt.Errorf("line %d: value of %q: %w", lines.first, key, err)
		}
		props[key] = value
	}
}

// text gives the data as UTF-8, which it is or is made from ISO-8859-1.
func text(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}

// lineReader gives logical lines: continuation lines joined, comments and blank lines left out, escapes still in place.
type lineReader struct {
	rest   string
	number int // of the natural line read last
	first  int // of the first natural line of the logical one
}

func newLineReader(s string) *lineReader { return &lineReader{rest: s} }

func (l *lineReader) next() (string, bool) {
	var b strings.Builder
	continued := false
	for {
		natural, ok := l.natural()
		if !ok {
			// A continuation that meets the end leaves what there is, as Java does.
			return b.String(), continued
		}
		natural = strings.TrimLeft(natural, blanks)
		if b.Len() == 0 { // as long as nothing has come, Java takes # for a comment, also after a lone backslash
			l.first = l.number
			if natural == "" || natural[0] == '#' || natural[0] == '!' {
				continued = false
				continue
			}
		}
		if !endsInOddBackslashes(natural) {
			b.WriteString(natural)
			return b.String(), true
		}
		b.WriteString(natural[:len(natural)-1])
		continued = true
	}
}

// natural gives one line without its end, which is \n, \r or \r\n.
func (l *lineReader) natural() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	l.number++
	end := strings.IndexAny(l.rest, "\r\n")
	if end < 0 {
		line := l.rest
		l.rest = ""
		return line, true
	}
	line := l.rest[:end]
	if strings.HasPrefix(l.rest[end:], "\r\n") {
		end++
	}
	l.rest = l.rest[end+1:]
	return line, true
}

const blanks = " \t\f"

func endsInOddBackslashes(s string) bool {
	n := len(s) - len(strings.TrimRight(s, `\`))
	return n%2 == 1
}

// split cuts a logical line at its separator: the first unescaped `=`, `:` or blank; one `=` or `:` may follow blanks.
func split(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=:"+blanks, rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	value = strings.TrimLeft(line[end:], blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
	}
	return line[:end], value
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			break // a lone backslash at the end of the text says nothing
		}
		switch c := s[i]; c {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, width, err := codePoint(s[i+1:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += width
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// codePoint reads the digits after `\u`, and a second escape where the first is half of a surrogate pair.
func codePoint(s string) (r rune, width int, err error) {
	first, err := hex4(s)
	if err != nil {
		return 0, 0, err
	}
	if utf16.IsSurrogate(first) && strings.HasPrefix(s[4:], `\u`) {
		if second, err := hex4(s[6:]); err == nil {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, 10, nil
			}
		}
	}
	return first, 4, nil // WriteRune turns half a pair into U+FFFD
}

func hex4(s string) (rune, error) {
	if len(s) >= 4 {
		if v, err := strconv.ParseUint(s[:4], 16, 16); err == nil {
			return rune(v), nil
		}
	}
	return 0, fmt.Errorf(`malformed \uxxxx escape: want four hexadecimal digits after \u`)
}
