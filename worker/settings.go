package worker

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/dlclark/regexp2"

	"leat/config"
)

// settings are the options that every connector has, whatever its plug-in.
type settings struct {
	// Globally unique name to use for this connector.
	Name string `config:"name,required" importance:"high" group:"Common" display:"Connector name" width:"medium"`
	// Class of the connector: the full Java name, its simple name with or without the suffix Connector, or leat's short name.
	Class string `config:"connector.class,required" importance:"high" group:"Common" display:"Connector class" width:"long"`
	// Version of the connector. Accepted and shown; this build has one version of each plug-in.
	Version string `config:"connector.plugin.version" importance:"medium" group:"Common" display:"Connector version"`

	// Maximum number of tasks to use for this connector.
	TasksMax int `config:"tasks.max" default:"1" min:"1" importance:"high" group:"Common" display:"Tasks max" width:"short"`
	// Whether a connector that makes more tasks than tasks.max fails.
	TasksMaxStrict bool `config:"tasks.max.enforce" default:"true" importance:"low" group:"Common" display:"Enforce tasks max" width:"short"`

	// Converter between Connect's data and the keys of records in the log. Unset, the worker's converter with the worker's options is used.
	KeyConverter string `config:"key.converter" type:"CLASS" importance:"low" group:"Common" display:"Key converter class" width:"short"`
	// Version of the key converter; accepted and ignored.
	KeyConverterVersion string `config:"key.converter.plugin.version" importance:"low" group:"Common" display:"Key converter version" width:"short"`
	// Converter between Connect's data and the values of records in the log. Unset, the worker's converter with the worker's options is used.
	ValueConverter string `config:"value.converter" type:"CLASS" importance:"low" group:"Common" display:"Value converter class" width:"short"`
	// Version of the value converter; accepted and ignored.
	ValueConverterVersion string `config:"value.converter.plugin.version" importance:"low" group:"Common" display:"Value converter version" width:"short"`
	// Converter between Connect's data and the header values of records in the log. Unset, the worker's is used.
	HeaderConverter string `config:"header.converter" type:"CLASS" importance:"low" group:"Common" display:"Header converter class" width:"short"`
	// Version of the header converter; accepted and ignored.
	HeaderConverterVersion string `config:"header.converter.plugin.version" importance:"low" group:"Common" display:"Header converter version" width:"short"`

	// Aliases of the transforms to apply to records, in order.
	Transforms []string `config:"transforms" importance:"low" group:"Transforms" display:"Transforms" width:"long"`
	// Aliases of the predicates that transforms use.
	Predicates []string `config:"predicates" importance:"low" group:"Predicates" display:"Predicates" width:"long"`
	// What to do when a config provider's value changes: restart or none.
	Reload reloadAction `config:"config.action.reload" default:"restart" importance:"low" group:"Common" display:"Reload Action"`

	// How long one operation is tried again after a passing error of a transform or converter, in ms, before errors.tolerance decides; 0 and -1 wait for ever, and the task says so in its status.
	RetryTimeout time.Duration `config:"errors.retry.timeout" default:"0" min:"-1" importance:"medium" group:"Error Handling" display:"Retry Timeout for Errors"`
	// Longest pause between two tries, in ms.
	RetryDelayMax time.Duration `config:"errors.retry.delay.max.ms" default:"60000" min:"0" importance:"medium" group:"Error Handling" display:"Maximum Delay Between Retries for Errors"`
	// What a bad record does: none fails the task, all skips the record, counts it and, for sinks, writes it to the dead letter queue.
	Tolerance toleranceMode `config:"errors.tolerance" default:"none" importance:"medium" group:"Error Handling" display:"Error Tolerance" width:"short"`
	// Whether every failed operation is logged.
	LogErrors bool `config:"errors.log.enable" default:"false" importance:"medium" group:"Error Handling" display:"Log Errors" width:"short"`
	// Whether the log of a failed operation carries the record's key and value. Records may hold sensitive data.
	LogMessages bool `config:"errors.log.include.messages" default:"false" importance:"medium" group:"Error Handling" display:"Log Error Details" width:"short"`
}

// sourceSettings are what sources have besides.
type sourceSettings struct {
	settings
	// Groups of settings for topics that are created, in order of precedence; default comes last.
	Groups []string `config:"topic.creation.groups" importance:"low" group:"Topic Creation" display:"Topic Creation Groups" width:"long"`
	// requested or required. This worker has no exactly-once for sources: required is refused.
	ExactlyOnce exactlyOnce `config:"exactly.once.support" default:"requested" importance:"medium" group:"Exactly Once Support" display:"Exactly once support" width:"short"`
	// Where a source's transactions end: poll, interval or connector. Kept for exactly-once.
	Boundary boundary `config:"transaction.boundary" default:"poll" importance:"medium" group:"Exactly Once Support" display:"Transaction Boundary"`
	// Length of a transaction, with transaction.boundary=interval.
	BoundaryInterval *time.Duration `config:"transaction.boundary.interval.ms" min:"0" importance:"low" group:"Exactly Once Support" display:"Transaction boundary interval"`
	// An offset topic of the connector's own; not supported.
	OffsetsTopic *string `config:"offsets.storage.topic" importance:"low" group:"Offsets Topic" display:"Offsets topic" width:"long"`
}

// sinkSettings are what sinks have besides.
type sinkSettings struct {
	settings
	// Topics to consume, separated by commas.
	Topics []string `config:"topics" importance:"high" group:"Common" display:"Topics" width:"long"`
	// Java regular expression of topics to consume. Only one of topics and topics.regex may be set.
	TopicsRegex string `config:"topics.regex" importance:"high" group:"Common" display:"Topics regex" width:"long"`
	// Topic for records that failed in a converter, a transform or the sink. Empty: none.
	DeadTopic string `config:"errors.deadletterqueue.topic.name" importance:"medium" group:"Error Handling" display:"Dead Letter Queue Topic Name"`
	// Replication factor of the dead letter topic when it is created.
	DeadReplicas int16 `config:"errors.deadletterqueue.topic.replication.factor" default:"3" importance:"medium" group:"Error Handling" display:"Dead Letter Queue Topic Replication Factor"`
	// Whether headers with the context of the error are added to dead letters.
	DeadWithHeader bool `config:"errors.deadletterqueue.context.headers.enable" default:"false" importance:"medium" group:"Error Handling" display:"Enable Error Context Headers"`
}

// prefixes are the framework's keys that carry a name of the user's choice or belong to another configuration.
var prefixes = []string{
	"key.converter.", "value.converter.", "header.converter.", "transforms.", "predicates.", "producer.override.", "consumer.override.",
	"admin.override.", "topic.creation.",
}

// workerSettings are the keys of the worker's own configuration that this package reads.
type workerSettings struct {
	FlushInterval *time.Duration `config:"offset.flush.interval.ms" min:"1"`
	Grace         time.Duration  `config:"task.shutdown.graceful.timeout.ms" default:"5000" min:"0"`
	CreateTopics  bool           `config:"topic.creation.enable" default:"true"`
	Override      string         `config:"connector.client.config.override.policy" default:"All"`
	Allowed       []string       `config:"connector.client.config.override.allowlist"`
}

type (
	reloadAction  string
	toleranceMode string
	exactlyOnce   string
	boundary      string
)

// Words lists the values.
func (reloadAction) Words() []string { return []string{"none", "restart"} }

// UnmarshalText reads a value.
func (a *reloadAction) UnmarshalText(b []byte) error { return word(a, b) }

// Words lists the values.
func (toleranceMode) Words() []string { return []string{"none", "all"} }

// UnmarshalText reads a value.
func (m *toleranceMode) UnmarshalText(b []byte) error { return word(m, b) }

// Words lists the values.
func (exactlyOnce) Words() []string { return []string{"REQUIRED", "REQUESTED"} }

// UnmarshalText reads a value, in any case.
func (e *exactlyOnce) UnmarshalText(b []byte) error { return word(e, b) }

// Words lists the values.
func (boundary) Words() []string { return []string{"INTERVAL", "POLL", "CONNECTOR"} }

// UnmarshalText reads a value, in any case.
func (t *boundary) UnmarshalText(b []byte) error { return word(t, b) }

func word[T interface {
	~string
	Words() []string
}](dst *T, b []byte) error {
	w, err := config.Word(string(b), (*dst).Words())
	if err == nil {
		*dst = T(w)
	}
	return err
}

// problems finds what spans options or that tags can not say, in Kafka's words.
func (s *settings) problems() []config.Problem {
	var out []config.Problem
	invalid := func(key, value, why string) {
		out = append(out, config.Problemf(key, "Invalid value %s for configuration %s: %s", value, key, why))
	}
	if strings.ContainsFunc(s.Name, unicode.IsControl) {
		invalid("name", s.Name, "String may not contain control sequences but had the following ASCII chars")
	}
	if duplicate(s.Transforms) {
		invalid("transforms", list(s.Transforms), "Duplicate alias provided.")
	}
	if duplicate(s.Predicates) {
		invalid("predicates", list(s.Predicates), "Duplicate alias provided.")
	}
	return out
}

// Validate checks what spans a source's options.
func (s *sourceSettings) Validate() []config.Problem {
	out := s.problems()
	if duplicate(s.Groups) {
		out = append(out, config.Problemf("topic.creation.groups", "Invalid value %s for configuration topic.creation.groups: Duplicate alias provided.", list(s.Groups)))
	}
	if s.ExactlyOnce == "REQUIRED" {
		out = append(out, config.Problemf("exactly.once.support", "This worker does not have exactly-once source support enabled."))
	}
	if s.OffsetsTopic != nil && strings.TrimSpace(*s.OffsetsTopic) != "" {
		out = append(out, config.Problemf("offsets.storage.topic", "A source of its own offset topic is not supported: offsets are kept in the worker's offset storage. Leave offsets.storage.topic out."))
	}
	return out
}

// Validate checks what spans a sink's options.
func (s *sinkSettings) Validate() []config.Problem {
	out := s.problems()
	both := func(message string) {
		out = append(out, config.Problem{Key: "topics", Message: message}, config.Problem{Key: "topics.regex", Message: message})
	}
	regex := strings.TrimSpace(s.TopicsRegex)
	switch {
	case len(s.Topics) > 0 && regex != "":
		both("topics and topics.regex are mutually exclusive options, but both are set.")
	case len(s.Topics) == 0 && regex == "":
		both("Must configure one of topics or topics.regex")
	}
	if s.DeadReplicas < 1 && s.DeadReplicas != -1 {
		out = append(out, config.Problemf("errors.deadletterqueue.topic.replication.factor", "Invalid value %d for configuration errors.deadletterqueue.topic.replication.factor: Value must be at least 1, or -1 for the broker's default", s.DeadReplicas))
	}
	if regex == "" {
		return append(out, s.deadTopicInTopics()...)
	}
	re, err := compileWhole(regex)
	if err != nil {
		return append(out, config.Problemf("topics.regex", "Invalid value %s for configuration topics.regex: Invalid regex: %v", regex, err))
	}
	if dead := strings.TrimSpace(s.DeadTopic); dead != "" && matches(re, dead) {
		out = append(out, config.Problemf("topics.regex", "The DLQ topic '%s' may not be included in the regex matching the topics ('topics.regex=%s') consumed by the connector", dead, regex))
	}
	return out
}

func (s *sinkSettings) deadTopicInTopics() []config.Problem {
	dead := strings.TrimSpace(s.DeadTopic)
	for _, t := range s.Topics {
		if dead != "" && t == dead {
			return []config.Problem{config.Problemf("topics", "The DLQ topic '%s' may not be included in the list of topics ('topics=%s') consumed by the connector", dead, strings.Join(s.Topics, ","))}
		}
	}
	return nil
}

// compileWhole compiles a Java-style pattern that must match all of a text.
func compileWhole(pattern string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(`\A(?:`+pattern+`)\z`, regexp2.None)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = time.Second // a pattern that backtracks without end must not stop a task
	return re, nil
}

func matches(re *regexp2.Regexp, s string) bool {
	ok, err := re.MatchString(s)
	return ok && err == nil
}

func duplicate(names []string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return true
		}
		seen[n] = true
	}
	return false
}

// list writes a list as Java does in messages.
func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// secretName tells of keys whose value is a secret by their name, for keys without a definition.
var secretName = regexp.MustCompile(`(?i)(pas+w|secret|token|credential|jaas|private\.key|keystore\.key|api\.?key|connection\.(url|uri))`)
