package kafka

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/config"
	"leat/kafka/security"
)

// Cluster is a Log over a Kafka cluster.
type Cluster struct {
	props  map[string]string // the worker's
	logger *slog.Logger
	notes  []string
	client *kgo.Client // for administration
	admin  *clusterAdmin
}

var _ Log = (*Cluster)(nil)

// Open makes the clients' options of the worker's properties, which are in Kafka's names: bootstrap.servers, security and the like, and
// producer.*, consumer.* and admin.* over them. It does not wait for a broker. An error is a *ConfigError.
func Open(props map[string]string, logger *slog.Logger) (*Cluster, error) {
	c := &Cluster{props: maps.Clone(props), logger: logger}
	var problems []config.Problem
	for _, r := range []role{producer, consumer, admin} {
		notes, wrong := check(layered(props, r, nil), r)
		c.notes = append(c.notes, prefixed(notes, r, props)...)
		for _, p := range wrong {
			if !slices.Contains(problems, p) { // what all clients inherit is wrong once
				problems = append(problems, p)
			}
		}
	}
	if len(problems) > 0 {
		return nil, &ConfigError{Client: "client", Problems: problems}
	}
	opts, err := c.options(admin, layered(props, admin, nil), "leat-admin")
	if err != nil {
		return nil, err
	}
	c.client, err = kgo.NewClient(opts...)
	if err != nil {
		return nil, clientError(admin, err)
	}
	c.admin = &clusterAdmin{client: kadm.NewClient(c.client)}
	return c, nil
}

// prefixed keeps the notes about keys with the role's prefix, and writes them with it: the worker's own properties are not only ours.
func prefixed(notes []string, r role, props map[string]string) []string {
	var out []string
	for _, n := range notes {
		key, _, _ := strings.Cut(n, " ")
		if _, ok := props[roleNames[r]+"."+key]; ok {
			out = append(out, roleNames[r]+"."+n)
		}
	}
	return out
}

// Notes tell of properties that are unknown or have no effect.
func (c *Cluster) Notes() []string { return c.notes }

// Admin gives administration.
func (c *Cluster) Admin() Admin { return c.admin }

// ID is the cluster's id.
func (c *Cluster) ID(ctx context.Context) (string, error) {
	m, err := c.admin.client.BrokerMetadata(ctx)
	if err != nil {
		return "", err
	}
	return m.Cluster, nil
}

// Close ends what is shared.
func (c *Cluster) Close() { c.client.Close() }

// checked layers and checks the properties of a client; what is only noteworthy is logged.
func (c *Cluster) checked(r role, clientID string, overrides map[string]string) (settings, error) {
	s := layered(c.props, r, overrides)
	notes, problems := checkLayers(c.props, overrides, r)
	if len(problems) > 0 {
		return nil, &ConfigError{Client: roleNames[r], Problems: problems}
	}
	for _, n := range notes {
		c.logger.Warn(n, "client", clientID)
	}
	return s, nil
}

// options are what all clients share.
func (c *Cluster) options(r role, s settings, clientID string) ([]kgo.Opt, error) {
	seeds := s.list("bootstrap.servers")
	if len(seeds) == 0 {
		return nil, &ConfigError{Client: roleNames[r], Problems: []config.Problem{
			config.Problemf("bootstrap.servers", "no broker is given; give at least one as host:port")}}
	}
	secured, problems := security.Parse(s)
	if len(problems) > 0 {
		return nil, &ConfigError{Client: roleNames[r], Problems: problems}
	}
	if id := s["client.id"]; id != "" {
		clientID = id
	}
	age := s.ms("metadata.max.age.ms", 5*time.Minute, 10*time.Millisecond, time.Hour)
	opts := []kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.ClientID(clientID),
		kgo.SoftwareNameAndVersion("leat", "dev"),
		kgo.WithLogger(newLogger(c.logger.With("client", clientID))),
		kgo.MetadataMaxAge(age),
		kgo.MetadataMinAge(min(age, 100*time.Millisecond)), // what a topic just made is noticed by; start-up waits for three
		kgo.ConnIdleTimeout(s.idle()),
		kgo.DialTimeout(s.ms("socket.connection.setup.timeout.ms", 10*time.Second, 100*time.Millisecond, 15*time.Minute)),
		kgo.RequestTimeoutOverhead(s.ms("request.timeout.ms", 30*time.Second, 100*time.Millisecond, 15*time.Minute)),
		kgo.RetryBackoffFn(backoff(s)),
		kgo.AlwaysRetryEOF(), // a broker that restarts hangs up on new connections; it is waited for
	}
	if secured.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(secured.TLS))
	}
	if secured.SASL != nil {
		opts = append(opts, kgo.SASL(secured.SASL))
	}
	if rack := s["client.rack"]; rack != "" {
		opts = append(opts, kgo.Rack(rack))
	}
	if !s.bool("enable.metrics.push", true) {
		opts = append(opts, kgo.DisableClientMetrics())
	}
	return opts, nil
}

// idle is connections.max.idle.ms; below 0 means never.
func (s settings) idle() time.Duration {
	if s.int("connections.max.idle.ms", 0) < 0 {
		return 15 * time.Minute
	}
	return s.ms("connections.max.idle.ms", 9*time.Minute, 100*time.Millisecond, 15*time.Minute)
}

// backoff doubles from retry.backoff.ms to retry.backoff.max.ms. The client has one backoff for both, so reconnects follow it too, at
// least as slowly as reconnect.backoff.ms.
func backoff(s settings) func(int) time.Duration {
	first := max(s.ms("retry.backoff.ms", 100*time.Millisecond, 0, time.Hour), s.ms("reconnect.backoff.ms", 50*time.Millisecond, 0, time.Hour))
	most := max(s.ms("retry.backoff.max.ms", time.Second, 0, time.Hour), first)
	return func(fails int) time.Duration {
		d := first
		for i := 1; i < fails && d < most; i++ {
			d *= 2
		}
		return jitter(min(d, most))
	}
}

func clientError(r role, err error) error {
	return &ConfigError{Client: roleNames[r], Problems: []config.Problem{{Key: "properties", Message: err.Error()}}}
}
