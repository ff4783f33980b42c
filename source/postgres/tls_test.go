//go:build unix

package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leat/connector"
	"leat/internal/harness"
	"leat/record"
)

// authority is a certificate authority of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	var der []byte
	a.key, der = a.sign(template, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	a.write(a.file, "CERTIFICATE", der)
	return a
}

// sign makes a key and its certificate; by itself without a parent.
func (a *authority) sign(template, parent *x509.Certificate) (*ecdsa.PrivateKey, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, der
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a server's certificate for an address, and its key, into files that the server's own user can read.
func (a *authority) issue(dir string, ip string) (certFile, keyFile string) {
	a.t.Helper()
	key, der := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.ParseIP(ip)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}, a.cert)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	a.write(certFile, "CERTIFICATE", der)
	a.write(keyFile, "PRIVATE KEY", raw)
	return certFile, keyFile
}

// giveAs gives files to the owner of a folder: a server's key must be readable by nobody but the server.
func giveAs(t *testing.T, folder string, files ...string) {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	for _, f := range files {
		if err := os.Chown(f, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerIsTrustedAsConfigured(t *testing.T) {
	d := newDatabase(t)
	pg, err := harness.StartPostgres(t.Context(), harness.PostgresOptions{Version: os.Getenv("LEAT_TEST_POSTGRES"), NoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	right, wrong := newAuthority(t, "right"), newAuthority(t, "wrong")
	secured := databaseOn(t, pg)
	data := secured.value("SHOW data_directory")
	cert, key := right.issue(data, "127.0.0.1")
	giveAs(t, data, cert, key)
	for name, value := range map[string]string{"ssl_cert_file": cert, "ssl_key_file": key, "ssl": "on"} {
		secured.exec("ALTER SYSTEM SET " + name + " = '" + value + "'")
	}
	secured.exec("SELECT pg_reload_conf()")
	waitFor(t, "TLS", func() bool { return secured.value("SHOW ssl") == "on" })
	secured.exec("CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1)")
	for _, c := range []struct {
		name  string
		props map[string]string
		want  string // part of the error, "" for none
	}{
		{"require", secured.with("database.sslmode", "require"), ""},
		{"prefer", secured.with("database.sslmode", "prefer"), ""},
		{"verify-ca", secured.with("database.sslmode", "verify-ca", "database.sslrootcert", right.file), ""},
		{"verify-ca by another name", secured.with("database.sslmode", "verify-ca", "database.sslrootcert", right.file, "database.hostname", "localhost"), ""},
		{"verify-full", secured.with("database.sslmode", "verify-full", "database.sslrootcert", right.file), ""},
		{"verify-ca, wrong authority", secured.with("database.sslmode", "verify-ca", "database.sslrootcert", wrong.file), "database.sslrootcert"},
		{"verify-full, wrong authority", secured.with("database.sslmode", "verify-full", "database.sslrootcert", wrong.file), "database.sslrootcert"},
		{"verify-full by another name", secured.with("database.sslmode", "verify-full", "database.sslrootcert", right.file, "database.hostname", "localhost"), "database.hostname"},
		{"no such file", secured.with("database.sslmode", "verify-full", "database.sslrootcert", "absent.pem"), "database.sslrootcert"},
		{"TLS that the server does not have", d.with("database.sslmode", "require"), "database.sslmode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on := secured
			if c.props["database.port"] == d.props["database.port"] {
				on = d
			}
			slot := "s" + on.name
			c.props["slot.name"], c.props["slot.drop.on.stop"] = slot, "true"
			r := on.open(record.Null, c.props)
			defer r.close()
			if c.want != "" {
				_, err := r.src.Read(context.Background())
				if err == nil || connector.ClassOf(err) != connector.Fatal || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v (%s) does not tell of %q", err, connector.ClassOf(err), c.want)
				}
				if problems := check(context.Background(), parse(t, c.props)); len(problems) == 0 {
					t.Error("the check finds nothing")
				}
				return
			}
			if got := r.snapshot(); len(got) != 1 {
				t.Errorf("%d rows", len(got))
			}
			on.exec("INSERT INTO rows VALUES (2)")
			if got := r.records(1); got[0].Key.Field(0).Int() != 2 {
				t.Error("another row")
			}
			if tls := on.value("SELECT bool_and(ssl)::text FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"); tls != "true" {
				t.Error("the stream is not encrypted")
			}
			on.exec("DELETE FROM rows WHERE id = 2")
		})
	}
}
