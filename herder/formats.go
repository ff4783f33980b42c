package herder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"leat/worker"
)

// Keys of Connect's config and status topics.
const (
	connectorPrefix     = "connector-"
	targetStatePrefix   = "target-state-"
	taskPrefix          = "task-"
	commitPrefix        = "commit-"
	loggerPrefix        = "logger-cluster-"
	statusConnector     = "status-connector-"
	statusTask          = "status-task-"
	statusTopic         = "status-topic-"
	statusTopicOf       = ":connector-"
	undefinedVersion    = "undefined" // how Connect names a version that is not known
	maxTrace            = 64 << 10    // bytes of a trace kept in a status record
	truncatedTraceLabel = "\n… (cut)"
)

// The values, whose fields are in the order that Connect writes.

type propertiesValue struct {
	Properties map[string]*string `json:"properties"`
}

type commitValue struct {
	Tasks int `json:"tasks"`
}

type targetStateValue struct {
	State string `json:"state"`
	// StateV2 is what counts; State says PAUSED of a STOPPED connector, for workers before 3.5.
	StateV2 string `json:"state.v2"`
}

type loggerValue struct {
	Level string `json:"level"`
}

type statusValue struct {
	State      worker.State `json:"state"`
	Trace      *string      `json:"trace"`
	WorkerID   string       `json:"worker_id"`
	Generation int          `json:"generation"`
	Version    *string      `json:"version"`
}

type topicValue struct {
	Topic topicUse `json:"topic"`
}

type topicUse struct {
	Name      string `json:"name"`
	Connector string `json:"connector"`
	Task      int    `json:"task"`
	Seen      int64  `json:"discoverTimestamp"`
}

// encode writes JSON as Connect's converter does: no spaces, and <, > and & as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("herder: %T does not encode: %v", v, err)) // only the plain structs above come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func encodeProps(props map[string]string) []byte {
	return encode(propertiesValue{Properties: ChangeTo(props)})
}

func decodeProps(data []byte) (map[string]string, error) {
	var v propertiesValue
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	if v.Properties == nil {
		return nil, fmt.Errorf("no field properties")
	}
	return Change(v.Properties).props(), nil
}

func encodeTarget(t TargetState) []byte {
	v := targetStateValue{State: string(t), StateV2: string(t)}
	if t == TargetStopped {
		v.State = string(TargetPaused)
	}
	return encode(v)
}

func decodeTarget(data []byte) (TargetState, error) {
	var v targetStateValue
	if err := json.Unmarshal(data, &v); err != nil {
		return "", err
	}
	if v.StateV2 == "" {
		v.StateV2 = v.State
	}
	switch t := TargetState(v.StateV2); t {
	case TargetStarted, TargetPaused, TargetStopped:
		return t, nil
	}
	return "", fmt.Errorf("unknown target state %q", v.StateV2)
}

func taskKey(prefix, name string, task int) string {
	return prefix + name + "-" + strconv.Itoa(task)
}

// splitTask reads NAME-N, where NAME may hold dashes.
func splitTask(s string) (name string, task int, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i <= 0 {
		return "", 0, false
	}
	task, err := strconv.Atoi(s[i+1:])
	return s[:i], task, err == nil && task >= 0
}

func topicKey(connector, topic string) string { return statusTopic + topic + statusTopicOf + connector }

// splitTopic reads TOPIC:connector-NAME; a topic holds no colon.
func splitTopic(s string) (connector, topic string, ok bool) {
	topic, connector, ok = strings.Cut(s, statusTopicOf)
	return connector, topic, ok && topic != "" && connector != ""
}

func encodeStatus(s worker.Status, workerID string, generation int) []byte {
	v := statusValue{State: s.State, WorkerID: workerID, Generation: generation}
	if t := s.Trace; t != "" {
		if len(t) > maxTrace {
			t = strings.ToValidUTF8(t[:maxTrace], "") + truncatedTraceLabel
		}
		v.Trace = &t
	}
	if s.Version != "" {
		v.Version = &s.Version
	}
	return encode(v)
}
