package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaOptions say which broker StartKafka starts. The zero value is a broker on
// a free port with a temporary directory.
type KafkaOptions struct {
	// Port is the TCP port; 0 takes a free one.
	Port int
	// Dir keeps data and log after Stop, and is started again when it holds a
	// broker's data. "" is a temporary folder that Stop removes.
	Dir string
	// Heap is the JVM's largest heap; "" is 512m.
	Heap string
	// Settings are added to server.properties and win over the harness's own.
	Settings map[string]string
}

// Kafka is an Apache Kafka 4.3 broker and controller in one process (KRaft),
// without authentication, on loopback. Topics are created on first use with one
// partition, as a broker does out of the box.
type Kafka struct {
	javaServer
	Bootstrap string // for bootstrap.servers
}

// StartKafka starts a broker and returns when it takes requests. ctx bounds the
// start, not the broker's life: that ends with Stop.
func StartKafka(ctx context.Context, opts KafkaOptions) (*Kafka, error) {
	if _, err := findJava(); err != nil {
		return nil, err
	}
	jars, err := fetchJars(ctx, kafkaJars)
	if err != nil {
		return nil, err
	}
	dir, err := openWorkdir(opts.Dir, nil)
	if err != nil {
		return nil, err
	}
	k := &Kafka{javaServer: javaServer{name: "Kafka", heap: orElse(opts.Heap, "512m"), jars: jars, class: "kafka.Kafka", dir: dir}}
	k.ready = k.answers
	if err := k.format(ctx, opts); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	if err := k.Up(ctx); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return k, nil
}

// format writes the broker's configuration and, in a new directory, its storage.
func (k *Kafka) format(ctx context.Context, opts KafkaOptions) error {
	port, controller, err := kafkaPorts(opts.Port)
	if err != nil {
		return err
	}
	k.Bootstrap = net.JoinHostPort(loopback, strconv.Itoa(port))
	control := net.JoinHostPort(loopback, strconv.Itoa(controller))
	data := k.dir.file("data")
	err = k.configure(map[string]string{
		"process.roles":                            "broker,controller",
		"node.id":                                  "1",
		"controller.quorum.voters":                 "1@" + control,
		"controller.listener.names":                "CONTROLLER",
		"listeners":                                "PLAINTEXT://" + k.Bootstrap + ",CONTROLLER://" + control,
		"advertised.listeners":                     "PLAINTEXT://" + k.Bootstrap,
		"listener.security.protocol.map":           "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs":                                 data,
		"offsets.topic.num.partitions":             "4",
		"offsets.topic.replication.factor":         "1",
		"transaction.state.log.num.partitions":     "4",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"group.initial.rebalance.delay.ms":         "0",
	}, opts.Settings, "WARN")
	if err != nil {
		return err
	}
	if _, err := os.Stat(data + "/meta.properties"); err == nil {
		return nil
	}
	return k.run(ctx, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", k.propertiesPath())
}

// clusterID is any UUID in Kafka's notation.
const clusterID = "bGVhdC1oYXJuZXNzLTAwMQ"

func kafkaPorts(wanted int) (broker, controller int, err error) {
	if broker = wanted; broker == 0 {
		if broker, err = FreePort(); err != nil {
			return 0, 0, err
		}
	}
	controller, err = FreePort()
	return broker, controller, err
}

// answers tells whether the broker is registered and takes requests: its port
// opens earlier.
func (k *Kafka) answers(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Bootstrap), kgo.RetryTimeout(0), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ListBrokers(ctx)
	if err == nil && len(brokers) == 0 {
		err = fmt.Errorf("no broker is registered at %s", k.Bootstrap)
	}
	return err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
