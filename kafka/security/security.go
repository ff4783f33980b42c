// Package security makes TLS and SASL of Kafka's client properties.
package security

import (
	"crypto/tls"
	"fmt"

	"github.com/twmb/franz-go/pkg/sasl"
)

// Security is how to reach a cluster.
type Security struct {
	TLS  *tls.Config    // nil: no TLS
	SASL sasl.Mechanism // nil: no SASL
}

// Parse reads security.protocol, ssl.* and sasl.*.
func Parse(props map[string]string) (Security, error) {
	if p := props["security.protocol"]; p != "" && p != "PLAINTEXT" {
		return Security{}, fmt.Errorf("security.protocol: %s is not there yet", p)
	}
	return Security{}, nil
}
