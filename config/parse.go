package config

// Defs lists the options of a config struct (a value or a pointer to one), embedded structs included; docs are the texts by key.
func Defs(zero any, docs map[string]string) []Def { return nil }

// Parse reads props into dst, a pointer to a config struct, and gives every problem at once. Keys that no field names are left alone.
func Parse(props map[string]string, dst any) []Problem { return nil }

// New makes a pointer to a new value of zero's type, for Parse.
func New(zero any) any { return nil }

// Unknown gives those keys of props that defs do not know, each with the nearest known key ("" when none is near).
func Unknown(props map[string]string, defs []Def) map[string]string { return nil }

// Nearest finds the word closest to s by edit distance, "" when none is near.
func Nearest(s string, words []string) string { return "" }
