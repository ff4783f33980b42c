// Package rest serves Kafka Connect's REST API (4.3) over a herder: paths, status codes, shapes and messages are those of the real
// worker, so that its clients and operators work unchanged. What leat adds lies under /leat and /metrics and changes no shape.
//
// Guarantees: every request ends within its time (90 s as in Connect, 10 s for /health) and reads a bounded body; an error is always
// {"error_code", "message"}; no request body is echoed in an error (Invariant 10). Differences from Connect, kept on purpose: names with an encoded
// slash are served, where Connect's server refuses them; a null value in a config is an error of validation; a missing connector.class
// in validate is 400, not 500.
package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"leat/herder"
)

// Times and sizes when Options do not say.
const (
	defaultTimeout       = 90 * time.Second
	defaultHealthTimeout = 10 * time.Second
	maxBody              = 16 << 20
)

// Options configure the API.
type Options struct {
	// Props are the worker's properties: access.control.*, response.http.headers.config, admin.listeners, rest.extension.classes.
	Props map[string]string
	// Users are the passwords by name for the extension BasicAuthSecurityRestExtension; see Users to read them.
	Users map[string]string
	// Metrics, if set, serves GET /metrics.
	Metrics http.Handler
	Logger  *slog.Logger
	// Timeout and HealthTimeout bound a request; 0 means Connect's.
	Timeout, HealthTimeout time.Duration
}

// API is the handler of the main listeners; Admin gives that of admin.listeners.
type API struct {
	herder herder.Herder
	opts   Options
	main   http.Handler
	admin  http.Handler
}

// New makes the API. It fails when the properties do not make sense.
func New(h herder.Herder, opts Options) (*API, error) {
	if opts.Timeout == 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.HealthTimeout == 0 {
		opts.HealthTimeout = defaultHealthTimeout
	}
	a := &API{herder: h, opts: opts}
	routes := slices.Concat(a.rootRoutes(), a.connectorRoutes(), a.offsetRoutes(), a.pluginRoutes())
	adminRoutes := a.loggerRoutes()
	if _, moved := opts.Props["admin.listeners"]; !moved {
		routes = append(routes, adminRoutes...)
	}
	var err error
	if a.main, err = a.around(a.router(routes)); err != nil {
		return nil, err
	}
	a.admin = a.router(adminRoutes)
	return a, nil
}

// ServeHTTP serves the main listeners.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.main.ServeHTTP(w, r) }

// Admin is the handler of admin.listeners: the loggers.
func (a *API) Admin() http.Handler { return a.admin }

// around adds what the worker's properties ask for, outermost last.
func (a *API) around(next http.Handler) (http.Handler, error) {
	next, err := a.authenticate(next)
	if err != nil {
		return nil, err
	}
	next = cors(next, a.opts.Props["access.control.allow.origin"], a.opts.Props["access.control.allow.methods"])
	return responseHeaders(next, a.opts.Props["response.http.headers.config"])
}

// fail is an error with a status of its own, for what only HTTP knows.
type fail struct {
	status  int
	message string
}

func (f *fail) Error() string { return f.message }

func failf(status int, format string, args ...any) error {
	return &fail{status, fmt.Sprintf(format, args...)}
}

// httpStatus is what JAX-RS answers by itself.
func httpStatus(status int) error {
	return failf(status, "HTTP %d %s", status, http.StatusText(status))
}

// status is the only place that knows which error has which HTTP status.
func (a *API) status(err error) (int, string) {
	var f *fail
	switch {
	case errors.As(err, &f):
		return f.status, f.message
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusInternalServerError, "Request timed out. The worker is currently " + a.herder.Stage()
	}
	status := http.StatusInternalServerError
	switch herder.KindOf(err) {
	case herder.BadRequest:
		status = http.StatusBadRequest
	case herder.NotFound:
		status = http.StatusNotFound
	case herder.Exists, herder.Conflict:
		status = http.StatusConflict
	case herder.Forbidden:
		status = http.StatusForbidden
	}
	return status, err.Error()
}

type errorBody struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, message := a.status(err)
	if status >= http.StatusInternalServerError {
		a.opts.Logger.Error("A REST request failed", "method", r.Method, "path", r.URL.Path, "status", status, "error", message)
	}
	writeJSON(w, status, errorBody{status, message})
}

// trimmedList splits a comma-separated property.
func trimmedList(s string) []string {
	var out []string
	for _, e := range strings.Split(s, ",") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	return out
}
