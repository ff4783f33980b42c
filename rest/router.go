package rest

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// http.ServeMux is not used here: it answers 404 and 405 in plain text, and redirects paths that it would rather have clean, while a connector's name may be
// nearly anything.

// route is one operation. pattern is a path whose segments in braces are parameters.
type route struct {
	method  string
	pattern string
	handle  func(*request) (*response, error)
	body    bool          // takes a JSON body
	timeout time.Duration // 0: Options.Timeout
	raw     http.Handler  // instead of handle
}

// request is what an operation gets.
type request struct {
	*http.Request
	params map[string]string
	data   []byte // the body, of a route that takes one
}

func (r *request) ctx() context.Context    { return r.Context() }
func (r *request) name() string            { return r.params["connector"] }
func (r *request) flag(key string) bool    { return strings.EqualFold(r.URL.Query().Get(key), "true") }
func (r *request) param(key string) string { return r.params[key] }

// response is what an operation gives: a status, a body (nil: none) and headers.
type response struct {
	status   int
	body     any
	location string
}

func ok(body any) (*response, error) { return &response{status: http.StatusOK, body: body}, nil }

func empty(status int) (*response, error) { return &response{status: status}, nil }

type router struct {
	api    *API
	routes []route
}

func (a *API) router(routes []route) http.Handler { return &router{a, routes} }

func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments, err := pathSegments(r.URL)
	if err != nil {
		rt.api.writeError(w, r, httpStatus(http.StatusBadRequest))
		return
	}
	var allowed []string
	for _, route := range rt.routes {
		params, ok := match(route.pattern, segments)
		if !ok {
			continue
		}
		if route.method == r.Method || route.method == http.MethodGet && r.Method == http.MethodHead {
			rt.serve(w, r, route, params)
			return
		}
		allowed = append(allowed, route.method)
	}
	switch {
	case allowed == nil:
		rt.api.writeError(w, r, httpStatus(http.StatusNotFound))
	default:
		rt.refuseMethod(w, r, allowed)
	}
}

// refuseMethod answers OPTIONS, and 405 for any other method.
func (rt *router) refuseMethod(w http.ResponseWriter, r *http.Request, allowed []string) {
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ","))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusOK)
		return
	}
	rt.api.writeError(w, r, httpStatus(http.StatusMethodNotAllowed))
}

func (rt *router) serve(w http.ResponseWriter, r *http.Request, route route, params map[string]string) {
	if route.raw != nil {
		route.raw.ServeHTTP(w, r)
		return
	}
	timeout := route.timeout
	if timeout == 0 {
		timeout = rt.api.opts.Timeout
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	req := &request{Request: r.WithContext(ctx), params: params}
	res, err := rt.call(w, req, route)
	if err != nil {
		rt.api.writeError(w, r, err)
		return
	}
	if res.location != "" {
		w.Header().Set("Location", location(r, res.location))
	}
	if res.body == nil {
		w.WriteHeader(res.status)
		return
	}
	writeJSON(w, res.status, res.body)
}

func (rt *router) call(w http.ResponseWriter, req *request, route route) (*response, error) {
	if !acceptsJSON(req.Header.Get("Accept")) {
		return nil, httpStatus(http.StatusNotAcceptable)
	}
	if route.body {
		if err := req.readBody(w); err != nil {
			return nil, err
		}
	}
	return route.handle(req)
}

// pathSegments splits the path before it unescapes, so that a name may hold a slash. One slash at the end is nothing.
func pathSegments(u *url.URL) ([]string, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if path == "" {
		return nil, nil
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		var err error
		if segments[i], err = url.PathUnescape(s); err != nil {
			return nil, err
		}
	}
	return segments, nil
}

func match(pattern string, segments []string) (map[string]string, bool) {
	var parts []string
	if pattern != "/" {
		parts = strings.Split(pattern[1:], "/")
	}
	if len(parts) != len(segments) {
		return nil, false
	}
	params := map[string]string{}
	for i, p := range parts {
		switch {
		case strings.HasPrefix(p, "{"):
			if segments[i] == "" {
				return nil, false
			}
			params[p[1:len(p)-1]] = segments[i]
		case p != segments[i]:
			return nil, false
		}
	}
	return params, true
}

// location makes the address absolute, as Connect shows it.
func location(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + path
}

// acceptsJSON tells whether the client takes what there is; no header takes anything.
func acceptsJSON(header string) bool {
	if header == "" {
		return true
	}
	for _, a := range strings.Split(header, ",") {
		media, _, err := mime.ParseMediaType(a)
		switch {
		case err != nil || media == "*/*" || media == "application/*" || isJSON(media):
			return true
		}
	}
	return false
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}
