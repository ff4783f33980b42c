package provider

import (
	"fmt"
	"os"
	"regexp"
)

// env is EnvVarConfigProvider: ${env:NAME}. It knows no path.
type env struct{ allowed *regexp.Regexp } // nil allows all

func newEnv(params map[string]string) (source, error) {
	pattern, ok := params["allowlist.pattern"]
	if !ok {
		return env{}, nil
	}
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, fmt.Errorf("allowlist.pattern %q is not a regular expression: %w", pattern, err)
	}
	return env{re}, nil
}

func (e env) get(path string, keys []string) (map[string]string, error) {
	if path != "" {
		return nil, nil
	}
	out := map[string]string{}
	for _, key := range keys {
		value, ok := os.LookupEnv(key)
		if ok && (e.allowed == nil || e.allowed.MatchString(key)) {
			out[key] = value
		}
	}
	return out, nil
}
