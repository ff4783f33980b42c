// Package loggers keeps a level per logger name, changeable while the process runs, as Connect's /admin/loggers wants it. Names form a
// tree by dots; "root" stands for all. A logger without a level of its own has that of its nearest ancestor.
package loggers

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Root is the name of the root logger, in any case.
const Root = "root"

// Levels beyond slog's, as log4j has them.
const (
	trace = slog.LevelDebug - 4
	fatal = slog.LevelError + 4
	off   = slog.Level(1 << 20)
	all   = slog.Level(-1 << 20)
)

var words = map[string]slog.Level{
	"ALL": all, "TRACE": trace, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "FATAL": fatal, "OFF": off,
}

// Level is the level of a logger; LastModified, in milliseconds, is nil when it was never set.
type Level struct {
	Level        string `json:"level"`
	LastModified *int64 `json:"last_modified"`
}

// Valid tells whether word is a level, in any case.
func Valid(word string) bool {
	_, ok := words[strings.ToUpper(word)]
	return ok
}

// Registry holds the loggers of one process. It is safe for use by many goroutines.
type Registry struct {
	base slog.Handler

	mu    sync.RWMutex
	root  Level
	set   map[string]Level // loggers with a level of their own
	names map[string]bool  // loggers that were asked for
}

// New makes a registry whose loggers write to base, which should let every level pass; level is that of root.
func New(base slog.Handler, level string) *Registry {
	if !Valid(level) {
		level = "INFO"
	}
	return &Registry{base: base, root: Level{Level: strings.ToUpper(level)}, set: map[string]Level{}, names: map[string]bool{}}
}

// Logger gives the logger of a name.
func (r *Registry) Logger(name string) *slog.Logger {
	r.mu.Lock()
	r.names[name] = true
	r.mu.Unlock()
	return slog.New(&handler{r, name, r.base.WithAttrs([]slog.Attr{slog.String("logger", name)})})
}

// Levels gives the loggers that have a level of their own, root included.
func (r *Registry) Levels() map[string]Level {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := maps.Clone(r.set)
	out[Root] = r.root
	return out
}

// Level gives the level of a known logger, inherited or its own.
func (r *Registry) Level(name string) (Level, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if strings.EqualFold(name, Root) {
		return r.root, true
	}
	if l, ok := r.set[name]; ok {
		return l, true
	}
	return Level{Level: r.effective(name)}, r.names[name]
}

// Set gives name and all known loggers below it a level, and returns their names. name becomes known.
func (r *Registry) Set(name, level string) []string {
	level = strings.ToUpper(level)
	now := time.Now().UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	isRoot := strings.EqualFold(name, Root)
	var touched []string
	for known := range r.names {
		if isRoot || strings.HasPrefix(known, name) {
			touched = append(touched, known)
		}
	}
	if isRoot {
		name = Root
	}
	if !slices.Contains(touched, name) {
		touched = append(touched, name)
	}
	for _, t := range touched {
		r.put(t, level, now)
	}
	slices.Sort(touched)
	return touched
}

func (r *Registry) put(name, level string, now int64) {
	if name == Root {
		if r.root.Level != level {
			r.root = Level{level, &now}
		}
		return
	}
	r.names[name] = true
	if r.effective(name) != level {
		r.set[name] = Level{level, &now}
	}
}

// effective finds a logger's level; r.mu is held.
func (r *Registry) effective(name string) string {
	for {
		if l, ok := r.set[name]; ok {
			return l.Level
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return r.root.Level
		}
		name = name[:i]
	}
}

func (r *Registry) enabled(name string, level slog.Level) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return level >= words[r.effective(name)]
}

// handler is one logger.
type handler struct {
	r    *Registry
	name string
	next slog.Handler
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.r.enabled(h.name, level)
}

func (h *handler) Handle(ctx context.Context, rec slog.Record) error { return h.next.Handle(ctx, rec) }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.r, h.name, h.next.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.r, h.name, h.next.WithGroup(name)}
}
