package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// selfSigned makes a certificate for 127.0.0.1, and its PEM.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestSecuredBrokersAreReached(t *testing.T) {
	cert, trusted := selfSigned(t)
	serve := &tls.Config{Certificates: []tls.Certificate{cert}}
	jaas := func(module string) string {
		return "org.apache.kafka.common.security." + module + ` required username="leat" password="geheim";`
	}
	for name, c := range map[string]struct {
		broker []kfake.Opt
		props  []string
	}{
		"SSL": {[]kfake.Opt{kfake.TLS(serve)}, []string{"security.protocol", "SSL"}},
		"PLAIN": {[]kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "leat", "geheim")},
			[]string{"security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config", jaas("plain.PlainLoginModule")}},
		"SCRAM-SHA-256 over TLS": {[]kfake.Opt{kfake.TLS(serve), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "leat", "geheim")},
			[]string{"security.protocol", "SASL_SSL", "sasl.mechanism", "SCRAM-SHA-256", "sasl.jaas.config", jaas("scram.ScramLoginModule")}},
		"SCRAM-SHA-512 for the producer alone": {[]kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "leat", "geheim")},
			[]string{"security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-512", "sasl.jaas.config", jaas("scram.ScramLoginModule"),
				"producer.sasl.mechanism", "SCRAM-SHA-512"}},
	} {
		t.Run(name, func(t *testing.T) {
			broker := fake(t, c.broker...).ListenAddrs()[0]
			cl := open(t, broker, append(c.props, "ssl.truststore.type", "PEM", "ssl.truststore.certificates", trusted)...)
			makeTopic(t, cl, "shop", 1, nil)
			if err := appendAll(t, appenderOf(t, cl, nil), numbered("shop", 0, 10, 1)); err != nil {
				t.Fatal(err)
			}
			take(t, fetcherOf(t, cl, FetcherOptions{Group: "g", Topics: []string{"shop"}}), 10)
		})
	}
}
