// Package offsets keeps source offsets, as Kafka Connect does: in the compacted offset topic, or in a file for standalone.
//
// Guarantees: Put returns when the offsets are durable; keys and values are the JSON that Kafka Connect writes, so that it finds the
// offsets of leat and the other way round. Memory holds the latest offset of every source partition.
package offsets

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"leat/record"
)

// memory is the latest value by key, both as bytes of JSON.
type memory struct {
	mu     sync.RWMutex
	values map[string]map[string]entry // connector → key as written → entry
}

type entry struct {
	partition record.Value
	offset    []byte
}

func newMemory() *memory { return &memory{values: map[string]map[string]entry{}} }

// set takes one key and value; value nil deletes. Keys of the same partition that differ in their bytes (another order of the fields)
// are different keys, as they are for Kafka Connect.
func (m *memory) set(key, value []byte) error {
	connector, partition, err := parseKey(key)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if isNull(value) {
		delete(m.values[connector], string(key))
		return nil
	}
	if m.values[connector] == nil {
		m.values[connector] = map[string]entry{}
	}
	m.values[connector][string(key)] = entry{partition, slices.Clone(value)}
	return nil
}

func (m *memory) get(connector string, partition record.Value) (record.Value, error) {
	key, err := Key(connector, partition)
	if err != nil {
		return record.Null, err
	}
	m.mu.RLock()
	e, ok := m.values[connector][string(key)]
	if !ok {
		e, ok = m.same(connector, partition)
	}
	m.mu.RUnlock()
	if !ok {
		return record.Null, nil
	}
	return e.value()
}

// same finds a partition that is written in another order: maps of other writers have no order.
func (m *memory) same(connector string, partition record.Value) (entry, bool) {
	for _, e := range m.values[connector] {
		if record.Equal(e.partition, partition) {
			return e, true
		}
	}
	return entry{}, false
}

func (m *memory) all(connector string) ([]record.SourceOffset, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	keys := make([]string, 0, len(m.values[connector]))
	for k := range m.values[connector] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]record.SourceOffset, 0, len(keys))
	for _, k := range keys {
		e := m.values[connector][k]
		v, err := e.value()
		if err != nil {
			return nil, err
		}
		out = append(out, record.SourceOffset{Partition: e.partition, Offset: v})
	}
	return out, nil
}

// keysOf gives the keys under which a partition is stored: the one that leat writes, and others of the same meaning.
func (m *memory) keysOf(connector string, partition record.Value) ([][]byte, error) {
	own, err := Key(connector, partition)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for k, e := range m.values[connector] {
		if k != string(own) && record.Equal(e.partition, partition) {
			return [][]byte{[]byte(k)}, nil // the name that is there already is kept
		}
	}
	return [][]byte{own}, nil
}

func (e entry) value() (record.Value, error) {
	var v record.Value
	if err := json.Unmarshal(e.offset, &v); err != nil {
		return record.Null, fmt.Errorf("stored offset is no JSON: %w", err)
	}
	return v, nil
}

func isNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }

// Key is the key of a source partition: ["NAME",{…}].
func Key(connector string, partition record.Value) ([]byte, error) {
	b, err := record.Array([]record.Value{record.String(connector), partition}).MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("source partition of %s: %w", connector, err)
	}
	return b, nil
}

var errKey = errors.New(`an offset's key is ["NAME",{…}]`)

func parseKey(key []byte) (connector string, partition record.Value, err error) {
	var v record.Value
	if err := json.Unmarshal(key, &v); err != nil {
		return "", record.Null, fmt.Errorf("%w: %w", errKey, err)
	}
	if v.Kind() != record.KindArray || v.Len() != 2 || v.Elems()[0].Kind() != record.KindString {
		return "", record.Null, errKey
	}
	return v.Elems()[0].Str(), v.Elems()[1], nil
}

// encoded is an offset to store, as key and value; value nil deletes.
type encoded struct{ key, value []byte }

func (m *memory) encode(connector string, offsets []record.SourceOffset) ([]encoded, error) {
	out := make([]encoded, 0, len(offsets))
	for _, o := range offsets {
		keys, err := m.keysOf(connector, o.Partition)
		if err != nil {
			return nil, err
		}
		var value []byte
		if !o.Offset.IsNull() {
			if value, err = o.Offset.MarshalJSON(); err != nil {
				return nil, fmt.Errorf("source offset of %s: %w", connector, err)
			}
		}
		for _, k := range keys {
			out = append(out, encoded{k, value})
		}
	}
	return out, nil
}
