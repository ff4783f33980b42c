package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/config"
)

// subscription says what to consume: topics by name, or those whose whole name matches a pattern of Java's.
func (f *fetcher) subscription(o FetcherOptions, s settings, a *clusterAdmin) ([]kgo.Opt, error) {
	if o.Regex == "" {
		return []kgo.Opt{kgo.ConsumeTopics(o.Topics...)}, nil
	}
	whole := "^(?:" + o.Regex + ")$"
	if _, err := regexp.Compile(whole); err == nil {
		return []kgo.Opt{kgo.ConsumeRegex(), kgo.ConsumeTopics(whole)}, nil
	}
	// Java knows patterns that Go's engine does not (look-ahead, back references): topics are looked up and matched here instead.
	pattern, err := regexp2.Compile(whole, regexp2.None)
	if err != nil {
		return nil, &ConfigError{Client: "consumer", Problems: []config.Problem{
			config.Problemf("topics.regex", "%q is not a regular expression: %v", o.Regex, err)}}
	}
	pattern.MatchTimeout = time.Second
	f.discovery = &discovery{
		admin: a, pattern: pattern,
		every: s.ms("metadata.max.age.ms", 5*time.Minute, 10*time.Millisecond, time.Hour),
	}
	return nil, nil
}

// discovery looks for topics that match a pattern and adds them to what a client consumes.
type discovery struct {
	admin   *clusterAdmin
	pattern *regexp2.Regexp
	every   time.Duration

	stop context.CancelFunc
	done sync.WaitGroup
}

func (d *discovery) start(client *kgo.Client, logger *slog.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	d.done.Go(func() { d.run(ctx, client, logger) })
}

func (d *discovery) end() {
	d.stop()
	d.done.Wait()
}

func (d *discovery) run(ctx context.Context, client *kgo.Client, logger *slog.Logger) {
	for {
		wait := d.every
		topics, err := d.matching(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			logger.Warn("topics could not be looked up", "error", err)
			wait = min(wait, time.Second)
		case len(topics) > 0:
			client.AddConsumeTopics(topics...)
		}
		if sleep(ctx, wait) != nil {
			return
		}
	}
}

func (d *discovery) matching(ctx context.Context) ([]string, error) {
	all, err := d.admin.Topics(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for name, t := range all {
		if ok, err := d.pattern.MatchString(name); err == nil && ok && !t.Internal {
			out = append(out, name)
		}
	}
	return out, nil
}

var isoParts = regexp.MustCompile(`(?i)^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// isoDuration reads an ISO 8601 duration of days or less, as java.time.Duration does.
func isoDuration(s string) (time.Duration, error) {
	parts := isoParts.FindStringSubmatch(s)
	if parts == nil || len(s) < 3 {
		return 0, fmt.Errorf("%q is not an ISO 8601 duration", s)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if parts[i+1] == "" {
			continue
		}
		n, err := strconv.ParseFloat(parts[i+1], 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n * float64(unit))
	}
	return total, nil
}
