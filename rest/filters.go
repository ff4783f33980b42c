package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cors answers browsers of other origins: origins is a list or *, methods those that they may use.
func cors(next http.Handler, origins, methods string) http.Handler {
	allowed := trimmedList(origins)
	if len(allowed) == 0 {
		return next
	}
	if strings.TrimSpace(methods) == "" {
		methods = "GET,POST,HEAD"
	}
	methods = strings.Join(trimmedList(methods), ",")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		w.Header().Add("Vary", "Origin")
		if origin == "" || !slices.Contains(allowed, "*") && !slices.Contains(allowed, origin) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Methods", methods)
			w.Header().Set("Access-Control-Allow-Headers", "X-Requested-With,Content-Type,Accept,Origin,Authorization")
			w.Header().Set("Access-Control-Max-Age", "1800")
			w.WriteHeader(http.StatusOK)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headerRule is one rule of response.http.headers.config: [action] name:value.
type headerRule struct{ action, name, value string }

// parseHeaderRules reads rules separated by commas; one that holds a comma stands in double quotes.
func parseHeaderRules(s string) ([]headerRule, error) {
	var rules []headerRule
	for _, text := range splitQuoted(s) {
		action, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		name, value, ok := strings.Cut(rest, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !slices.Contains([]string{"set", "add", "setDate", "addDate"}, action) || !ok || name == "" || strings.ContainsAny(name, " \t\r\n") {
			return nil, fmt.Errorf("response.http.headers.config: %q is not a rule: "+
				"write [action] name:value with the action set, add, setDate or addDate", text)
		}
		rules = append(rules, headerRule{action, name, value})
	}
	return rules, nil
}

func splitQuoted(s string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	end := func() {
		if strings.TrimSpace(b.String()) != "" {
			out = append(out, b.String())
		}
		b.Reset()
	}
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			end()
		default:
			b.WriteRune(r)
		}
	}
	end()
	return out
}

func responseHeaders(next http.Handler, config string) (http.Handler, error) {
	rules, err := parseHeaderRules(config)
	if err != nil || len(rules) == 0 {
		return next, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, rule := range rules {
			rule.apply(w.Header())
		}
		next.ServeHTTP(w, r)
	}), nil
}

// apply adds the header. Dates are given as milliseconds after now, as in Jetty's filter.
func (h headerRule) apply(header http.Header) {
	value := h.value
	if strings.HasSuffix(h.action, "Date") {
		ms, err := time.ParseDuration(value + "ms")
		if err != nil {
			return
		}
		value = time.Now().Add(ms).UTC().Format(http.TimeFormat)
	}
	if strings.HasPrefix(h.action, "add") {
		header.Add(h.name, value)
		return
	}
	header.Set(h.name, value)
}
