package capture

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2"
)

// Naming names topics as Debezium's naming strategies do.
type Naming struct {
	cfg         *Config
	withSchema  bool
	unicode     bool
	regex       *regexp2.Regexp
	replacement string
}

// NewNaming reads topic.naming.strategy and its options.
func NewNaming(c *Config) (*Naming, error) {
	n := &Naming{cfg: c}
	class := c.NamingStrategy[strings.LastIndexByte(c.NamingStrategy, '.')+1:]
	switch class {
	case "SchemaTopicNamingStrategy", "SchemaRegexTopicNamingStrategy", "SchemaUnicodeTopicNamingStrategy":
		n.withSchema = true
	case "DefaultTopicNamingStrategy", "DefaultRegexTopicNamingStrategy", "DefaultUnicodeTopicNamingStrategy":
	default:
		return nil, fmt.Errorf("unknown topic.naming.strategy %s: leat knows Debezium's Schema…, Default…, …Regex… and …Unicode… strategies", c.NamingStrategy)
	}
	n.unicode = strings.Contains(class, "Unicode")
	if strings.Contains(class, "Regex") {
		re, err := regexp2.Compile(`\A(?:`+c.TopicRegex+`)\z`, 0)
		if err != nil || c.TopicRegex == "" || c.TopicReplacement == "" {
			return nil, fmt.Errorf("%s needs a valid topic.regex and topic.replacement", class)
		}
		n.regex, n.replacement = re, c.TopicReplacement
	}
	return n, nil
}

// Table names the topic of a table.
func (n *Naming) Table(schema, table string) string {
	parts := []string{n.cfg.TopicPrefix, table}
	if n.withSchema {
		parts = []string{n.cfg.TopicPrefix, schema, table}
	}
	name := n.join(parts...)
	if n.regex != nil {
		if routed, err := n.regex.Replace(name, n.replacement, 0, 1); err == nil && routed != "" {
			name = routed
		}
	}
	return n.sanitize(name)
}

// Heartbeat names the heartbeat topic.
func (n *Naming) Heartbeat() string {
	if n.cfg.HeartbeatName != "" {
		return n.cfg.HeartbeatName
	}
	return n.join(n.cfg.HeartbeatPrefix, n.cfg.TopicPrefix)
}

// Message names the topic of logical messages.
func (n *Naming) Message() string { return n.join(n.cfg.TopicPrefix, "message") }

func (n *Naming) join(parts ...string) string { return strings.Join(parts, n.cfg.TopicDelimiter) }

// maxTopicName is Kafka's limit.
const maxTopicName = 249

func (n *Naming) sanitize(name string) string {
	if validTopicName(name) && len(name) <= maxTopicName {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		switch {
		case validTopicRune(r) && !(n.unicode && r == '_'):
			b.WriteRune(r)
		case n.unicode:
			fmt.Fprintf(&b, "_u%04x", r)
		default:
			b.WriteByte('_')
		}
	}
	out := b.String()
	if len(out) > maxTopicName {
		out = out[:maxTopicName]
	}
	return out
}

func validTopicName(s string) bool {
	for _, r := range s {
		if !validTopicRune(r) {
			return false
		}
	}
	return s != "" && s != "." && s != ".."
}

func validTopicRune(r rune) bool {
	return r == '.' || r == '_' || r == '-' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Schema makes a schema's name valid as the adjustment asks.
func (a NameAdjustment) Schema(name string) string { return a.adjust(name, true) }

// Field makes a field's name valid as the adjustment asks.
func (a NameAdjustment) Field(name string) string { return a.adjust(name, false) }

func (a NameAdjustment) adjust(name string, dots bool) string {
	if a == AdjustNone || a == "" {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		switch {
		case letter, r == '_' && a == AdjustAvro, digit && i > 0, r == '.' && dots && i > 0:
			b.WriteRune(r)
		case a == AdjustAvroUnicode:
			fmt.Fprintf(&b, "_u%04x", r)
		default:
			b.WriteByte('_')
			if unicode.IsDigit(r) && i == 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
