// Package convert is the contract of converters: typed value to bytes and back, as Kafka Connect's Converter and
// HeaderConverter. Each format has a folder of its own.
package convert

import (
	"leat/config"
	"leat/record"
	"leat/schema"
)

// At says which part of a message of which topic is converted.
type At struct {
	Topic string
	Part  record.Part
}

// Converter turns one part of a record into the bytes of the log and back. A Converter is used by one goroutine at a time and may
// keep state by schema pointer (a compiled encoder); values it returns may refer to the bytes it was given.
type Converter interface {
	// Encode appends the encoded value to dst and returns the extended slice; nil stands for a null (a tombstone). s is nil
	// for schemaless data. It may add headers (a format that carries its schema id there). An error is a BadRecord unless it has
	// a class.
	Encode(dst []byte, at At, headers *[]record.RawHeader, s *schema.Schema, v record.Value) ([]byte, error)
	// Decode reads one value; data is nil for a null. The schema is the same pointer for the same schema, nil when schemaless.
	Decode(at At, headers []record.RawHeader, data []byte) (*schema.Schema, record.Value, error)
}

// HeaderConverter turns the value of a header into bytes and back.
type HeaderConverter interface {
	EncodeHeader(topic, key string, s *schema.Schema, v record.Value) ([]byte, error)
	DecodeHeader(topic, key string, data []byte) (*schema.Schema, record.Value, error)
}

// Plugin describes a converter to the worker. At least one of New and NewHeader is set.
type Plugin struct {
	Name      string   // short name
	Classes   []string // converter class names it answers to
	Config    any      // zero value of the config struct
	Docs      map[string]string
	New       func(cfg any, part record.Part) (Converter, error) // cfg: pointer to a parsed Config
	NewHeader func(cfg any) (HeaderConverter, error)
	// Check, if set, reports problems of the options that go beyond their own checks.
	Check func(cfg any) []config.Problem
}
