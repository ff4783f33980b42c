package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"leat/herder/loggers"
	"leat/metrics"
	"leat/rest"
)

// surface is one listener of REST.
type surface struct {
	key, url string // of the listener
	listener net.Listener
	server   *http.Server
	admin    bool
}

const drainRequests = 2 * time.Second

// listen takes the ports of REST.
func (n *Node) listen() error {
	w := n.opts.Worker
	for _, l := range w.Listeners {
		if err := n.addSurface("listeners", l, false); err != nil {
			return err
		}
	}
	if w.AdminListeners != nil {
		for _, l := range *w.AdminListeners {
			if err := n.addSurface("admin.listeners", l, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *Node) addSurface(key, address string, admin bool) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	var secure *tls.Config
	if u.Scheme == "https" {
		if secure, err = serverTLS(n.opts.Worker.Props, key+".https."); err != nil {
			return fmt.Errorf("%s: %s: %w", key, address, err)
		}
	}
	l, err := net.Listen("tcp", u.Host)
	if err != nil {
		return listenError(key, address, err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	n.surfaces = append(n.surfaces, &surface{key: key, url: reachable(u, l.Addr()), listener: l, admin: admin})
	return nil
}

// listenError says in one line why a port can not be had.
func listenError(key, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use by another process: stop it, or choose another port with -D %s=…", key, address, key)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %s may not be used by this user: ports below 1024 are root's; choose another with -D %s=…", key, address, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %s is not an address of this machine", key, address)
	}
	return fmt.Errorf("%s: can not listen on %s: %w", key, address, err)
}

// reachable is the URL of a listener, with the port it got and a host that can be called.
func reachable(u *url.URL, addr net.Addr) string {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return u.String()
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}

// workerID is host:port of REST as statuses name this worker.
func (n *Node) workerID() string {
	w := n.opts.Worker
	u, err := url.Parse(n.surfaces[0].url)
	if err != nil {
		return n.surfaces[0].url
	}
	host, port := u.Hostname(), u.Port()
	if w.AdvertisedHost != "" {
		host = w.AdvertisedHost
	}
	if w.AdvertisedPort != nil {
		port = fmt.Sprint(*w.AdvertisedPort)
	}
	return net.JoinHostPort(host, port)
}

// serve makes the handlers of the listeners.
func (n *Node) serve(levels *loggers.Registry, registry *metrics.Registry) error {
	users, err := n.users()
	if err != nil {
		return err
	}
	api, err := rest.New(n.herder, rest.Options{
		Props: n.opts.Worker.Props, Users: users, Metrics: registry.Handler(), Logger: levels.Logger("leat.rest"),
	})
	if err != nil {
		return err
	}
	for _, s := range n.surfaces {
		var handler http.Handler = api
		if s.admin {
			handler = api.Admin()
		}
		s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(levels.Logger("leat.rest").Handler(), slog.LevelDebug)}
	}
	return nil
}

func (n *Node) users() (map[string]string, error) {
	w := n.opts.Worker
	if !w.BasicAuth() {
		return nil, nil
	}
	users, err := rest.Users(w.LoginConfig)
	if err != nil {
		return nil, fmt.Errorf("java.security.auth.login.config: %w", err)
	}
	return users, nil
}

// run serves until ctx ends, and then lets requests in work finish for a moment.
func (s *surface) run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("%s: serving %s: %w", s.key, s.url, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainRequests)
	defer cancel()
	if s.server.Shutdown(grace) != nil {
		_ = s.server.Close() // requests that did not end in time are cut
	}
	<-served
	return nil
}

func (s *surface) close() {
	if s.server != nil {
		_ = s.server.Close()
	}
	_ = s.listener.Close() // closed already after run
}
