package worker

import (
	"maps"
	"slices"
	"strings"

	"leat/config"
	"leat/kafka"
)

// principal are the client properties that the policy Principal lets a connector override.
var principal = []string{"security.protocol", "sasl.jaas.config", "sasl.mechanism"}

// clientChecks check a client's overrides, in Kafka's names without a prefix, over the worker's properties.
var clientChecks = map[string]func(worker, overrides map[string]string) ([]string, []config.Problem){
	"producer": kafka.CheckProducer, "consumer": kafka.CheckConsumer, "admin": kafka.CheckAdmin,
}

// overrides checks producer.override.*, consumer.override.* and admin.override.*: against the worker's policy, and their values.
func (in *inspection) overrides(w *Worker) {
	for _, client := range []string{"producer", "consumer", "admin"} {
		prefix := client + ".override."
		options := stripped(in.props, prefix)
		for _, k := range slices.Sorted(maps.Keys(options)) {
			if !w.mayOverride(k) {
				in.fail(prefix+k, "The '%s' policy does not allow '%s' to be overridden in the connector configuration.", w.settings.Override, k)
			}
		}
		if client == "consumer" {
			delete(options, "group.id") // the worker's own
		}
		notes, problems := clientChecks[client](w.opts.Props, options)
		for _, n := range notes {
			in.notes = append(in.notes, prefix+n)
		}
		for _, p := range problems {
			if _, ours := options[p.Key]; ours {
				in.fail(prefix+p.Key, "%s", p.Message)
			}
		}
	}
}

func (w *Worker) mayOverride(key string) bool {
	policy := w.settings.Override
	policy = strings.TrimSuffix(policy[strings.LastIndexByte(policy, '.')+1:], "ConnectorClientConfigOverridePolicy")
	switch policy {
	case "None":
		return false
	case "Principal":
		return slices.Contains(principal, key)
	case "Allowlist":
		return slices.Contains(w.settings.Allowed, key)
	}
	return true
}
