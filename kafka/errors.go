package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/config"
)

// ErrClosed is what a call to something closed gives, and the error of what was still in flight then.
var ErrClosed = errors.New("the client was closed")

// ConfigError is a set of properties that cannot work.
type ConfigError struct {
	Client   string // producer, consumer, admin
	Problems []config.Problem
}

// Error gives all problems.
func (e *ConfigError) Error() string {
	all := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		all[i] = p.String()
	}
	return "Kafka " + e.Client + ": " + strings.Join(all, "; ")
}

// TopicError is a topic that can not be used as it is, or that can not be made.
type TopicError struct {
	Topic string
	// Why is what is wrong and what to do.
	Why string
	Err error // nil where the topic's state is the reason
}

// Error gives the whole sentence.
func (e *TopicError) Error() string {
	s := "topic " + e.Topic + ": " + e.Why
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *TopicError) Unwrap() error { return e.Err }

// Retriable tells whether err may go away by waiting: the log is away, busy or moving. All else needs a person.
func Retriable(err error) bool {
	var configErr *ConfigError
	var dns *net.DNSError
	var netErr net.Error
	var firstRead *kgo.ErrFirstReadEOF
	switch {
	case err == nil, errors.Is(err, ErrClosed), errors.Is(err, kgo.ErrClientClosed), errors.As(err, &configErr):
		return false
	case errors.Is(err, context.Canceled):
		return false // somebody asked to stop; nothing is wrong with the log
	case errors.Is(err, context.DeadlineExceeded):
		return true // the log did not answer in time
	case unauthorized(err):
		return false
	case kerr.IsRetriable(err):
		return true
	case errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.TopicAuthorizationFailed):
		return false
	case errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries):
		return true // delivery.timeout.ms or retries bound one round of tries
	case errors.As(err, &firstRead):
		return true // a broker that stops while we connect looks just like one that wants TLS
	case errors.As(err, &dns), errors.As(err, &netErr), errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true // the network, or a broker that stops
	}
	return rebalancing(err)
}

// unauthorized are refusals that stay until someone changes a password or an access rule.
func unauthorized(err error) bool {
	for _, e := range []error{
		kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState,
		kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rebalancing are answers to a member whose group has moved on; after the next Poll it is settled.
func rebalancing(err error) bool {
	for _, e := range []error{
		kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedMemberEpoch, kerr.StaleMemberEpoch,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Missing tells whether err says that a topic or group is not there.
func Missing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.GroupIDNotFound)
}

// maxKeyShown bounds how much of a key an error shows.
const maxKeyShown = 64

func appendErrorText(e *AppendError) string {
	m := e.Message
	if m == nil {
		return "append: " + e.Err.Error()
	}
	s := fmt.Sprintf("topic %s refused a message of %d bytes (key %s): %v", m.Topic, len(m.Key)+len(m.Value), shownKey(m.Key), e.Err)
	if e.TooLarge {
		s += ". Raise max.request.size of the producer and max.message.bytes of the topic, or make the message smaller"
	}
	return s
}

// shownKey prints a key so that it can be found again, shortened, with unprintable bytes escaped.
func shownKey(key []byte) string {
	if key == nil {
		return "null"
	}
	// JsonConverter's envelope: its schema is long and the same for every row.
	var envelope struct{ Schema, Payload json.RawMessage }
	if json.Unmarshal(key, &envelope) == nil && envelope.Schema != nil && envelope.Payload != nil {
		key = envelope.Payload
	}
	if len(key) > maxKeyShown {
		return fmt.Sprintf("%q… of %d bytes", key[:maxKeyShown], len(key))
	}
	return fmt.Sprintf("%q", key)
}
