package security

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"leat/config"
)

// jksMagic begins a Java keystore.
var jksMagic = []byte{0xfe, 0xed, 0xfe, 0xed}

// format says what a store is. What it holds counts more than ssl.*store.type: Java too opens PKCS12 as JKS.
func format(data []byte) string {
	switch {
	case bytes.HasPrefix(data, jksMagic):
		return "JKS"
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return "PEM"
	}
	return "PKCS12"
}

// trusted gives the certificates that are believed; nil are the system's.
func trusted(props map[string]string) (*x509.CertPool, *config.Problem) {
	var certs []*x509.Certificate
	var err error
	key := "ssl.truststore.certificates"
	switch inline, location := props[key], props["ssl.truststore.location"]; {
	case inline != "":
		certs, err = pemCerts([]byte(unfold(inline)))
	case location != "":
		key = "ssl.truststore.location"
		certs, err = trustedFile(location, props["ssl.truststore.password"])
	default:
		return nil, nil
	}
	if err == nil && len(certs) == 0 {
		err = errors.New("there is no certificate in it")
	}
	if err != nil {
		return nil, problem(key, err)
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}

func trustedFile(location, password string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(location)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	switch format(data) {
	case "JKS":
		certs, err = jksCerts(data, password)
	case "PEM":
		certs, err = pemCerts(data)
	default:
		certs, err = pkcs12Certs(data, password)
	}
	return certs, opened(location, err)
}

// opened says of which file an error is, and what it mostly means.
func opened(location string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s cannot be opened (is the password right?): %w", location, err)
}

// own gives the key and the certificates of this end; nil when there is none.
func own(props map[string]string) (*tls.Certificate, *config.Problem) {
	key := "ssl.keystore.key"
	var cert *tls.Certificate
	var err error
	switch inline, location := props[key], props["ssl.keystore.location"]; {
	case inline != "":
		cert, err = pemKey([]byte(unfold(inline)), []byte(unfold(props["ssl.keystore.certificate.chain"])), props["ssl.key.password"])
	case location != "":
		key = "ssl.keystore.location"
		cert, err = ownFile(location, props["ssl.keystore.password"], props["ssl.key.password"])
	default:
		return nil, nil
	}
	if err != nil {
		return nil, problem(key, err)
	}
	return cert, nil
}

func ownFile(location, password, keyPassword string) (*tls.Certificate, error) {
	data, err := os.ReadFile(location)
	if err != nil {
		return nil, err
	}
	var cert *tls.Certificate
	switch format(data) {
	case "JKS":
		cert, err = jksKey(data, password, keyPassword)
	case "PEM":
		cert, err = pemKey(data, data, keyPassword)
	default:
		cert, err = pkcs12Key(data, password)
	}
	return cert, opened(location, err)
}

func loadJKS(data []byte, password string) (keystore.KeyStore, error) {
	ks := keystore.New()
	return ks, ks.Load(bytes.NewReader(data), []byte(password))
}

func jksCerts(data []byte, password string) ([]*x509.Certificate, error) {
	ks, err := loadJKS(data, password)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, alias := range ks.Aliases() {
		if !ks.IsTrustedCertificateEntry(alias) {
			continue
		}
		e, err := ks.GetTrustedCertificateEntry(alias)
		if err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(e.Certificate.Content)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", alias, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// jksKey gives the first key, as Java does without ssl.keystore.alias.
func jksKey(data []byte, password, keyPassword string) (*tls.Certificate, error) {
	ks, err := loadJKS(data, password)
	if err != nil {
		return nil, err
	}
	if keyPassword == "" {
		keyPassword = password
	}
	for _, alias := range ks.Aliases() {
		if !ks.IsPrivateKeyEntry(alias) {
			continue
		}
		e, err := ks.GetPrivateKeyEntry(alias, []byte(keyPassword))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", alias, err)
		}
		cert := &tls.Certificate{}
		for _, c := range e.CertificateChain {
			cert.Certificate = append(cert.Certificate, c.Content)
		}
		cert.PrivateKey, err = x509.ParsePKCS8PrivateKey(e.PrivateKey)
		return cert, err
	}
	return nil, errors.New("there is no private key in it")
}

// pkcs12Certs reads a truststore of keytool's, or takes the certificates of any other store.
func pkcs12Certs(data []byte, password string) ([]*x509.Certificate, error) {
	certs, err := pkcs12.DecodeTrustStore(data, password)
	if err == nil && len(certs) > 0 {
		return certs, nil
	}
	_, leaf, chain, chainErr := pkcs12.DecodeChain(data, password)
	if chainErr != nil {
		return nil, errors.Join(err, chainErr)
	}
	return append(chain, leaf), nil
}

func pkcs12Key(data []byte, password string) (*tls.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return nil, err
	}
	cert := &tls.Certificate{PrivateKey: key, Certificate: [][]byte{leaf.Raw}}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// unfold makes the line breaks of a PEM that was written into one line of a properties file.
func unfold(inline string) string {
	return strings.ReplaceAll(inline, `\n`, "\n")
}

func pemCerts(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// pemKey reads a PKCS8 key, plain or encrypted, and a chain that begins with its certificate.
func pemKey(key, chain []byte, password string) (*tls.Certificate, error) {
	certs, err := pemCerts(chain)
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, errors.New("there is no certificate for the key (ssl.keystore.certificate.chain)")
	}
	cert := &tls.Certificate{}
	for _, c := range certs {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			cert.PrivateKey, err = x509.ParsePKCS8PrivateKey(block.Bytes)
			return cert, err
		case "ENCRYPTED PRIVATE KEY":
			plain, err := decryptPKCS8(block.Bytes, password)
			if err != nil {
				return nil, err
			}
			cert.PrivateKey, err = x509.ParsePKCS8PrivateKey(plain)
			return cert, err
		case "RSA PRIVATE KEY":
			cert.PrivateKey, err = x509.ParsePKCS1PrivateKey(block.Bytes)
			return cert, err
		case "EC PRIVATE KEY":
			cert.PrivateKey, err = x509.ParseECPrivateKey(block.Bytes)
			return cert, err
		}
	}
	return nil, errors.New("there is no private key in it")
}
