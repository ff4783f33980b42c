package node

import (
	"crypto/tls"
	"errors"
	"strings"

	"leat/kafka/security"
)

// serverTLS makes the TLS of a listener from the ssl.* keys with the prefix, or from those without where there is none with it, as Kafka
// Connect takes them.
func serverTLS(props map[string]string, prefix string) (*tls.Config, error) {
	own, general := map[string]string{}, map[string]string{}
	for k, v := range props {
		if key, ok := strings.CutPrefix(k, prefix); ok {
			own[key] = v
		}
		if strings.HasPrefix(k, "ssl.") {
			general[k] = v
		}
	}
	keys, shown := own, prefix
	if len(own) == 0 {
		keys, shown = general, ""
	}
	c, problems := security.ServerTLS(keys)
	var errs []error
	for _, p := range problems {
		errs = append(errs, errors.New(shown+p.String()))
	}
	return c, errors.Join(errs...)
}
