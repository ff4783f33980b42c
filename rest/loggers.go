package rest

import (
	"net/http"
	"strings"

	"leat/herder/loggers"
)

func (a *API) loggerRoutes() []route {
	return []route{
		{method: "GET", pattern: "/admin/loggers", handle: a.listLoggers},
		{method: "GET", pattern: "/admin/loggers/{logger}", handle: a.getLogger},
		{method: "PUT", pattern: "/admin/loggers/{logger}", handle: a.setLogger, body: true},
	}
}

func (a *API) listLoggers(r *request) (*response, error) {
	all, err := a.herder.Loggers(r.ctx())
	if err != nil {
		return nil, err
	}
	return ok(all)
}

func (a *API) getLogger(r *request) (*response, error) {
	level, err := a.herder.Logger(r.ctx(), r.param("logger"))
	if err != nil {
		return nil, err
	}
	return ok(level)
}

func (a *API) setLogger(r *request) (*response, error) {
	fields, err := change(r.data)
	if err != nil {
		return nil, err
	}
	level := fields["level"]
	switch {
	case level == nil:
		return nil, failf(http.StatusBadRequest, "Desired 'level' parameter was not specified in request.")
	case !loggers.Valid(*level):
		return nil, failf(http.StatusNotFound, "invalid log level '%s'.", *level)
	}
	scope := r.URL.Query().Get("scope")
	cluster := strings.EqualFold(scope, "cluster")
	if scope != "" && !cluster && !strings.EqualFold(scope, "worker") {
		a.opts.Logger.Warn("An unknown scope was asked for, the level is set on this worker", "scope", scope)
	}
	touched, err := a.herder.SetLogger(r.ctx(), r.param("logger"), *level, cluster)
	switch {
	case err != nil:
		return nil, err
	case cluster:
		return empty(http.StatusNoContent)
	}
	return ok(touched)
}
