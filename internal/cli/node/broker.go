package node

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"

	"leat/config"
	"leat/kafka/embedded"
)

// ownUser is the user of the worker's own clients where the embedded log asks for credentials.
const ownUser = "leat-worker"

// startBroker starts the embedded log and gives the worker's properties with what its clients need to reach it.
func (n *Node) startBroker(log *slog.Logger) (map[string]string, error) {
	w := n.opts.Worker
	props := maps.Clone(w.Props)
	opts := embedded.Options{Dir: w.DataDir, Listener: w.EmbeddedListener, Advertised: w.EmbeddedAdvertised, Logger: log}
	if len(w.EmbeddedUsers) > 0 {
		password := rand.Text()
		opts.Users = map[string]config.Secret{ownUser: config.Secret(password)}
		for user, p := range w.EmbeddedUsers {
			opts.Users[user] = config.Secret(p)
		}
		props["security.protocol"] = "SASL_PLAINTEXT"
		props["sasl.mechanism"] = "SCRAM-SHA-256"
		props["sasl.jaas.config"] = fmt.Sprintf(`org.apache.kafka.common.security.scram.ScramLoginModule required username=%q password=%q;`, ownUser, password)
	}
	var err error
	if n.broker, err = embedded.Start(opts); err != nil {
		return nil, err
	}
	props["bootstrap.servers"] = n.broker.Addr()
	return props, nil
}
