// Package client speaks Kafka Connect's REST API: for leat's commands, its console and its tests, with leat or with a real Connect
// worker. Every call ends with its context; an answer that is not a success is an *Error.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"leat/herder"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// Error is an answer that is not a success.
type Error struct {
	Status  int
	Message string
}

// Error gives the server's message.
func (e *Error) Error() string { return fmt.Sprintf("%s (HTTP %d)", e.Message, e.Status) }

// IsNotFound tells whether err says that there is no such thing.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Client calls one worker. It is safe for use by many goroutines.
type Client struct {
	base           string
	http           *http.Client
	user, password string
}

// New makes a client for a base address such as http://localhost:8083. httpClient may be nil.
func New(base string, httpClient *http.Client) *Client {
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	return &Client{base: strings.TrimSuffix(base, "/"), http: httpClient}
}

// WithBasicAuth gives a client that sends a name and password.
func (c *Client) WithBasicAuth(user, password string) *Client {
	out := *c
	out.user, out.password = user, password
	return &out
}

// Do sends one request; in is the body as JSON (nil: none) and out takes the answer (nil: dropped). path is escaped already.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return 0, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	if c.user != "" {
		req.SetBasicAuth(c.user, c.password)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return res.StatusCode, read(res, out)
}

func read(res *http.Response, out any) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		var e struct{ Message string }
		if json.Unmarshal(data, &e) != nil || e.Message == "" {
			e.Message = res.Status
		}
		return &Error{res.StatusCode, e.Message}
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("answer of %s: %w", res.Request.URL.Path, err)
	}
	return nil
}

func get[T any](ctx context.Context, c *Client, path string) (out T, err error) {
	_, err = c.Do(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func connector(name, rest string) string { return "/connectors/" + url.PathEscape(name) + rest }

func task(name string, n int, rest string) string {
	return connector(name, "/tasks/"+strconv.Itoa(n)+rest)
}

// Server gives version and cluster.
func (c *Client) Server(ctx context.Context) (herder.ServerInfo, error) {
	return get[herder.ServerInfo](ctx, c, "/")
}

// Health is the answer of GET /health.
type Health struct {
	Status  string `json:"status"` // healthy, starting or unhealthy
	Message string `json:"message"`
}

// Health asks whether the worker is ready; an answer that says no is no error.
func (c *Client) Health(ctx context.Context) (Health, error) {
	h, err := get[Health](ctx, c, "/health")
	var e *Error
	if errors.As(err, &e) {
		h = Health{"unhealthy", e.Message}
		if e.Status == http.StatusServiceUnavailable {
			h.Status = "starting"
		}
		return h, nil
	}
	return h, err
}

// Connectors lists the connectors.
func (c *Client) Connectors(ctx context.Context) ([]string, error) {
	return get[[]string](ctx, c, "/connectors")
}

// Expanded is a connector with info and status.
type Expanded struct {
	Info   herder.ConnectorInfo   `json:"info"`
	Status herder.ConnectorStatus `json:"status"`
}

// Expanded lists the connectors with info and status.
func (c *Client) Expanded(ctx context.Context) (map[string]Expanded, error) {
	return get[map[string]Expanded](ctx, c, "/connectors?expand=info&expand=status")
}

// Create makes a connector; initial is RUNNING, PAUSED, STOPPED or "".
func (c *Client) Create(ctx context.Context, name string, config map[string]string, initial string) (out herder.ConnectorInfo, err error) {
	body := map[string]any{"name": name, "config": config}
	if initial != "" {
		body["initial_state"] = initial
	}
	_, err = c.Do(ctx, http.MethodPost, "/connectors", body, &out)
	return out, err
}

// Configure makes a connector or replaces its config, and tells whether it was made.
func (c *Client) Configure(ctx context.Context, name string, config map[string]string) (out herder.ConnectorInfo, created bool, err error) {
	status, err := c.Do(ctx, http.MethodPut, connector(name, "/config"), config, &out)
	return out, status == http.StatusCreated, err
}

// Patch changes some keys; nil removes one.
func (c *Client) Patch(ctx context.Context, name string, change map[string]*string) (out herder.ConnectorInfo, err error) {
	_, err = c.Do(ctx, http.MethodPatch, connector(name, "/config"), change, &out)
	return out, err
}

// Connector gives config and tasks.
func (c *Client) Connector(ctx context.Context, name string) (herder.ConnectorInfo, error) {
	return get[herder.ConnectorInfo](ctx, c, connector(name, ""))
}

// Status gives the states of a connector and its tasks.
func (c *Client) Status(ctx context.Context, name string) (herder.ConnectorStatus, error) {
	return get[herder.ConnectorStatus](ctx, c, connector(name, "/status"))
}

// Tasks gives the configs of the tasks.
func (c *Client) Tasks(ctx context.Context, name string) ([]herder.TaskInfo, error) {
	return get[[]herder.TaskInfo](ctx, c, connector(name, "/tasks"))
}

// TaskStatus gives the state of a task.
func (c *Client) TaskStatus(ctx context.Context, name string, n int) (herder.TaskStatus, error) {
	return get[herder.TaskStatus](ctx, c, task(name, n, "/status"))
}

// Delete removes a connector.
func (c *Client) Delete(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodDelete, connector(name, ""))
}

// Pause, Resume and Stop set the target state.
func (c *Client) Pause(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodPut, connector(name, "/pause"))
}

// Resume lets a paused or stopped connector run.
func (c *Client) Resume(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodPut, connector(name, "/resume"))
}

// Stop ends a connector's tasks and keeps its config.
func (c *Client) Stop(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodPut, connector(name, "/stop"))
}

// Restart restarts a connector without its tasks.
func (c *Client) Restart(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodPost, connector(name, "/restart"))
}

// RestartAll restarts a connector with its tasks, or what of them has failed.
func (c *Client) RestartAll(ctx context.Context, name string, onlyFailed bool) (out herder.ConnectorStatus, err error) {
	path := connector(name, "/restart?includeTasks=true&onlyFailed="+strconv.FormatBool(onlyFailed))
	_, err = c.Do(ctx, http.MethodPost, path, nil, &out)
	return out, err
}

// RestartTask restarts one task.
func (c *Client) RestartTask(ctx context.Context, name string, n int) error {
	return c.send(ctx, http.MethodPost, task(name, n, "/restart"))
}

// Topics lists the topics that a connector has used.
func (c *Client) Topics(ctx context.Context, name string) ([]string, error) {
	all, err := get[map[string]struct{ Topics []string }](ctx, c, connector(name, "/topics"))
	return all[name].Topics, err
}

// ResetTopics forgets them.
func (c *Client) ResetTopics(ctx context.Context, name string) error {
	return c.send(ctx, http.MethodPut, connector(name, "/topics/reset"))
}

type offsets struct {
	Offsets []herder.Offset `json:"offsets"`
}

// Offsets gives a connector's offsets.
func (c *Client) Offsets(ctx context.Context, name string) ([]herder.Offset, error) {
	o, err := get[offsets](ctx, c, connector(name, "/offsets"))
	return o.Offsets, err
}

// AlterOffsets changes offsets of a stopped connector and gives the server's message.
func (c *Client) AlterOffsets(ctx context.Context, name string, o []herder.Offset) (string, error) {
	var out struct{ Message string }
	_, err := c.Do(ctx, http.MethodPatch, connector(name, "/offsets"), offsets{o}, &out)
	return out.Message, err
}

// ResetOffsets removes all offsets of a stopped connector and gives the server's message.
func (c *Client) ResetOffsets(ctx context.Context, name string) (string, error) {
	var out struct{ Message string }
	_, err := c.Do(ctx, http.MethodDelete, connector(name, "/offsets"), nil, &out)
	return out.Message, err
}

// Plugins lists the plug-ins, all or the connectors.
func (c *Client) Plugins(ctx context.Context, connectorsOnly bool) ([]herder.PluginInfo, error) {
	return get[[]herder.PluginInfo](ctx, c, "/connector-plugins?connectorsOnly="+strconv.FormatBool(connectorsOnly))
}

// Notes gives what leat's validation says beyond errors.
func (c *Client) Notes(ctx context.Context, name string) ([]string, error) {
	n, err := get[struct{ Notes []string }](ctx, c, "/leat"+connector(name, "/notes"))
	return n.Notes, err
}

// Loggers lists the loggers that have a level of their own.
func (c *Client) Loggers(ctx context.Context) (map[string]herder.LoggerLevel, error) {
	return get[map[string]herder.LoggerLevel](ctx, c, "/admin/loggers")
}

// SetLogger sets a level on this worker and gives the names touched.
func (c *Client) SetLogger(ctx context.Context, name, level string) (out []string, err error) {
	_, err = c.Do(ctx, http.MethodPut, "/admin/loggers/"+url.PathEscape(name), map[string]string{"level": level}, &out)
	return out, err
}

func (c *Client) send(ctx context.Context, method, path string) error {
	_, err := c.Do(ctx, method, path, nil, nil)
	return err
}
