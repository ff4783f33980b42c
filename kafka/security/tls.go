package security

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leat/config"
)

// ClientTLS makes the configuration of a client from ssl.*.
func ClientTLS(props map[string]string) (*tls.Config, []config.Problem) {
	c, problems := common(props)
	roots, err := trusted(props)
	if err != nil {
		problems = append(problems, *err)
	}
	c.RootCAs = roots
	if algorithm, set := props["ssl.endpoint.identification.algorithm"]; set && strings.TrimSpace(algorithm) == "" {
		// The chain is checked all the same; only the name is not.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
	} else if set && !strings.EqualFold(strings.TrimSpace(algorithm), "https") {
		problems = append(problems, config.Problemf("ssl.endpoint.identification.algorithm", "%q is not known; leave it at https, or empty it to not check the host name", algorithm))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// ServerTLS makes the configuration of a listener from ssl.*, with ssl.client.auth.
func ServerTLS(props map[string]string) (*tls.Config, []config.Problem) {
	c, problems := common(props)
	if len(c.Certificates) == 0 && len(problems) == 0 {
		problems = append(problems, config.Problemf("ssl.keystore.location", "a listener with TLS needs a key and a certificate"))
	}
	roots, err := trusted(props)
	if err != nil {
		problems = append(problems, *err)
	}
	c.ClientCAs = roots
	auth := strings.ToLower(strings.TrimSpace(props["ssl.client.auth"]))
	modes := map[string]tls.ClientAuthType{"": tls.NoClientCert, "none": tls.NoClientCert, "requested": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert}
	mode, ok := modes[auth]
	if !ok {
		problems = append(problems, config.Problemf("ssl.client.auth", "%q is not one of required, requested, none", auth))
	}
	c.ClientAuth = mode
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// common is what both ends of a connection read.
func common(props map[string]string) (*tls.Config, []config.Problem) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var problems []config.Problem
	if class := props["ssl.engine.factory.class"]; class != "" && !strings.HasSuffix(class, ".DefaultSslEngineFactory") {
		problems = append(problems, config.Problemf("ssl.engine.factory.class", "%s is a Java class, which leat does not load; use ssl.keystore.* and ssl.truststore.*", class))
	}
	key, err := own(props)
	switch {
	case err != nil:
		problems = append(problems, *err)
	case key != nil:
		c.Certificates = []tls.Certificate{*key}
		// Kafka's clients send their certificate whatever authorities the broker names.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return key, nil }
	}
	problems = append(problems, versions(c, props["ssl.enabled.protocols"])...)
	problems = append(problems, suites(c, props["ssl.cipher.suites"])...)
	return c, problems
}

func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the broker sent no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

var versionNames = map[string]uint16{"TLSV1": tls.VersionTLS10, "TLSV1.1": tls.VersionTLS11, "TLSV1.2": tls.VersionTLS12, "TLSV1.3": tls.VersionTLS13}

// versions takes the span from the oldest to the newest protocol of the list.
func versions(c *tls.Config, list string) []config.Problem {
	var all []uint16
	for _, name := range split(list) {
		v, ok := versionNames[strings.ToUpper(name)]
		if !ok {
			return []config.Problem{config.Problemf("ssl.enabled.protocols", "%q is not one of TLSv1.2, TLSv1.3 (or the old TLSv1, TLSv1.1)", name)}
		}
		all = append(all, v)
	}
	if len(all) > 0 {
		c.MinVersion, c.MaxVersion = slices.Min(all), slices.Max(all)
	}
	return nil
}

// suites takes Java's names, which are the standard's. Those of TLS 1.3 are always on.
func suites(c *tls.Config, list string) []config.Problem {
	ids := map[string]uint16{}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids[s.Name] = s.ID
	}
	for _, name := range split(list) {
		id, ok := ids[name]
		if !ok {
			return []config.Problem{config.Problemf("ssl.cipher.suites", "%q is not a cipher suite that leat has", name)}
		}
		c.CipherSuites = append(c.CipherSuites, id)
	}
	return nil
}

func split(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func problem(key string, err error) *config.Problem {
	return &config.Problem{Key: key, Message: fmt.Sprint(err)}
}
