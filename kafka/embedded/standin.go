package embedded

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// never is a time that does not come, in ms: the cleaner's pause.
const never = "9000000000000"

// createTopicsVersion is the last version whose answers Java's admin client reads from kfake.
const createTopicsVersion = 4

// startStandIn runs kfake on ln.
func startStandIn(o Options, dir, id string, ln net.Listener, guard *diskGuard) (engine, error) {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.CreateTopics), createTopicsVersion)
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID(id),
		kfake.DataDir(dir),
		kfake.SyncWrites(),
		kfake.DefaultNumPartitions(1), // num.partitions of Kafka
		kfake.MaxVersions(versions),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": never, "default.replication.factor": "1"}),
		kfake.WithLogger(slogger{o.Logger}),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return ln, nil }),
	}
	if len(o.Users) > 0 {
		opts = append(opts, kfake.EnableSASL())
		for user, password := range o.Users {
			for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
				opts = append(opts, kfake.Superuser(mechanism, user, password.Reveal()))
			}
		}
	}
	if o.TLS != nil {
		opts = append(opts, kfake.TLS(o.TLS))
	}
	if err := forgetUsers(dir); err != nil {
		return nil, err
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, err
	}
	control(c, kmsg.CreateTopics, clampReplicas)
	control(c, kmsg.InitProducerID, refuseTransactions(o.Logger))
	control(c, kmsg.Produce, guard.refuseProduce)
	a := newAutoTopics(c)
	control(c, kmsg.Metadata, a.ask)
	return &standIn{c, a}, nil
}

// standIn is the engine: kfake, and what runs beside it.
type standIn struct {
	cluster *kfake.Cluster
	topics  *autoTopics
}

// Close stops both.
func (s *standIn) Close() {
	s.topics.close()
	s.cluster.Close()
}

// forgetUsers removes what kfake remembers of the last start's users, which it would prefer to ours. Passwords lie there in the clear, too;
// they are written again on every stop, into a directory that only this user reads.
func forgetUsers(dir string) error {
	err := os.Remove(filepath.Join(dir, "sasl.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// control lets fn see every request of a kind before the broker; an answer it gives is sent instead of the broker's.
func control(c *kfake.Cluster, key kmsg.Key, fn func(kmsg.Request) kmsg.Response) {
	c.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := fn(req)
		return resp, nil, resp != nil
	})
}

// clampReplicas makes one replica of what was asked for: Connect asks for three of its internal topics, and there is one broker.
func clampReplicas(r kmsg.Request) kmsg.Response {
	req, ok := r.(*kmsg.CreateTopicsRequest)
	if !ok {
		return nil
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		t.ReplicationFactor = min(t.ReplicationFactor, 1)
		for j := range t.Configs {
			if t.Configs[j].Name == "min.insync.replicas" {
				t.Configs[j].Value = kmsg.StringPtr("1")
			}
		}
	}
	return nil
}

// refuseTransactions answers a transactional id with an error that clients take as final.
func refuseTransactions(logger *slog.Logger) func(kmsg.Request) kmsg.Response {
	return func(r kmsg.Request) kmsg.Response {
		req, ok := r.(*kmsg.InitProducerIDRequest)
		if !ok || req.TransactionalID == nil {
			return nil
		}
		logger.Warn("the embedded log has no transactions; a producer with a transactional id was refused", "transactional.id", *req.TransactionalID)
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		resp.ProducerID, resp.ProducerEpoch = -1, -1
		return resp
	}
}

// refuseProduce answers with an error that producers wait out while the disk is nearly full.
func (g *diskGuard) refuseProduce(r kmsg.Request) kmsg.Response {
	req, ok := r.(*kmsg.ProduceRequest)
	if !ok || !g.full.Load() {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// slogger hands the broker's log to slog; what it tells of every request is debugging.
type slogger struct{ to *slog.Logger }

// Logf writes one line.
func (s slogger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := map[kfake.LogLevel]slog.Level{kfake.LogLevelError: slog.LevelError, kfake.LogLevelWarn: slog.LevelWarn}
	l, ok := to[level]
	if !ok {
		l = slog.LevelDebug - 4
	}
	ctx := context.Background()
	if s.to.Enabled(ctx, l) {
		s.to.Log(ctx, l, fmt.Sprintf(format, args...))
	}
}

// newID makes a cluster id as Kafka does: 16 random bytes in base64 for URLs.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
