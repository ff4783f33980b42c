package security

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// pki is an authority with one server and one client.
type pki struct {
	ca             *x509.Certificate
	caKey          *ecdsa.PrivateKey
	server, client tls.Certificate
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{}
	p.ca, p.caKey = issue(t, nil, nil, "authority")
	for name, to := range map[string]*tls.Certificate{"server.example": &p.server, "client": &p.client} {
		cert, key := issue(t, p.ca, p.caKey, name)
		*to = tls.Certificate{Certificate: [][]byte{cert.Raw, p.ca.Raw}, PrivateKey: key, Leaf: cert}
	}
	return p
}

func issue(t *testing.T, parent *x509.Certificate, by *ecdsa.PrivateKey, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// stores gives ssl.* properties of the client in every form.
func stores(t *testing.T, p *pki) map[string]map[string]string {
	t.Helper()
	chain := append(pemOf("CERTIFICATE", p.client.Certificate[0]), pemOf("CERTIFICATE", p.client.Certificate[1])...)
	ca, key := pemOf("CERTIFICATE", p.ca.Raw), pemOf("PRIVATE KEY", pkcs8(t, p.client))

	var keys, trust bytes.Buffer
	ks, ts := keystore.New(), keystore.New()
	err := ks.SetPrivateKeyEntry("me", keystore.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: pkcs8(t, p.client),
		CertificateChain: []keystore.Certificate{{Type: "X509", Content: p.client.Certificate[0]}, {Type: "X509", Content: p.ca.Raw}}}, []byte("key-pass"))
	if err == nil {
		err = ts.SetTrustedCertificateEntry("ca", keystore.TrustedCertificateEntry{CreationTime: time.Now(), Certificate: keystore.Certificate{Type: "X509", Content: p.ca.Raw}})
	}
	if err == nil {
		err = ks.Store(&keys, []byte("store-pass"))
	}
	if err == nil {
		err = ts.Store(&trust, []byte("trust-pass"))
	}
	if err != nil {
		t.Fatal(err)
	}
	p12, err := pkcs12.Modern.Encode(p.client.PrivateKey, p.client.Leaf, []*x509.Certificate{p.ca}, "store-pass")
	if err != nil {
		t.Fatal(err)
	}
	t12, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{p.ca}, "trust-pass")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]map[string]string{
		"JKS": {
			"ssl.truststore.location": write(t, "t.jks", trust.Bytes()), "ssl.truststore.password": "trust-pass",
			"ssl.keystore.location": write(t, "k.jks", keys.Bytes()), "ssl.keystore.password": "store-pass", "ssl.key.password": "key-pass",
		},
		"PKCS12": {
			"ssl.truststore.location": write(t, "t.p12", t12), "ssl.truststore.password": "trust-pass", "ssl.truststore.type": "PKCS12",
			"ssl.keystore.location": write(t, "k.p12", p12), "ssl.keystore.password": "store-pass", "ssl.keystore.type": "PKCS12",
		},
		"PEM files": {
			"ssl.truststore.location": write(t, "t.pem", ca), "ssl.truststore.type": "PEM",
			"ssl.keystore.location": write(t, "k.pem", append(append([]byte{}, key...), chain...)), "ssl.keystore.type": "PEM",
		},
		"PEM inline": {
			"ssl.truststore.certificates": string(ca), "ssl.truststore.type": "PEM", "ssl.keystore.type": "PEM",
			"ssl.keystore.key": strings.ReplaceAll(string(key), "\n", `\n`), "ssl.keystore.certificate.chain": string(chain),
		},
	}
}

// shake connects a client to a server that wants a certificate, and gives the client's error.
func shake(t *testing.T, server, client *tls.Config, name string) error {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() {
		s := tls.Server(b, server)
		if s.Handshake() == nil {
			io.WriteString(s, "x")
		}
		b.Close()
	}()
	client = client.Clone()
	client.ServerName = name
	c := tls.Client(a, client)
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestEveryFormOfStoreConnectsBothWays(t *testing.T) {
	p := newPKI(t)
	roots := x509.NewCertPool()
	roots.AddCert(p.ca)
	server := &tls.Config{Certificates: []tls.Certificate{p.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	for name, props := range stores(t, p) {
		t.Run(name, func(t *testing.T) {
			client, problems := ClientTLS(props)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := shake(t, server, client, "server.example"); err != nil {
				t.Error(err)
			}
			if err := shake(t, server, client, "other.example"); err == nil {
				t.Error("a server of another name was accepted")
			}
			props["ssl.endpoint.identification.algorithm"] = ""
			anyName, problems := ClientTLS(props)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := shake(t, server, anyName, "other.example"); err != nil {
				t.Errorf("without host check: %v", err)
			}
			other := newPKI(t)
			if err := shake(t, &tls.Config{Certificates: []tls.Certificate{other.server}}, anyName, "server.example"); err == nil {
				t.Error("without host check a server of an unknown authority was accepted")
			}
			props["ssl.client.auth"] = "required"
			listener, problems := ServerTLS(props)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := shake(t, listener, anyName, "client"); err != nil {
				t.Errorf("as a listener: %v", err)
			}
		})
	}
}

func TestStoresThatCannotBeOpenedAreNamedWithoutSecrets(t *testing.T) {
	p := newPKI(t)
	all := stores(t, p)
	for name, c := range map[string]struct {
		props map[string]string
		key   string
	}{
		"wrong password of a JKS truststore":  {map[string]string{"ssl.truststore.location": all["JKS"]["ssl.truststore.location"], "ssl.truststore.password": "hunter2"}, "ssl.truststore.location"},
		"wrong password of a PKCS12 keystore": {map[string]string{"ssl.keystore.location": all["PKCS12"]["ssl.keystore.location"], "ssl.keystore.password": "hunter2"}, "ssl.keystore.location"},
		"wrong password of a JKS key":         {map[string]string{"ssl.keystore.location": all["JKS"]["ssl.keystore.location"], "ssl.keystore.password": "store-pass", "ssl.key.password": "hunter2"}, "ssl.keystore.location"},
		"no such file":                        {map[string]string{"ssl.truststore.location": "/no/such/file"}, "ssl.truststore.location"},
		"key without certificate":             {map[string]string{"ssl.keystore.key": string(pemOf("PRIVATE KEY", pkcs8(t, p.client)))}, "ssl.keystore.key"},
		"empty truststore":                    {map[string]string{"ssl.truststore.certificates": "hunter2"}, "ssl.truststore.certificates"},
		"unknown protocol":                    {map[string]string{"ssl.enabled.protocols": "SSLv3"}, "ssl.enabled.protocols"},
		"unknown suite":                       {map[string]string{"ssl.cipher.suites": "TLS_NONE"}, "ssl.cipher.suites"},
		"a Java class":                        {map[string]string{"ssl.engine.factory.class": "com.example.Factory"}, "ssl.engine.factory.class"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := ClientTLS(c.props)
			if len(problems) != 1 || problems[0].Key != c.key || strings.Contains(problems[0].Message, "hunter2") {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestKeysThatOpensslEncryptedAreOpened(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not on this machine")
	}
	p := newPKI(t)
	plain := write(t, "plain.pem", pemOf("PRIVATE KEY", pkcs8(t, p.client)))
	for _, args := range [][]string{{"-v2", "aes-256-cbc"}, {"-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"}, {"-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA1"}} {
		out, err := exec.Command(openssl, append([]string{"pkcs8", "-topk8", "-in", plain, "-passout", "pass:key-pass"}, args...)...).Output()
		if err != nil {
			t.Fatalf("openssl %v: %v", args, err)
		}
		props := map[string]string{"ssl.keystore.key": string(out), "ssl.key.password": "key-pass",
			"ssl.keystore.certificate.chain": string(pemOf("CERTIFICATE", p.client.Certificate[0]))}
		if c, problems := ClientTLS(props); len(problems) > 0 || len(c.Certificates) != 1 {
			t.Errorf("%v: %v", args, problems)
		}
		props["ssl.key.password"] = "hunter2"
		if _, problems := ClientTLS(props); len(problems) != 1 || strings.Contains(problems[0].Message, "hunter2") {
			t.Errorf("%v with a wrong password: %v", args, problems)
		}
	}
}

func TestJAASIsReadAsJavaWritesIt(t *testing.T) {
	l, err := parseJAAS("org.apache.kafka.common.security.plain.PlainLoginModule required\n  username=\"al\\\"ice\"\tpassword='s=e;c r\\\\t' serviceName=kafka ;\n")
	want := map[string]string{"username": `al"ice`, "password": `s=e;c r\t`, "serviceName": "kafka"}
	if err != nil || fmt.Sprint(l.options) != fmt.Sprint(want) || !strings.HasSuffix(l.module, ".PlainLoginModule") {
		t.Errorf("got %+v, %v", l, err)
	}
	for _, bad := range []string{"", ";", "Module;", "Module needed;", `Module required user="x"`, `Module required user="x;`, `Module required user "x";`,
		`Module required =;`, `Module required a="hunter2" b;`, `Module required; Other required;`} {
		if _, err := parseJAAS(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s gave %v", bad, err)
		}
	}
}

func FuzzJAAS(f *testing.F) {
	f.Add(`Module required a="b\"" c='d' e=f;`)
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseJAAS(s)
		if err == nil && (l.module == "" || l.options == nil) {
			t.Errorf("%q gave %+v", s, l)
		}
	})
}

func FuzzEncryptedKey(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x05})
	f.Fuzz(func(_ *testing.T, der []byte) { decryptPKCS8(der, "") })
}

func TestProtocolsAndMechanismsThatCannotBe(t *testing.T) {
	const jaas = `M required username="u" password="hunter2";`
	for name, c := range map[string]struct {
		props map[string]string
		key   string
	}{
		"unknown protocol":    {map[string]string{"security.protocol": "TLS"}, "security.protocol"},
		"Kerberos by name":    {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"}, "sasl.mechanism"},
		"Kerberos by default": {map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.jaas.config": jaas}, "sasl.mechanism"},
		"unknown mechanism":   {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "AWS_MSK_IAM"}, "sasl.mechanism"},
		"no JAAS":             {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, "sasl.jaas.config"},
		"broken JAAS":         {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": `M required password="hunter2`}, "sasl.jaas.config"},
		"no user":             {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": "M required;"}, "sasl.jaas.config"},
		"a Java class":        {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": jaas, "sasl.login.class": "x.Y"}, "sasl.login.class"},
		"no endpoint":         {map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": `M required clientId="x";`}, "sasl.oauthbearer.token.endpoint.url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse(c.props)
			if len(problems) != 1 || problems[0].Key != c.key || strings.Contains(problems[0].Message, "hunter2") {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestTokensByClientCredentialsAreKeptUntilTheyAge(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		id, secret, _ := r.BasicAuth()
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" || id != "leat" || secret != "geheim" {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":%d}`, asked, map[bool]int{true: 0, false: 3600}[asked == 1])
	}))
	defer server.Close()
	props := map[string]string{"sasl.oauthbearer.token.endpoint.url": server.URL}
	l, err := parseJAAS(`org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="leat" clientSecret="geheim" scope="kafka";`)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := tokenSource(props, l)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for range 3 {
		token, err := s.token(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, token)
	}
	if fmt.Sprint(got) != "[t1 t2 t2]" {
		t.Errorf("tokens were %v: the first was too old at once, the second is good for an hour", got)
	}
	props["sasl.oauthbearer.client.credentials.client.secret"] = "hunter2"
	s, problems = tokenSource(props, l)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, err := s.token(context.Background()); err == nil || !strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong secret gave %v", err)
	}
}
