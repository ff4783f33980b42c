package rest

import (
	"context"
	"errors"
	"net/http"
)

func (a *API) rootRoutes() []route {
	routes := []route{
		{method: "GET", pattern: "/", handle: a.server},
		{method: "GET", pattern: "/health", handle: a.health, timeout: a.opts.HealthTimeout},
	}
	if a.opts.Metrics != nil {
		routes = append(routes, route{method: "GET", pattern: "/metrics", raw: a.opts.Metrics})
	}
	return routes
}

func (a *API) server(r *request) (*response, error) {
	info, err := a.herder.Server(r.ctx())
	if err != nil {
		return nil, err
	}
	return ok(info)
}

type healthBody struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// health is KIP-1017: starting until the herder is ready, unhealthy when it does not answer in time.
func (a *API) health(r *request) (*response, error) {
	err := a.herder.Health(r.ctx())
	why := ""
	switch {
	case err == nil:
		return ok(healthBody{"healthy", "Worker has completed startup and is ready to handle requests."})
	case errors.Is(err, context.DeadlineExceeded):
		why = " The worker is currently " + a.herder.Stage()
	default:
		why = " " + err.Error()
	}
	if !a.herder.Ready() {
		return &response{status: http.StatusServiceUnavailable, body: healthBody{"starting", "Worker is still starting up." + why}}, nil
	}
	return &response{status: http.StatusInternalServerError, body: healthBody{"unhealthy",
		"Worker was unable to handle this request and may be unable to handle other requests." + why}}, nil
}
