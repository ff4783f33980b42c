package kafka

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"leat/config"
	"leat/kafka/security"
)

// role is the client that properties are for.
type role uint8

const (
	producer role = 1 << iota
	consumer
	admin

	anyRole = producer | consumer | admin
)

var roleNames = map[role]string{producer: "producer", consumer: "consumer", admin: "admin"}

type valueKind uint8

const (
	text valueKind = iota
	number
	boolean
	class
)

// property is one of Kafka's client properties, with what Kafka's ConfigDef allows.
type property struct {
	key      string
	roles    role
	kind     valueKind
	min, max int64
	words    []string // allowed values, any case
	// ignored says why a value has no effect; "" means it has.
	ignored string
}

const (
	javaOnly = "it names Java classes, which leat does not load"
	noMetric = "leat's own metrics are always on"
)

func num(key string, roles role, least, most int64) property {
	return property{key: key, roles: roles, kind: number, min: least, max: most}
}

func words(key string, roles role, allowed ...string) property {
	return property{key: key, roles: roles, words: allowed}
}

func str(key string, roles role) property { return property{key: key, roles: roles} }

func toggle(key string, roles role) property { return property{key: key, roles: roles, kind: boolean} }

func without(effect string, p property) property { p.ignored = effect; return p }

const (
	maxInt  = math.MaxInt32
	maxLong = math.MaxInt64
)

// properties are those of Kafka 4.3's clients. Keys of security are in the package security.
var properties = []property{
	str("bootstrap.servers", anyRole),
	str("client.id", anyRole),
	str("client.rack", producer|consumer),
	words("client.dns.lookup", anyRole, "use_all_dns_ips", "resolve_canonical_bootstrap_servers_only", "default"),
	num("request.timeout.ms", anyRole, 0, maxInt),
	num("default.api.timeout.ms", consumer|admin, 0, maxInt),
	num("metadata.max.age.ms", anyRole, 0, maxLong),
	num("reconnect.backoff.ms", anyRole, 0, maxLong),
	num("reconnect.backoff.max.ms", anyRole, 0, maxLong),
	num("retry.backoff.ms", anyRole, 0, maxLong),
	num("retry.backoff.max.ms", anyRole, 0, maxLong),
	num("retries", producer|admin, 0, maxInt),
	num("connections.max.idle.ms", anyRole, math.MinInt64, maxLong),
	num("socket.connection.setup.timeout.ms", anyRole, 0, maxLong),
	num("socket.connection.setup.timeout.max.ms", anyRole, 0, maxLong),
	without("the operating system sizes the buffer", num("receive.buffer.bytes", anyRole, -1, maxInt)),
	without("the operating system sizes the buffer", num("send.buffer.bytes", anyRole, -1, maxInt)),
	without("the client always goes back to the bootstrap servers", words("metadata.recovery.strategy", anyRole, "none", "rebootstrap")),
	without("the client always goes back to the bootstrap servers", num("metadata.recovery.rebootstrap.trigger.ms", anyRole, 0, maxLong)),
	without(javaOnly, property{key: "metric.reporters", roles: anyRole, kind: class}),
	without(noMetric, num("metrics.num.samples", anyRole, 1, maxInt)),
	without(noMetric, words("metrics.recording.level", anyRole, "INFO", "DEBUG", "TRACE")),
	without(noMetric, num("metrics.sample.window.ms", anyRole, 0, maxLong)),
	toggle("enable.metrics.push", anyRole),
	without(javaOnly, property{key: "interceptor.classes", roles: producer | consumer, kind: class}),

	words("acks", producer, "all", "-1", "0", "1"),
	num("linger.ms", producer, 0, maxLong),
	without("a batch grows up to max.request.size while it waits for its turn", num("batch.size", producer, 0, maxInt)),
	words("compression.type", producer, "none", "gzip", "snappy", "lz4", "zstd"),
	num("compression.gzip.level", producer, -1, 9),
	num("compression.lz4.level", producer, 1, 17),
	num("compression.zstd.level", producer, -131072, 22),
	num("buffer.memory", producer, 0, maxLong),
	num("max.request.size", producer, 0, maxInt),
	without("a full buffer is waited for as long as the task runs", num("max.block.ms", producer, 0, maxLong)),
	num("delivery.timeout.ms", producer, 0, maxInt),
	toggle("enable.idempotence", producer),
	num("max.in.flight.requests.per.connection", producer, 1, maxInt),
	property{key: "partitioner.class", roles: producer, kind: class, words: []string{
		"org.apache.kafka.clients.producer.RoundRobinPartitioner",
		"org.apache.kafka.clients.producer.internals.DefaultPartitioner",
		"org.apache.kafka.clients.producer.UniformStickyPartitioner"}},
	toggle("partitioner.ignore.keys", producer),
	toggle("partitioner.adaptive.partitioning.enable", producer),
	without("brokers that do not answer are left out anyway", num("partitioner.availability.timeout.ms", producer, 0, maxLong)),
	toggle("partitioner.rack.aware", producer),
	without("a topic unused for long costs next to nothing", num("metadata.max.idle.ms", producer, 5000, maxLong)),
	without("converters make the bytes", property{key: "key.serializer", roles: producer, kind: class}),
	without("converters make the bytes", property{key: "value.serializer", roles: producer, kind: class}),
	without("leat does not write in transactions of the log yet", str("transactional.id", producer)),
	without("leat does not write in transactions of the log yet", num("transaction.timeout.ms", producer, 0, maxInt)),
	without("leat does not write in transactions of the log yet", toggle("transaction.two.phase.commit.enable", producer)),

	str("group.id", consumer),
	str("group.instance.id", consumer),
	property{key: "auto.offset.reset", roles: consumer},
	num("fetch.min.bytes", consumer, 0, maxInt),
	num("fetch.max.bytes", consumer, 0, maxInt),
	num("fetch.max.wait.ms", consumer, 0, maxInt),
	num("max.partition.fetch.bytes", consumer, 0, maxInt),
	num("max.poll.records", consumer, 1, maxInt),
	num("max.poll.interval.ms", consumer, 1, maxInt),
	num("session.timeout.ms", consumer, 0, maxInt),
	num("heartbeat.interval.ms", consumer, 0, maxInt),
	words("isolation.level", consumer, "read_uncommitted", "read_committed"),
	str("partition.assignment.strategy", consumer),
	words("group.protocol", consumer, "classic", "consumer"),
	str("group.remote.assignor", consumer),
	toggle("allow.auto.create.topics", consumer),
	toggle("check.crcs", consumer),
	toggle("exclude.internal.topics", consumer),
	without("leat commits what is durable in the target", toggle("enable.auto.commit", consumer)),
	without("leat commits what is durable in the target", num("auto.commit.interval.ms", consumer, 0, maxInt)),
	without("converters read the bytes", property{key: "key.deserializer", roles: consumer, kind: class}),
	without("converters read the bytes", property{key: "value.deserializer", roles: consumer, kind: class}),

	without("controllers are found through the brokers", str("bootstrap.controllers", admin)),
}

// inherited tells whether a worker's own property holds for the clients of its connectors too, unless producer.*, consumer.* or
// admin.* says otherwise. Kafka Connect wants those of security written out four times; inheriting them can only make a cluster
// reachable that would not be.
func inherited(key string) bool {
	switch key {
	case "bootstrap.servers", "client.dns.lookup", "security.protocol", "request.timeout.ms", "metadata.max.age.ms",
		"connections.max.idle.ms", "reconnect.backoff.ms", "reconnect.backoff.max.ms", "retry.backoff.ms", "retry.backoff.max.ms",
		"socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms":
		return true
	}
	return isSecurity(key)
}

func isSecurity(key string) bool {
	return key == "security.protocol" || key == "security.providers" || strings.HasPrefix(key, "sasl.") || strings.HasPrefix(key, "ssl.")
}

// layered gives the properties of a client: the worker's, under those with the role's prefix, under overrides.
func layered(worker map[string]string, r role, overrides map[string]string) settings {
	s := settings{}
	prefix := roleNames[r] + "."
	for k, v := range worker {
		if inherited(k) {
			s[k] = v
		}
	}
	for k, v := range worker {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			s[rest] = v
		}
	}
	for k, v := range overrides {
		s[k] = v
	}
	for k, v := range s {
		s[k] = strings.TrimSpace(v)
	}
	return s
}

// settings are the checked properties of one client.
type settings map[string]string

// CheckProducer checks overrides of a producer, in Kafka's names without a prefix, over the worker's properties: problems for values that
// are not allowed, notes for overrides that are unknown (with the nearest known one) or have no effect.
func CheckProducer(worker, overrides map[string]string) (notes []string, problems []config.Problem) {
	return checkLayers(worker, overrides, producer)
}

// CheckConsumer is CheckProducer for a consumer.
func CheckConsumer(worker, overrides map[string]string) (notes []string, problems []config.Problem) {
	return checkLayers(worker, overrides, consumer)
}

// CheckAdmin is CheckProducer for an admin client.
func CheckAdmin(worker, overrides map[string]string) (notes []string, problems []config.Problem) {
	return checkLayers(worker, overrides, admin)
}

func checkLayers(worker, overrides map[string]string, r role) (notes []string, problems []config.Problem) {
	all, problems := check(layered(worker, r, overrides), r)
	for _, n := range all {
		key, _, _ := strings.Cut(n, " ")
		if _, ok := overrides[key]; ok {
			notes = append(notes, n)
		}
	}
	return notes, problems
}

func check(props map[string]string, r role) (notes []string, problems []config.Problem) {
	keys := make([]string, 0, len(props))
	for k := range props {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value := strings.TrimSpace(props[key])
		p, known := find(key, r)
		switch {
		case !known && isSecurity(key):
			continue // the package security checks its own, all together
		case !known:
			notes = append(notes, unknownNote(key, r))
		case value == "":
		default:
			if message := p.problem(value); message != "" {
				problems = append(problems, config.Problem{Key: key, Message: message})
			} else if p.ignored != "" {
				notes = append(notes, fmt.Sprintf("%s has no effect: %s", key, p.ignored))
			}
		}
	}
	secured, wrong := security.Parse(props)
	return append(notes, secured.Notes...), append(problems, wrong...)
}

func find(key string, r role) (property, bool) {
	for _, p := range properties {
		if p.key == key && p.roles&r != 0 {
			return p, true
		}
	}
	return property{}, false
}

func unknownNote(key string, r role) string {
	var known []string
	for _, p := range properties {
		if p.roles&r != 0 {
			known = append(known, p.key)
		}
	}
	note := fmt.Sprintf("%s is not a property of a Kafka %s and has no effect", key, roleNames[r])
	if near := config.Nearest(key, known); near != "" {
		note += "; did you mean " + near + "?"
	}
	return note
}

// problem tells what is wrong with a value, "" when nothing is.
func (p property) problem(value string) string {
	switch {
	case p.kind == number:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a whole number", value)
		}
		if n < p.min || n > p.max {
			return fmt.Sprintf("%d is out of range; give a number from %d to %d", n, p.min, p.max)
		}
	case p.kind == boolean:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return fmt.Sprintf("%q is neither true nor false", value)
		}
	case len(p.words) > 0:
		if !slices.ContainsFunc(p.words, func(w string) bool { return strings.EqualFold(w, value) }) {
			return fmt.Sprintf("%q is not one of %s", value, strings.Join(p.words, ", "))
		}
	}
	return ""
}

// int gives a number, or missing; the value was checked before.
func (s settings) int(key string, missing int64) int64 {
	n, err := strconv.ParseInt(s[key], 10, 64)
	if err != nil {
		return missing
	}
	return n
}

// int32 is int, at most what the wire holds.
func (s settings) int32(key string, missing int32) int32 {
	return int32(min(s.int(key, int64(missing)), maxInt))
}

// ms gives a duration within what the client allows.
func (s settings) ms(key string, missing, least, most time.Duration) time.Duration {
	d := missing
	if n := s.int(key, -1); n >= 0 {
		d = time.Duration(min(n, int64(most/time.Millisecond))) * time.Millisecond
	}
	return min(max(d, least), most)
}

func (s settings) bool(key string, missing bool) bool {
	if s[key] == "" {
		return missing
	}
	return strings.EqualFold(s[key], "true")
}

func (s settings) word(key, missing string) string {
	if s[key] == "" {
		return missing
	}
	return strings.ToLower(s[key])
}

func (s settings) list(key string) []string {
	var out []string
	for part := range strings.SplitSeq(s[key], ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
