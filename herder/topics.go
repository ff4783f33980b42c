package herder

import (
	"fmt"
	"strconv"
	"strings"

	"leat/kafka"
)

// InternalTopics are the three topics of a worker, as its properties name them; Changed of each is left to who opens it.
type InternalTopics struct {
	Config, Offset, Status kafka.TableOptions
}

// NewInternalTopics reads config.storage.*, offset.storage.* and status.storage.*. Missing names are those of Connect's sample
// configs. On the embedded log every topic has one replica.
func NewInternalTopics(props map[string]string, embedded bool) (InternalTopics, error) {
	var t InternalTopics
	var err error
	for _, d := range []struct {
		into       *kafka.TableOptions
		prefix     string
		topic      string
		partitions int32
	}{
		{&t.Config, "config.storage.", "connect-configs", 1},
		{&t.Offset, "offset.storage.", "connect-offsets", 25},
		{&t.Status, "status.storage.", "connect-status", 5},
	} {
		if *d.into, err = internalTopic(props, d.prefix, d.topic, d.partitions, embedded); err != nil {
			return t, err
		}
	}
	return t, nil
}

func internalTopic(props map[string]string, prefix, topic string, partitions int32, embedded bool) (kafka.TableOptions, error) {
	o := kafka.TableOptions{Topic: topic, Partitions: partitions, ReplicationFactor: 3, Settings: map[string]string{}}
	for key, value := range props {
		setting, ok := strings.CutPrefix(key, prefix)
		value = strings.TrimSpace(value)
		var n int
		var err error
		switch {
		case !ok:
		case setting == "topic":
			o.Topic = value
		case setting == "partitions":
			n, err = countOrDefault(key, value)
			if partitions > 1 { // the config topic always has one
				o.Partitions = int32(n)
			}
		case setting == "replication.factor":
			n, err = countOrDefault(key, value)
			o.ReplicationFactor = int16(n)
		case setting == "cleanup.policy": // always compact
		case setting == "file.filename": // offset.storage.file.filename is of standalone workers
		default:
			o.Settings[setting] = value
		}
		if err != nil {
			return o, err
		}
	}
	if o.Topic == "" {
		return o, fmt.Errorf("%stopic is empty: name the topic, or leave the option out for %s", prefix, topic)
	}
	if embedded {
		o.ReplicationFactor = 1
	}
	o.Settings["cleanup.policy"] = "compact"
	o.ClientID = "leat-" + o.Topic
	return o, nil
}

// countOrDefault reads a number from 1, or -1 for the broker's default.
func countOrDefault(key, value string) (int, error) {
	n, err := strconv.ParseInt(value, 10, 16)
	if err != nil || n == 0 || n < -1 {
		return 0, fmt.Errorf("%s=%s: must be a whole number from 1, or -1 for the broker's default", key, value)
	}
	return int(n), nil
}
