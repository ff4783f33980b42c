package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"leat/config/properties"
)

// file is FileConfigProvider: path is a .properties file.
type file struct{ allowed allowedPaths }

func newFile(params map[string]string) (source, error) {
	allowed, err := newAllowedPaths(params)
	return file{allowed}, err
}

func (f file) get(path string, _ []string) (map[string]string, error) {
	if path == "" || !f.allowed.permit(path) {
		return nil, nil
	}
	props, err := properties.Load(path)
	if err != nil {
		return nil, fmt.Errorf("could not read properties from file %s: %w", path, err)
	}
	return props, nil
}

// directory is DirectoryConfigProvider: path is a folder, a key the name of a file in it, its value the whole content.
type directory struct{ allowed allowedPaths }

func newDirectory(params map[string]string) (source, error) {
	allowed, err := newAllowedPaths(params)
	return directory{allowed}, err
}

func (d directory) get(path string, keys []string) (map[string]string, error) {
	if path == "" || !d.allowed.permit(path) {
		return nil, nil
	}
	out := map[string]string{}
	for _, key := range keys {
		if key != filepath.Base(key) {
			continue // a key is a name in the folder; it does not lead out of it
		}
		name := filepath.Join(path, key)
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("could not read file %s: %w", name, err)
		}
		out[key] = string(content)
	}
	return out, nil
}

// allowedPaths limits which files may be read; nil allows all.
type allowedPaths []string

func newAllowedPaths(params map[string]string) (allowedPaths, error) {
	var out allowedPaths
	for p := range strings.SplitSeq(params["allowed.paths"], ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if !filepath.IsAbs(p) {
			return nil, fmt.Errorf("allowed.paths: path %s is not absolute", p)
		}
		if _, err := os.Stat(p); err != nil {
			return nil, fmt.Errorf("allowed.paths: path %s does not exist", p)
		}
		out = append(out, filepath.Clean(p))
	}
	return out, nil
}

func (a allowedPaths) permit(path string) bool {
	if a == nil {
		return true
	}
	path = filepath.Clean(path)
	for _, allowed := range a {
		if path == allowed || strings.HasPrefix(path, strings.TrimSuffix(allowed, "/")+"/") {
			return true
		}
	}
	return false
}
