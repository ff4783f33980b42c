package transform

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Regexp is a Java regular expression as an option. Go's engine runs it where it can, since that takes linear time; what it
// lacks (look-around, back references) is run by a backtracking one, for a second at most.
type Regexp struct {
	text        string
	whole, find matcher
}

// matcher gives the places of the first match and its groups, in bytes, -1 for groups without a match; nil for no match.
type matcher interface {
	find(s string) ([]int, error)
	groupOf(name string) int
}

// UnmarshalText compiles the expression.
func (r *Regexp) UnmarshalText(b []byte) (err error) {
	r.text = string(b)
	if r.find, err = compile(r.text); err != nil {
		return fmt.Errorf("%q is no regular expression: %w", r.text, err)
	}
	r.whole, err = compile(`\A(?:` + r.text + `)\z`)
	return err
}

// String gives the expression as it was written.
func (r Regexp) String() string { return r.text }

// MatchWhole tells whether all of s matches.
func (r *Regexp) MatchWhole(s string) (bool, error) {
	m, err := r.whole.find(s)
	return m != nil, err
}

// ReplaceFirst replaces the first match in s; $1, ${name} and \ in the replacement are as in Java.
func (r *Regexp) ReplaceFirst(s, replacement string) (string, error) {
	m, err := r.find.find(s)
	if err != nil || m == nil {
		return s, err
	}
	middle, err := r.expand(s, m, replacement)
	return s[:m[0]] + middle + s[m[1]:], err
}

func (r *Regexp) expand(s string, m []int, replacement string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(replacement); i++ {
		switch c := replacement[i]; {
		case c == '\\' && i+1 < len(replacement):
			i++
			out.WriteByte(replacement[i])
		case c == '\\':
			return "", fmt.Errorf("the replacement %q ends in a backslash", replacement)
		case c == '$':
			group, size := r.group(replacement[i+1:], len(m)/2-1)
			if size == 0 {
				return "", fmt.Errorf("the replacement %q refers to a group that the expression %q does not have", replacement, r.text)
			}
			i += size
			if from := m[2*group]; from >= 0 {
				out.WriteString(s[from:m[2*group+1]])
			}
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// group reads what follows a $: {name}, or as many digits as give a group that exists. size 0: no such group.
func (r *Regexp) group(text string, groups int) (group, size int) {
	if strings.HasPrefix(text, "{") {
		name, _, ok := strings.Cut(text[1:], "}")
		if g := r.find.groupOf(name); ok && g >= 0 {
			return g, len(name) + 2
		}
		return 0, 0
	}
	for size < len(text) && text[size]-'0' <= 9 {
		n, err := strconv.Atoi(text[:size+1])
		if err != nil || n > groups {
			break
		}
		group = n
		size++
	}
	return group, size
}

func compile(text string) (matcher, error) {
	if re, err := regexp.Compile(text); err == nil {
		return linear{re}, nil
	}
	re, err := regexp2.Compile(text, regexp2.None)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = time.Second
	return backtracking{re}, nil
}

type linear struct{ re *regexp.Regexp }

func (l linear) find(s string) ([]int, error) { return l.re.FindStringSubmatchIndex(s), nil }
func (l linear) groupOf(name string) int      { return l.re.SubexpIndex(name) }

type backtracking struct{ re *regexp2.Regexp }

func (b backtracking) groupOf(name string) int { return b.re.GroupNumberFromName(name) }

func (b backtracking) find(s string) ([]int, error) {
	m, err := b.re.FindStringMatch(s)
	if err != nil || m == nil {
		return nil, err
	}
	runes := []rune(s)
	offset := func(i int) int { return len(string(runes[:i])) }
	var places []int
	for _, g := range m.Groups() {
		if len(g.Captures) == 0 {
			places = append(places, -1, -1)
			continue
		}
		places = append(places, offset(g.Index), offset(g.Index+g.Length))
	}
	return places, nil
}
