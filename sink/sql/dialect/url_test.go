package dialect

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct{ url, host, database, user, sslmode, path, notes, err string }{
		{url: "jdbc:postgresql://h:5433/d?user=u&reWriteBatchedInserts=true", host: "h", database: "d", user: "u"},
		{url: "jdbc:postgresql://h1:1,h2:2/d?targetServerType=primary", host: "h1", database: "d"},
		{url: "jdbc:postgresql:d", host: "localhost", database: "d"},
		{url: "jdbc:postgresql://h/my%20db?currentSchema=a,%22B%22", host: "h", database: "my db", path: `SET search_path="a","B"`},
		{url: "jdbc:postgresql://h/d?ssl=true&sslmode=require", host: "h", database: "d"},
		{url: "jdbc:postgresql://h/d?sslfactory=org.postgresql.ssl.NonValidatingFactory&colour=red", host: "h", database: "d", notes: "colour"},
		{url: "jdbc:mysql://h/d", err: "MySQL, which is not in this build yet"},
		{url: "jdbc:sqlserver://h;databaseName=d", err: "SQL Server, which is not in this build yet"},
		{url: "jdbc:nosuch:x", err: `"nosuch"`},
		{url: "postgres://h/d", err: "is not a JDBC URL"},
		{url: "jdbc:sqlite::memory:", err: "in memory"},
		{url: "jdbc:sqlite:", err: "in memory"},
		{url: "jdbc:postgresql://h/d?password=%zz", err: "parameter password"},
	} {
		p, err := ParseURL(c.url)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, want %s", c.url, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		d, err := p.Open(Options{Password: "s3cret"})
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		pg := d.(*postgres)
		if pg.config.Host != c.host || pg.config.Database != c.database || c.user != "" && pg.config.User != c.user || pg.config.Password != "s3cret" {
			t.Errorf("%s: host %s, database %s, user %s", c.url, pg.config.Host, pg.config.Database, pg.config.User)
		}
		if !strings.Contains(pg.settings, c.path) || !strings.Contains(strings.Join(p.Notes, " "), c.notes) || c.notes == "" && p.Notes != nil {
			t.Errorf("%s: settings %s, notes %v", c.url, pg.settings, p.Notes)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("jdbc:postgresql://h:5433/d?user=u&ssl=true")
	f.Add("jdbc:sqlite:/a/b.db?journal_mode=WAL")
	f.Fuzz(func(t *testing.T, url string) {
		p, err := ParseURL(url)
		if err != nil {
			return
		}
		if _, err := p.Open(Options{User: "u", Password: "hunter2hunter2"}); err != nil && strings.Contains(err.Error(), "hunter2hunter2") {
			t.Fatalf("the error tells the password: %v", err)
		}
	})
}
