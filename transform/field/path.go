package field

import (
	"fmt"
	"strings"
)

// Syntax is how a path of fields is read.
type Syntax string

// The syntaxes: V1 is one name; in V2 dots lead into inner structs, and backticks quote a name with dots.
const (
	V1 Syntax = "V1"
	V2 Syntax = "V2"
)

// UnmarshalText accepts the words in any case.
func (s *Syntax) UnmarshalText(b []byte) error {
	switch w := Syntax(strings.ToUpper(string(b))); w {
	case V1, V2:
		*s = w
		return nil
	}
	return fmt.Errorf("%q is no field syntax: write V1 or V2", b)
}

// Words are the syntaxes.
func (Syntax) Words() []string { return []string{string(V1), string(V2)} }

// steps cuts a path into names.
func (s Syntax) steps(path string) ([]string, error) {
	if s != V2 {
		return []string{path}, nil
	}
	var steps []string
	for rest := path; ; {
		var name string
		var more bool
		if strings.HasPrefix(rest, "`") {
			var err error
			if name, rest, more, err = quotedStep(path, rest[1:]); err != nil {
				return nil, err
			}
		} else {
			name, rest, more = strings.Cut(rest, ".")
		}
		steps = append(steps, name)
		if !more {
			return steps, nil
		}
	}
}

// quotedStep reads up to the backtick that ends the name: one before a dot or at the end, and not after a backslash. Other
// backticks belong to the name; a backslash is taken out only before a backtick that would have ended it.
func quotedStep(path, rest string) (name, after string, more bool, err error) {
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		if rest[i] != '`' {
			b.WriteByte(rest[i])
			continue
		}
		last := i == len(rest)-1
		escaped := i > 0 && rest[i-1] == '\\'
		switch {
		case last && !escaped:
			return b.String(), "", false, nil
		case !last && rest[i+1] == '.' && !escaped:
			return b.String(), rest[i+2:], true, nil
		case !last && rest[i+1] == '.':
			unescaped := strings.TrimSuffix(b.String(), `\`)
			b.Reset()
			b.WriteString(unescaped)
		}
		b.WriteByte('`')
	}
	return "", "", false, fmt.Errorf("the path %q has a backtick without its partner: put a backslash before a backtick that belongs to a name", path)
}
