// Package config turns a struct into options and properties into that struct: keys, types, defaults, checks and
// documentation are declared once, as fields with tags, and parsing, all validation errors at once, the REST validate answer,
// console forms and reference pages come from it.
//
// An option is a field with a config tag:
//
//	// Hosts are the Redis nodes, as host:port.
//	Hosts []string `config:"redis.hosts,required" importance:"high" group:"Connection"`
//
// The tag's first word is the key; `required` follows for options without which there is no connector, `hidden` for those
// that validate does not list. Other tags:
//
//	default      the default, as text; without it the field's zero value stands for "not set"
//	alias        other keys that mean the same, comma separated (old names), used when the key itself is absent
//	importance   high, medium (when missing) or low
//	group        where forms show it
//	display      the name in forms; made from the key when missing
//	width        short, medium (when missing), long
//	min, max     bounds of a number, both allowed values
//	unit         ms or s: how a time.Duration is written; ms when missing
//	type         the type that validate reports, where it differs from the field's (CLASS, SHORT …)
//	dependents   keys that depend on this one, comma separated
//
// A key may end in `*`: the field is a map[string]string of all keys that begin so, less that prefix. An embedded struct adds
// its options. Field types: string, bool, int, int16, int32, int64, float64, []string (comma separated, trimmed), time.Duration,
// Secret, any type with UnmarshalText (and Words() []string for an enumeration), and pointers to these, nil when not set.
//
// A struct may have `Validate() []Problem` on its pointer for checks that span options; where an option did not parse it sees the
// default. The package imports nothing of leat's.
package config

import (
	"fmt"
	"log/slog"
)

// Problem is one thing wrong with one option: Message is a whole sentence that names the value, why it is wrong and what to do.
type Problem struct {
	Key     string
	Message string
}

// String gives "key: message".
func (p Problem) String() string { return p.Key + ": " + p.Message }

// Problemf makes a Problem.
func Problemf(key, format string, args ...any) Problem {
	return Problem{Key: key, Message: fmt.Sprintf(format, args...)}
}

// Hidden is what a secret prints as.
const Hidden = "[hidden]"

// Secret is a text that never prints. Reveal gives it to whoever must use it.
type Secret string

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret, and so do Format, GoString, MarshalText and LogValue below.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Hidden
}

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the secret as it is.
func (s *Secret) UnmarshalText(b []byte) error { *s = Secret(b); return nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Type is the type of an option in Kafka's ConfigDef words.
type Type string

// The types of org.apache.kafka.common.config.ConfigDef.Type.
const (
	TypeBoolean  Type = "BOOLEAN"
	TypeString   Type = "STRING"
	TypeInt      Type = "INT"
	TypeShort    Type = "SHORT"
	TypeLong     Type = "LONG"
	TypeDouble   Type = "DOUBLE"
	TypeList     Type = "LIST"
	TypeClass    Type = "CLASS"
	TypePassword Type = "PASSWORD"
)

// Def is the definition of one option, as validate and the reference pages show it.
type Def struct {
	Key         string
	Type        Type
	Required    bool
	Hidden      bool
	HasDefault  bool
	Default     string
	Importance  string // HIGH, MEDIUM, LOW
	Doc         string
	Group       string
	Order       int // in its group, from 1
	Width       string
	DisplayName string
	Dependents  []string
	Aliases     []string
	Words       []string // of an enumeration
	Prefix      bool     // Key is a prefix (it ended in *)
}
