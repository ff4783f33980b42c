package offsets

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"leat/record"
)

// File keeps offsets in a file (offset.storage.file.filename): one line of JSON per source partition, key and value. Every Put writes
// a new file, syncs it and renames it over the old one. The file of a Java worker, a serialised map, is read and becomes such a file
// with the first Put.
type File struct {
	path string

	mu     sync.Mutex // one Put at a time
	memory *memory
}

// line is one line of the file.
type line struct {
	Key    json.RawMessage `json:"key"`
	Offset json.RawMessage `json:"offset"`
}

// OpenFile reads the file, which need not be there.
func OpenFile(path string) (*File, error) {
	f := &File{path: path, memory: newMemory()}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, fmt.Errorf("read offset file: %w", err)
	case isJava(data):
		err = f.readJava(data)
	default:
		err = f.readLines(data)
	}
	if err != nil {
		return nil, fmt.Errorf("offset file %s is neither leat's nor a Java worker's: %w. Nothing was changed; name another file in offset.storage.file.filename, or move this one away to begin without offsets", path, err)
	}
	return f, nil
}

func (f *File) readLines(data []byte) error {
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, max(len(data), 1)+1)
	for n := 1; in.Scan(); n++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := f.memory.set(l.Key, l.Offset); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return in.Err()
}

// Get gives the offset stored last.
func (f *File) Get(_ context.Context, connector string, partition record.Value) (record.Value, error) {
	return f.memory.get(connector, partition)
}

// All gives every offset of a connector.
func (f *File) All(_ context.Context, connector string) ([]record.SourceOffset, error) {
	return f.memory.all(connector)
}

// Put stores offsets; it returns when the file is on the disk.
func (f *File) Put(_ context.Context, connector string, offsets []record.SourceOffset) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.memory.encode(connector, offsets)
	if err != nil {
		return err
	}
	if err := f.write(all); err != nil {
		return fmt.Errorf("write offset file: %w", err)
	}
	for _, e := range all {
		if err := f.memory.set(e.key, e.value); err != nil {
			return err
		}
	}
	return nil
}

// write replaces the file by what is in memory with changes over it.
func (f *File) write(changes []encoded) error {
	values := map[string][]byte{}
	f.memory.mu.RLock()
	for _, of := range f.memory.values {
		for k, e := range of {
			values[k] = e.offset
		}
	}
	f.memory.mu.RUnlock()
	for _, c := range changes {
		if isNull(c.value) {
			delete(values, string(c.key))
		} else {
			values[string(c.key)] = c.value
		}
	}
	return replace(f.path, lines(values))
}

func lines(values map[string][]byte) []byte {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b bytes.Buffer
	for _, k := range keys {
		fmt.Fprintf(&b, `{"key":%s,"offset":%s}`+"\n", k, values[k])
	}
	return b.Bytes()
}

// replace puts data into a file such that a crash leaves the old or the new content.
func replace(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone when the rename worked
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
