package kafka

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logger hands the client's log to slog. The client's information is leat's debugging.
type logger struct{ to *slog.Logger }

func newLogger(to *slog.Logger) kgo.Logger { return logger{to} }

var levels = map[kgo.LogLevel]slog.Level{
	kgo.LogLevelError: slog.LevelError,
	kgo.LogLevelWarn:  slog.LevelWarn,
	kgo.LogLevelInfo:  slog.LevelDebug,
	kgo.LogLevelDebug: slog.LevelDebug - 4,
}

// Level tells the client what is worth composing.
func (l logger) Level() kgo.LogLevel {
	ctx := context.Background()
	for _, level := range []kgo.LogLevel{kgo.LogLevelDebug, kgo.LogLevelInfo, kgo.LogLevelWarn, kgo.LogLevelError} {
		if l.to.Enabled(ctx, levels[level]) {
			return level
		}
	}
	return kgo.LogLevelNone
}

// Log writes one line.
func (l logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	l.to.Log(context.Background(), levels[level], msg, keyvals...)
}

// jitter spreads a wait by a fifth either way, as Kafka does.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
