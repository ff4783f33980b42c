package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultListener is Connect's.
const DefaultListener = "http://:8083"

// Grace is how long a request in flight may go on when the server stops.
const Grace = 5 * time.Second

// Listener is an open port.
type Listener struct {
	net.Listener
	Scheme string // http or https
	Host   string // as configured, "" for all
}

var listenerPattern = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$`)

// Listen opens the ports of a property such as listeners: http://host:port or https://host:port, separated by commas. secure is
// for https; without it https is an error.
func Listen(property string, secure *tls.Config) ([]Listener, error) {
	var out []Listener
	for _, text := range trimmedList(property) {
		l, err := listen(text, secure)
		if err != nil {
			for _, open := range out {
				_ = open.Close() // nothing was accepted yet
			}
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func listen(text string, secure *tls.Config) (Listener, error) {
	parts := listenerPattern.FindStringSubmatch(text)
	if parts == nil {
		return Listener{}, fmt.Errorf("listener %q does not have the right format (protocol://hostname:port)", text)
	}
	l := Listener{Scheme: strings.ToLower(parts[1]), Host: parts[2]}
	switch {
	case l.Scheme != "http" && l.Scheme != "https":
		return l, fmt.Errorf("listener %q: the protocol must be http or https", text)
	case l.Scheme == "https" && secure == nil:
		return l, fmt.Errorf("listener %q needs a certificate: set listeners.https.ssl.keystore.location, or the ssl.keystore.* options", text)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(l.Host, parts[3]))
	if err != nil {
		return l, fmt.Errorf("listener %s: %w", text, err)
	}
	if l.Scheme == "https" {
		ln = tls.NewListener(ln, secure)
	}
	l.Listener = ln
	return l, nil
}

// Port is the port that was opened.
func (l Listener) Port() int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// Advertised is the address that other workers and clients are told: rest.advertised.* where set, else the first listener of the
// advertised protocol. WorkerID is its host:port.
func Advertised(props map[string]string, listeners []Listener) (url, workerID string, err error) {
	if len(listeners) == 0 {
		return "", "", errors.New("listeners is empty: leave it out for " + DefaultListener)
	}
	scheme := strings.ToLower(strings.TrimSpace(props["rest.advertised.listener"]))
	chosen := listeners[0]
	found := scheme == ""
	for _, l := range listeners {
		if !found && l.Scheme == scheme {
			chosen, found = l, true
		}
	}
	if !found {
		return "", "", fmt.Errorf("rest.advertised.listener=%s: listeners has none of that protocol", scheme)
	}
	host, port := chosen.Host, strconv.Itoa(chosen.Port())
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = ownAddress()
	}
	if h := strings.TrimSpace(props["rest.advertised.host.name"]); h != "" {
		host = h
	}
	if p := strings.TrimSpace(props["rest.advertised.port"]); p != "" {
		if _, err := strconv.ParseUint(p, 10, 16); err != nil {
			return "", "", fmt.Errorf("rest.advertised.port=%s: must be a port", p)
		}
		port = p
	}
	workerID = net.JoinHostPort(host, port)
	return chosen.Scheme + "://" + workerID + "/", workerID, nil
}

// ownAddress is an address of this machine that others may reach, or the loopback one.
func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}

// Serve answers on listeners until ctx ends, and then lets requests in flight end within Grace.
func Serve(ctx context.Context, handler http.Handler, log *slog.Logger, listeners ...Listener) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * defaultTimeout, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- server.Serve(l) }()
	}
	var err error
	waiting := len(listeners)
	select {
	case <-ctx.Done():
	case err = <-ended:
		waiting--
	}
	now, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	if server.Shutdown(now) != nil {
		_ = server.Close() // the grace period is over
	}
	for range waiting {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
