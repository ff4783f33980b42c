package capture

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"leat/record"
	"leat/schema"
)

// ColumnRules are the column.mask.* and column.truncate.* options.
type ColumnRules []columnRule

type columnRule struct {
	columns Patterns
	cut     int // characters that are kept; 0 for masks
	apply   func(length int) func(record.Value) record.Value
}

// NewColumnRules reads the rules. The order is Debezium's: truncate, mask, hash.
func NewColumnRules(c *Config) (ColumnRules, error) {
	var rules ColumnRules
	add := func(list string, cut int, apply func(int) func(record.Value) record.Value) error {
		p, err := NewPatterns(list)
		if err == nil {
			rules = append(rules, columnRule{p, cut, apply})
		}
		return err
	}
	for _, key := range sortedKeys(c.ColumnTruncate) {
		n, err := charsOf(key, "to.")
		if err == nil && n == 0 {
			err = fmt.Errorf("the length must be positive")
		}
		if err != nil {
			return nil, fmt.Errorf("column.truncate.%s: %w", key, err)
		}
		if err := add(c.ColumnTruncate[key], n, func(int) func(record.Value) record.Value { return truncate(n) }); err != nil {
			return nil, err
		}
	}
	for _, key := range sortedKeys(c.ColumnMask) {
		apply, err := maskOf(key)
		if err != nil {
			return nil, fmt.Errorf("column.mask.%s: %w", key, err)
		}
		if err := add(c.ColumnMask[key], 0, apply); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func charsOf(key, prefix string) (int, error) {
	rest, ok := strings.CutPrefix(key, prefix)
	digits, ok2 := strings.CutSuffix(rest, ".chars")
	n, err := strconv.Atoi(digits)
	if !ok || !ok2 || err != nil || n < 0 {
		return 0, fmt.Errorf("the key is written …%sN.chars", prefix)
	}
	return n, nil
}

func maskOf(key string) (func(int) func(record.Value) record.Value, error) {
	if rest, ok := strings.CutPrefix(key, "hash."); ok {
		rest, v2 := strings.CutPrefix(rest, "v2.")
		algorithm, salt, ok := strings.Cut(rest, ".with.salt.")
		newHash := hashes[strings.ToUpper(algorithm)]
		if !ok || newHash == nil {
			return nil, fmt.Errorf("the key is written column.mask.hash.ALGORITHM.with.salt.SALT, the algorithm MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512")
		}
		return func(length int) func(record.Value) record.Value { return hashed(newHash, salt, v2, length) }, nil
	}
	n, err := charsOf(key, "with.")
	if err != nil {
		return nil, err
	}
	mask := record.String(strings.Repeat("*", n))
	return func(int) func(record.Value) record.Value {
		return func(record.Value) record.Value { return mask }
	}, nil
}

// Of gives what is done to a column's values, nil for nothing, and what its schema tells of that. The first rule that names the
// column is the only one. length is the declared length of a text column, 0 when it has none.
func (r ColumnRules) Of(schemaName, table, column string, text bool, length int) (apply func(record.Value) record.Value, tells []schema.Option) {
	name := schemaName + "." + table + "." + column
	for _, rule := range r {
		switch {
		case !rule.columns.Match(name):
			continue
		case rule.cut == 0:
			tells = []schema.Option{schema.With("masked", "true")}
		case !text || length > 0 && length <= rule.cut:
			return nil, nil // never longer
		default:
			tells = []schema.Option{schema.With("truncateLength", strconv.Itoa(rule.cut))}
		}
		if text {
			apply = rule.apply(length)
		}
		return apply, tells
	}
	return nil, nil
}

func truncate(n int) func(record.Value) record.Value {
	return func(v record.Value) record.Value {
		if v.Kind() != record.KindString || v.Len() <= n {
			return v
		}
		s, units := v.Str(), 0
		for i, r := range s {
			w := 1
			if r > 0xffff {
				w = 2 // Java counts UTF-16 units
			}
			if units+w > n {
				return record.String(s[:i])
			}
			units += w
		}
		return v
	}
}

var hashes = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA-1": sha1.New, "SHA1": sha1.New, "SHA": sha1.New, "SHA-224": sha256.New224, "SHA-256": sha256.New,
	"SHA-384": sha512.New384, "SHA-512": sha512.New,
}

// hashed hashes salt and value. Version 1 hashes the value as Java serialises a String, so that pseudonyms stay the same.
func hashed(newHash func() hash.Hash, salt string, v2 bool, length int) func(record.Value) record.Value {
	cut := truncate(length)
	return func(v record.Value) record.Value {
		if v.Kind() != record.KindString {
			return v
		}
		h := newHash()
		h.Write([]byte(salt))
		if v2 {
			h.Write(v.Bytes())
		} else {
			h.Write(javaString(v.Str()))
		}
		out := record.String(hex.EncodeToString(h.Sum(nil)))
		if length > 0 {
			out = cut(out)
		}
		return out
	}
}

// javaString is what java.io.ObjectOutputStream writes for a String: a header, and modified UTF-8 behind its length.
func javaString(s string) []byte {
	body := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r == 0:
			body = append(body, 0xc0, 0x80)
		case r > 0xffff:
			r -= 0x10000
			for _, u := range [2]rune{0xd800 + r>>10, 0xdc00 + r&0x3ff} {
				body = append(body, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0xbf, 0x80|byte(u)&0x3f)
			}
		default:
			body = utf8.AppendRune(body, r)
		}
	}
	out := []byte{0xac, 0xed, 0, 5}
	if len(body) <= 0xffff {
		out = binary.BigEndian.AppendUint16(append(out, 0x74), uint16(len(body)))
	} else {
		out = binary.BigEndian.AppendUint64(append(out, 0x7c), uint64(len(body)))
	}
	return append(out, body...)
}
