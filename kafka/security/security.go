// Package security makes TLS and SASL of Kafka's properties (security.protocol, ssl.*, sasl.*), as every Kafka client and Kafka Connect's
// REST listener write them: JKS, PKCS12 and PEM stores, by file or inline.
//
// Guarantees: no message names a password or a key. Certificates are checked against the truststore, or against the system's roots without
// one; the host name is checked unless ssl.endpoint.identification.algorithm is empty.
//
// Limits: SASL is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (client credentials, a file, or an unsecured token); Kerberos, JWT
// assertions and Java classes are refused. Stores are read once, when a client is opened.
package security

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"

	"leat/config"
)

// Security is how to reach a cluster.
type Security struct {
	TLS  *tls.Config    // nil: no TLS
	SASL sasl.Mechanism // nil: no SASL
	// Notes tell of properties that are unknown or have no effect.
	Notes []string
}

// Parse reads security.protocol, ssl.* and sasl.* of a client and gives every problem at once.
func Parse(props map[string]string) (Security, []config.Problem) {
	var s Security
	protocol := strings.ToUpper(strings.TrimSpace(props["security.protocol"]))
	if protocol == "" {
		protocol = "PLAINTEXT"
	}
	if !slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, protocol) {
		return s, []config.Problem{config.Problemf("security.protocol", "%q is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", protocol)}
	}
	var problems []config.Problem
	s.Notes = notes(props)
	if strings.HasSuffix(protocol, "SSL") {
		var wrong []config.Problem
		s.TLS, wrong = ClientTLS(props)
		problems = append(problems, wrong...)
	}
	if strings.HasPrefix(protocol, "SASL") {
		var wrong []config.Problem
		s.SASL, wrong = mechanism(props)
		problems = append(problems, wrong...)
	}
	return s, problems
}

// known are the keys of Kafka 4.3; those with a text have no effect, for that reason.
var known = map[string]string{
	"security.protocol": "", "security.providers": "it names Java classes",
	"ssl.cipher.suites": "", "ssl.enabled.protocols": "", "ssl.endpoint.identification.algorithm": "", "ssl.client.auth": "",
	"ssl.key.password": "", "ssl.keystore.certificate.chain": "", "ssl.keystore.key": "", "ssl.keystore.location": "",
	"ssl.keystore.password": "", "ssl.keystore.type": "", "ssl.protocol": "", "ssl.truststore.certificates": "",
	"ssl.truststore.location": "", "ssl.truststore.password": "", "ssl.truststore.type": "", "ssl.engine.factory.class": "",
	"ssl.keymanager.algorithm": "it names a Java algorithm", "ssl.provider": "it names a Java provider",
	"ssl.secure.random.implementation": "it names a Java algorithm", "ssl.trustmanager.algorithm": "it names a Java algorithm",

	"sasl.mechanism": "", "sasl.jaas.config": "",
	"sasl.client.callback.handler.class": "", "sasl.login.callback.handler.class": "", "sasl.login.class": "",
	"sasl.login.connect.timeout.ms": "", "sasl.login.read.timeout.ms": "",
	"sasl.login.refresh.buffer.seconds":                 "a token is fetched anew for a connection once four fifths of its life are over",
	"sasl.login.refresh.min.period.seconds":             "a token is fetched anew for a connection once four fifths of its life are over",
	"sasl.login.refresh.window.factor":                  "a token is fetched anew for a connection once four fifths of its life are over",
	"sasl.login.refresh.window.jitter":                  "a token is fetched anew for a connection once four fifths of its life are over",
	"sasl.login.retry.backoff.max.ms":                   "the client's own backoff holds",
	"sasl.login.retry.backoff.ms":                       "the client's own backoff holds",
	"sasl.oauthbearer.client.credentials.client.id":     "",
	"sasl.oauthbearer.client.credentials.client.secret": "", "sasl.oauthbearer.header.urlencode": "", "sasl.oauthbearer.scope": "",
	"sasl.oauthbearer.token.endpoint.url": "", "sasl.oauthbearer.jwt.retriever.class": "", "sasl.oauthbearer.assertion.file": "",
	"sasl.oauthbearer.assertion.private.key.file": "", "sasl.oauthbearer.assertion.template.file": "",
}

// quiet are prefixes of keys that matter to a mechanism that is refused, or to a broker only.
var quiet = []string{"sasl.kerberos.", "sasl.oauthbearer.", "ssl.allow.", "sasl.server.", "ssl.principal."}

func notes(props map[string]string) []string {
	var out []string
	for key := range props {
		if !strings.HasPrefix(key, "ssl.") && !strings.HasPrefix(key, "sasl.") && key != "security.providers" {
			continue
		}
		why, ok := known[key]
		isQuiet := slices.ContainsFunc(quiet, func(p string) bool { return strings.HasPrefix(key, p) })
		switch {
		case ok && why != "" && props[key] != "":
			out = append(out, key+" has no effect: "+why)
		case !ok && !isQuiet:
			note := key + " is not a property of Kafka's security and has no effect"
			if near := config.Nearest(key, names()); near != "" {
				note += "; did you mean " + near + "?"
			}
			out = append(out, note)
		}
	}
	slices.Sort(out)
	return out
}

func names() []string {
	out := make([]string, 0, len(known))
	for k := range known {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
