package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// option is one field of a config struct, with what its tags say.
type option struct {
	Def
	index    []int // path of the field
	min, max string
	unit     time.Duration
}

var (
	secretType          = reflect.TypeFor[Secret]()
	durationType        = reflect.TypeFor[time.Duration]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// options walks a struct type. It panics on a declaration that makes no sense: that is a mistake in leat, not of a user.
func options(t reflect.Type) []option {
	var out []option
	orders := map[string]int{}
	walk(t, nil, func(f reflect.StructField, index []int) {
		o := newOption(f, index)
		orders[o.Group]++
		o.Order = orders[o.Group]
		out = append(out, o)
	})
	return out
}

func walk(t reflect.Type, path []int, visit func(reflect.StructField, []int)) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), path...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			walk(f.Type, index, visit)
			continue
		}
		if _, ok := f.Tag.Lookup("config"); ok {
			visit(f, index)
		}
	}
}

func newOption(f reflect.StructField, index []int) option {
	words := strings.Split(f.Tag.Get("config"), ",")
	o := option{index: index, min: f.Tag.Get("min"), max: f.Tag.Get("max"), unit: unit(f)}
	o.Key = words[0]
	for _, w := range words[1:] {
		switch w {
		case "required":
			o.Required = true
		case "hidden":
			o.Hidden = true
		default:
			panic(fmt.Sprintf("config: option %s has an unknown mark %q", o.Key, w))
		}
	}
	o.Prefix = strings.HasSuffix(o.Key, "*")
	o.Key = strings.TrimSuffix(o.Key, "*")
	o.Default, o.HasDefault = f.Tag.Lookup("default")
	o.Importance = strings.ToUpper(or(f.Tag.Get("importance"), "medium"))
	o.Width = strings.ToUpper(or(f.Tag.Get("width"), "medium"))
	o.Group = f.Tag.Get("group")
	o.DisplayName = or(f.Tag.Get("display"), displayName(o.Key))
	o.Dependents = splitList(f.Tag.Get("dependents"))
	o.Aliases = splitList(f.Tag.Get("alias"))
	o.Type = Type(or(f.Tag.Get("type"), string(typeOf(f.Type))))
	o.Words = wordsOf(f.Type)
	return o
}

func unit(f reflect.StructField) time.Duration {
	switch u := f.Tag.Get("unit"); u {
	case "", "ms":
		return time.Millisecond
	case "s":
		return time.Second
	default:
		panic(fmt.Sprintf("config: field %s has an unknown unit %q", f.Name, u))
	}
}

func typeOf(t reflect.Type) Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == secretType:
		return TypePassword
	case t == durationType:
		return TypeLong
	case reflect.PointerTo(t).Implements(textUnmarshalerType):
		return TypeString
	}
	switch t.Kind() {
	case reflect.Bool:
		return TypeBoolean
	case reflect.Int, reflect.Int32:
		return TypeInt
	case reflect.Int16:
		return TypeShort
	case reflect.Int64:
		return TypeLong
	case reflect.Float64:
		return TypeDouble
	case reflect.Slice:
		return TypeList
	case reflect.String, reflect.Map:
		return TypeString
	}
	panic(fmt.Sprintf("config: an option can not be a %s", t))
}

// wordsOf asks an enumeration for its words.
func wordsOf(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if e, ok := reflect.New(t).Interface().(interface{ Words() []string }); ok {
		return e.Words()
	}
	return nil
}

// displayName makes "Database hostname" of "database.hostname".
func displayName(key string) string {
	s := strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(key)
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// splitList reads a comma-separated list as Kafka does: trimmed, empty text is an empty list.
func splitList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Defs lists the options of a config struct (a value or a pointer to one), embedded structs included; docs are the texts by key.
func Defs(zero any, docs map[string]string) []Def {
	opts := options(structType(zero))
	defs := make([]Def, len(opts))
	for i, o := range opts {
		defs[i] = o.Def
		defs[i].Doc = docs[o.Key]
		if d := docs[o.Key+"*"]; o.Prefix && d != "" {
			defs[i].Doc = d
		}
	}
	return defs
}

// New makes a pointer to a new value of zero's type, for Parse.
func New(zero any) any { return reflect.New(structType(zero)).Interface() }

func structType(v any) reflect.Type {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
