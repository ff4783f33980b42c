package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Parse reads props into dst, a pointer to a config struct, and gives every problem at once: those of single options, then those that
// Validate finds with defaults in the place of what was wrong. Keys that no field names are left alone; an alias counts where its
// option's own key is absent.
func Parse(props map[string]string, dst any) []Problem {
	v := reflect.ValueOf(dst).Elem()
	var problems []Problem
	bad := map[string]bool{}
	fail := func(o *option, p Problem) {
		problems = append(problems, p)
		bad[o.Key], bad[p.Key] = true, true
	}
	for _, o := range options(v.Type()) {
		field := v.FieldByIndex(o.index)
		if o.Prefix {
			field.Set(reflect.ValueOf(withPrefix(props, o.Key)))
			continue
		}
		key, text, given := lookup(props, &o)
		if !given {
			if o.Required {
				fail(&o, Problemf(o.Key, "Missing required configuration %q which has no default value.", o.Key))
				continue
			}
			if !o.HasDefault {
				continue
			}
			text = o.Default
		}
		msg := o.set(field, text)
		if o.Required && msg == "" && strings.TrimSpace(text) == "" {
			msg = "A value is required"
		}
		if msg != "" {
			fail(&o, Problemf(key, "Invalid value %s for configuration %s: %s", o.shown(text), key, msg))
			o.reset(field)
		}
	}
	if c, ok := dst.(interface{ Validate() []Problem }); ok {
		for _, p := range c.Validate() {
			if !bad[p.Key] { // what follows from a value that is told already says nothing new
				problems = append(problems, p)
			}
		}
	}
	return problems
}

// reset puts the default where a value was wrong, so that checks across options can go on.
func (o *option) reset(field reflect.Value) {
	field.SetZero()
	if o.HasDefault {
		o.set(field, o.Default)
	}
}

func lookup(props map[string]string, o *option) (key, text string, given bool) {
	if text, given = props[o.Key]; given {
		return o.Key, text, true
	}
	for _, a := range o.Aliases {
		if text, given = props[a]; given {
			return a, text, true
		}
	}
	return o.Key, "", false
}

func withPrefix(props map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

// shown is a value for a message.
func (o *option) shown(text string) string {
	if o.Type == TypePassword {
		return Hidden
	}
	return text
}

// set parses text into field and gives what is wrong, "" when nothing is.
func (o *option) set(field reflect.Value, text string) string {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return o.unmarshal(u, text)
	}
	if field.Type() == durationType {
		return o.setDuration(field, text)
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		return setBool(field, text)
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		return o.setInt(field, text)
	case reflect.Float64:
		return o.setFloat(field, text)
	case reflect.Slice:
		field.Set(reflect.ValueOf(splitList(text)))
	}
	return ""
}

func (o *option) unmarshal(u encoding.TextUnmarshaler, text string) string {
	if o.Type != TypePassword {
		text = strings.TrimSpace(text)
	}
	err := u.UnmarshalText([]byte(text))
	if err == nil {
		return ""
	}
	if near := Nearest(text, o.Words); near != "" {
		return fmt.Sprintf("%v. Did you mean %q?", err, near)
	}
	return err.Error()
}

func setBool(field reflect.Value, text string) string {
	switch {
	case strings.EqualFold(strings.TrimSpace(text), "true"):
		field.SetBool(true)
	case strings.EqualFold(strings.TrimSpace(text), "false"):
		field.SetBool(false)
	default:
		return "Expected value to be either true or false"
	}
	return ""
}

func (o *option) setInt(field reflect.Value, text string) string {
	bits := field.Type().Bits()
	if field.Kind() == reflect.Int {
		bits = 32 // Kafka's INT
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, bits)
	if err != nil {
		return "Not a number of type " + string(o.Type)
	}
	field.SetInt(n)
	return o.checkRange(float64(n))
}

func (o *option) setFloat(field reflect.Value, text string) string {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return "Not a number of type " + string(o.Type)
	}
	field.SetFloat(f)
	return o.checkRange(f)
}

func (o *option) setDuration(field reflect.Value, text string) string {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return "Not a number of type " + string(o.Type)
	}
	if limit := math.MaxInt64 / int64(o.unit); n > limit || n < -limit {
		n = limit // Java's Long.MAX_VALUE means "for ever"
	}
	field.SetInt(int64(time.Duration(n) * o.unit))
	return o.checkRange(float64(n))
}

func (o *option) checkRange(n float64) string {
	if bound, err := strconv.ParseFloat(o.min, 64); err == nil && n < bound {
		return "Value must be at least " + o.min
	}
	if bound, err := strconv.ParseFloat(o.max, 64); err == nil && n > bound {
		return "Value must be no more than " + o.max
	}
	return ""
}
