// Package embedded is the log that leat carries with it, so that it runs with nothing else installed: a broker of one node that speaks
// Kafka's protocol, on disk.
//
// Behind Server is a stand-in until leat's own log is there: kfake, franz-go's broker for tests, with its data directory.
//
// Guarantees: an acknowledged message, a group's offset and a topic are on disk (fsync) and are there after a graceful stop, and after
// a crash of the process. A directory has one user at a time. When the disk is nearly full, producers are made to wait instead
// of losing data.
//
// Limits of the stand-in, known and accepted until it is replaced:
//   - no compaction and no retention: its cleaner is not crash-safe and stays off, so topics only grow;
//   - no transactions, so no exactly-once: transactional ids are refused;
//   - after a crash it reads the whole log into memory to find its end, and a flipped byte cuts a partition's log there;
//   - one fsync per batch: throughput is what the disk gives;
//   - users' passwords lie in its directory, for PLAIN in the clear;
//   - one broker: a replication factor above 1 is taken as 1;
//   - CreateTopics is offered up to version 4 only, because Java's admin client does not read the later answers.
package embedded

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"leat/config"
)

// Options say where the log is and who may use it.
type Options struct {
	Dir      string // created when absent
	Listener string // host:port; port 0 takes a free one
	// Advertised is the host:port told to clients; "" is the listener's own.
	Advertised string
	// Users by name; with any, clients must log in (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512). A listener that others can reach wants some.
	Users map[string]config.Secret
	// TLS, when not nil, is what the listener speaks.
	TLS *tls.Config
	// MinFree is how many bytes the disk must have free for new messages to be taken; 0 means 256 MiB.
	MinFree int64
	Logger  *slog.Logger
}

const (
	defaultMinFree = 256 << 20
	// engineDir is the stand-in's own, so that its successor can live beside it while data moves over.
	engineDir = "standin"
)

// engine is a broker that serves a listener from a directory: the one place where the stand-in is replaced.
type engine interface{ Close() }

// Server is a running log.
type Server struct {
	addr   string
	engine engine
	lock   *os.File
	guard  *diskGuard
	once   sync.Once
}

// Start opens the directory and listens. An error is one line that says what to do.
func Start(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if err := checkListener(o); err != nil {
		return nil, err
	}
	data := filepath.Join(o.Dir, engineDir)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("embedded log: its directory cannot be made: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	s, err := start(o, data)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s.lock = lock
	return s, nil
}

// start runs the engine once the directory is ours.
func start(o Options, data string) (*Server, error) {
	guard, err := watchDisk(o.Dir, o.MinFree, o.Logger)
	if err != nil {
		return nil, err
	}
	id, err := clusterID(o.Dir)
	if err != nil {
		guard.close()
		return nil, err
	}
	ln, err := listen(o)
	if err != nil {
		guard.close()
		return nil, err
	}
	addr := ln.Addr().String()
	e, err := startStandIn(o, data, id, advertise(ln, o.Advertised), guard)
	if err != nil {
		ln.Close()
		guard.close()
		return nil, fmt.Errorf("embedded log in %s: %w", o.Dir, err)
	}
	return &Server{addr: addr, engine: e, guard: guard}, nil
}

// Addr is the host:port that is listened on.
func (s *Server) Addr() string { return s.addr }

// Close stops serving, writes out what there is to write and lets go of the directory.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		s.engine.Close()
		s.guard.close()
		err = s.lock.Close()
	})
	return err
}

// checkListener refuses what would let anyone on the network read and write everything.
func checkListener(o Options) error {
	host, _, err := net.SplitHostPort(o.Listener)
	if err != nil {
		return fmt.Errorf("embedded log: listener %q is not host:port", o.Listener)
	}
	if loopback(host) {
		return nil
	}
	if len(o.Users) == 0 {
		return fmt.Errorf("embedded log: listener %s can be reached from other machines and has no users; give it users and passwords, or listen on 127.0.0.1", o.Listener)
	}
	if ip := net.ParseIP(host); o.Advertised == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return fmt.Errorf("embedded log: listener %s is every address of this machine; say which host:port clients shall use (advertised)", o.Listener)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func listen(o Options) (net.Listener, error) {
	ln, err := net.Listen("tcp", o.Listener)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("embedded log: %s is in use by another process; stop it, or listen on another port", o.Listener)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded log: cannot listen on %s: %w", o.Listener, err)
	}
	return ln, nil
}

// advertised is a listener that gives another address as its own: that is what the broker tells its clients.
type advertised struct {
	net.Listener
	addr address
}

type address string

// Network is tcp.
func (address) Network() string { return "tcp" }

// String is the host:port.
func (a address) String() string { return string(a) }

// Addr is the address for clients.
func (a advertised) Addr() net.Addr { return a.addr }

func advertise(ln net.Listener, as string) net.Listener {
	if as == "" {
		return ln
	}
	return advertised{ln, address(as)}
}

// clusterID gives the id of the log in dir, made when it is new.
func clusterID(dir string) (string, error) {
	file := filepath.Join(dir, "cluster.id")
	b, err := os.ReadFile(file)
	if err == nil && len(strings.TrimSpace(string(b))) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("embedded log: %w", err)
	}
	id := newID()
	if err := os.WriteFile(file, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("embedded log: %w", err)
	}
	return id, nil
}
