package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"leat/herder"
)

func (a *API) connectorRoutes() []route {
	const one = "/connectors/{connector}"
	return []route{
		{method: "GET", pattern: "/connectors", handle: a.listConnectors},
		{method: "POST", pattern: "/connectors", handle: a.createConnector, body: true},
		{method: "GET", pattern: one, handle: a.getConnector},
		{method: "DELETE", pattern: one, handle: a.deleteConnector},
		{method: "GET", pattern: one + "/config", handle: a.getConfig},
		{method: "PUT", pattern: one + "/config", handle: a.putConfig, body: true},
		{method: "PATCH", pattern: one + "/config", handle: a.patchConfig, body: true},
		{method: "GET", pattern: one + "/status", handle: a.getStatus},
		{method: "POST", pattern: one + "/restart", handle: a.restart},
		{method: "PUT", pattern: one + "/pause", handle: a.target(herder.TargetPaused, http.StatusAccepted)},
		{method: "PUT", pattern: one + "/resume", handle: a.target(herder.TargetStarted, http.StatusAccepted)},
		{method: "PUT", pattern: one + "/stop", handle: a.target(herder.TargetStopped, http.StatusNoContent)},
		{method: "GET", pattern: one + "/tasks", handle: a.listTasks},
		{method: "GET", pattern: one + "/tasks/{task}/status", handle: a.getTaskStatus},
		{method: "POST", pattern: one + "/tasks/{task}/restart", handle: a.restartTask},
		{method: "GET", pattern: one + "/topics", handle: a.getTopics},
		{method: "PUT", pattern: one + "/topics/reset", handle: a.resetTopics},
		{method: "GET", pattern: "/leat/connectors/{connector}/notes", handle: a.getNotes},
	}
}

func (a *API) listConnectors(r *request) (*response, error) {
	names, err := a.herder.Connectors(r.ctx())
	if err != nil {
		return nil, err
	}
	expand, expanded := r.URL.Query()["expand"]
	if !expanded {
		return ok(names)
	}
	out := make(map[string]map[string]any, len(names))
	for _, name := range names {
		one, err := a.expand(r, name, expand)
		switch {
		case herder.KindOf(err) == herder.NotFound: // it was deleted meanwhile, or has no status yet
		case err != nil:
			return nil, err
		default:
			out[name] = one
		}
	}
	return ok(out)
}

func (a *API) expand(r *request, name string, what []string) (map[string]any, error) {
	out := map[string]any{}
	var err error
	if slices.Contains(what, "status") {
		if out["status"], err = a.herder.Status(r.ctx(), name); err != nil {
			return nil, err
		}
	}
	if slices.Contains(what, "info") {
		if out["info"], err = a.herder.Connector(r.ctx(), name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

const createType = "org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest"

func (a *API) createConnector(r *request) (*response, error) {
	fields, err := object(r.data, createType)
	if err != nil {
		return nil, err
	}
	if err := onlyFields(fields, createType, "config", "name", "initial_state"); err != nil {
		return nil, err
	}
	name := ""
	if raw, ok := fields["name"]; ok {
		s, err := text(raw)
		if err != nil {
			return nil, err
		}
		if s != nil {
			name = strings.TrimSpace(*s)
		}
	}
	initial, err := initialState(fields["initial_state"])
	if err != nil {
		return nil, err
	}
	if raw := fields["config"]; raw == nil || raw[0] == 'n' {
		return nil, malformed("Cannot deserialize value of type `%s`: it has no config", createType)
	}
	config, err := change(fields["config"])
	if err != nil {
		return nil, err
	}
	if err := nameConfig(name, config); err != nil {
		return nil, err
	}
	info, err := a.herder.Create(r.ctx(), name, config, initial)
	if err != nil {
		return nil, err
	}
	return &response{http.StatusCreated, info, connectorPath(name)}, nil
}

func connectorPath(name string) string { return "/connectors/" + url.PathEscape(name) }

func initialState(raw []byte) (herder.TargetState, error) {
	if raw == nil || raw[0] == 'n' {
		return "", nil
	}
	s, err := text(raw)
	if err != nil {
		return "", err
	}
	switch strings.ToUpper(*s) {
	case "RUNNING":
		return herder.TargetStarted, nil
	case "PAUSED":
		return herder.TargetPaused, nil
	case "STOPPED":
		return herder.TargetStopped, nil
	}
	return "", malformed("Cannot construct instance of `%s$InitialState`, problem: No enum constant %s.InitialState.%s; it is one of RUNNING, PAUSED, STOPPED",
		createType, createType, strings.ToUpper(*s))
}

// nameConfig puts the name into the config; another name there is a mistake.
func nameConfig(name string, config herder.Change) error {
	if given := config["name"]; given != nil && *given != name {
		return failf(http.StatusBadRequest, "Connector name configuration (%s) doesn't match connector name in the URL (%s)", *given, name)
	}
	config["name"] = &name
	return nil
}

func (a *API) getConnector(r *request) (*response, error) {
	info, err := a.herder.Connector(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(info)
}

func (a *API) deleteConnector(r *request) (*response, error) {
	if err := a.herder.Delete(r.ctx(), r.name()); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent)
}

func (a *API) getConfig(r *request) (*response, error) {
	info, err := a.herder.Connector(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(info.Config)
}

func (a *API) putConfig(r *request) (*response, error) {
	config, err := change(r.data)
	if err != nil {
		return nil, err
	}
	if err := nameConfig(r.name(), config); err != nil {
		return nil, err
	}
	info, created, err := a.herder.Configure(r.ctx(), r.name(), config)
	switch {
	case err != nil:
		return nil, err
	case created:
		return &response{http.StatusCreated, info, connectorPath(r.name())}, nil
	}
	return ok(info)
}

func (a *API) patchConfig(r *request) (*response, error) {
	patch, err := change(r.data)
	if err != nil {
		return nil, err
	}
	info, err := a.herder.Patch(r.ctx(), r.name(), patch)
	if err != nil {
		return nil, err
	}
	return ok(info)
}

func (a *API) getStatus(r *request) (*response, error) {
	st, err := a.herder.Status(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(st)
}

func (a *API) restart(r *request) (*response, error) {
	req := herder.RestartRequest{IncludeTasks: r.flag("includeTasks"), OnlyFailed: r.flag("onlyFailed")}
	if req == (herder.RestartRequest{}) {
		if err := a.herder.Restart(r.ctx(), r.name()); err != nil {
			return nil, err
		}
		return empty(http.StatusNoContent)
	}
	st, err := a.herder.RestartAll(r.ctx(), r.name(), req)
	if err != nil {
		return nil, err
	}
	return &response{status: http.StatusAccepted, body: st}, nil
}

func (a *API) target(target herder.TargetState, status int) func(*request) (*response, error) {
	return func(r *request) (*response, error) {
		if err := a.herder.SetTarget(r.ctx(), r.name(), target); err != nil {
			return nil, err
		}
		return empty(status)
	}
}

func (a *API) listTasks(r *request) (*response, error) {
	tasks, err := a.herder.Tasks(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(tasks)
}

// task reads a task's number; what is none is no path.
func (r *request) task() (int, error) {
	n, err := strconv.ParseInt(r.param("task"), 10, 32)
	if err != nil {
		return 0, httpStatus(http.StatusNotFound)
	}
	return int(n), nil
}

func (a *API) getTaskStatus(r *request) (*response, error) {
	task, err := r.task()
	if err != nil {
		return nil, err
	}
	st, err := a.herder.TaskStatus(r.ctx(), r.name(), task)
	if err != nil {
		return nil, err
	}
	return ok(st)
}

func (a *API) restartTask(r *request) (*response, error) {
	task, err := r.task()
	if err != nil {
		return nil, err
	}
	if err := a.herder.RestartTask(r.ctx(), r.name(), task); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent)
}

func (a *API) getTopics(r *request) (*response, error) {
	topics, err := a.herder.Topics(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(map[string]map[string][]string{r.name(): {"topics": topics}})
}

func (a *API) resetTopics(r *request) (*response, error) {
	if err := a.herder.ResetTopics(r.ctx(), r.name()); err != nil {
		return nil, err
	}
	return empty(http.StatusAccepted)
}

func (a *API) getNotes(r *request) (*response, error) {
	notes, err := a.herder.Notes(r.ctx(), r.name())
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"name": r.name(), "notes": notes})
}
