package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
)

// ConnectOptions say which Kafka Connect worker StartConnect starts.
type ConnectOptions struct {
	// Bootstrap is the bootstrap.servers of the log; required.
	Bootstrap string
	// Port is the port of the REST API; 0 takes a free one.
	Port int
	// Plugins are the connector plug-ins to load.
	Plugins []Plugin
	// Heap is the JVM's largest heap; "" is 1g, the default of Kafka's own script.
	Heap string
	// Settings are added to the worker's properties and win over the harness's own:
	// JSON converters, group.id "connect-cluster", internal topics connect-configs,
	// connect-offsets and connect-status.
	Settings map[string]string
}

// Connect is a distributed Kafka Connect 4.3 worker on loopback.
type Connect struct {
	javaServer
	URL string // of the REST API
}

// StartConnect starts a worker and returns when its REST API answers. ctx bounds
// the start, not the worker's life: that ends with Stop.
func StartConnect(ctx context.Context, opts ConnectOptions) (*Connect, error) {
	if _, err := findJava(); err != nil {
		return nil, err
	}
	jars, err := fetchJars(ctx, kafkaJars)
	if err != nil {
		return nil, err
	}
	dir, err := openWorkdir("", nil)
	if err != nil {
		return nil, err
	}
	c := &Connect{javaServer: javaServer{
		name: "Kafka Connect", heap: orElse(opts.Heap, "1g"), jars: jars,
		class: "org.apache.kafka.connect.cli.ConnectDistributed", dir: dir,
	}}
	c.ready = c.answers
	if err := c.prepare(ctx, opts); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	if err := c.Up(ctx); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return c, nil
}

func (c *Connect) prepare(ctx context.Context, opts ConnectOptions) error {
	plugins, err := c.linkPlugins(ctx, opts.Plugins)
	if err != nil {
		return err
	}
	port := opts.Port
	if port == 0 {
		if port, err = FreePort(); err != nil {
			return err
		}
	}
	c.URL = "http://" + net.JoinHostPort(loopback, strconv.Itoa(port))
	return c.configure(map[string]string{
		"bootstrap.servers":                 opts.Bootstrap,
		"group.id":                          "connect-cluster",
		"key.converter":                     "org.apache.kafka.connect.json.JsonConverter",
		"value.converter":                   "org.apache.kafka.connect.json.JsonConverter",
		"config.storage.topic":              "connect-configs",
		"offset.storage.topic":              "connect-offsets",
		"status.storage.topic":              "connect-status",
		"config.storage.replication.factor": "1",
		"offset.storage.replication.factor": "1",
		"status.storage.replication.factor": "1",
		"offset.storage.partitions":         "5",
		"listeners":                         c.URL,
		"plugin.path":                       plugins,
		"plugin.discovery":                  "service_load", // starts in a fifth of the time of a class path scan
	}, opts.Settings, "INFO")
}

// linkPlugins makes a folder of links to the plug-ins' folders, as plugin.path
// wants it.
func (c *Connect) linkPlugins(ctx context.Context, plugins []Plugin) (string, error) {
	path := c.dir.file("plugins")
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", err
	}
	for _, plugin := range plugins {
		jars, err := fetchJars(ctx, string(plugin))
		if err != nil {
			return "", err
		}
		if err := os.Symlink(jars, path+"/"+string(plugin)); err != nil {
			return "", err
		}
	}
	return path, nil
}

func (c *Connect) answers(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/connectors", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/connectors answers %s", c.URL, resp.Status)
	}
	return nil
}
