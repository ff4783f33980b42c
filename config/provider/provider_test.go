package provider

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setup makes a folder with secrets and worker properties with a provider of each kind.
func setup(t *testing.T, extra map[string]string) (dir string, tr *Transformer, logged *bytes.Buffer) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "db.properties"), "password = s3cr:et \nuser=leat\nnested=${env:LEAT_T_USER}\n")
	write(t, filepath.Join(dir, "token"), "abc\n")
	t.Setenv("LEAT_T_USER", "ann")
	t.Setenv("OTHER_T_USER", "bob")
	props := map[string]string{
		"config.providers":            "file, env,dir",
		"config.providers.file.class": classPackage + "FileConfigProvider",
		"config.providers.env.class":  "EnvVarConfigProvider",
		"config.providers.dir.class":  "Directory",
	}
	for k, v := range extra {
		props[k] = strings.ReplaceAll(v, "DIR", dir)
	}
	logged = &bytes.Buffer{}
	tr, problems := New(props, slog.New(slog.NewTextHandler(logged, nil)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return dir, tr, logged
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReferencesAreReplaced(t *testing.T) {
	dir, tr, _ := setup(t, nil)
	tests := []struct{ name, value, want string }{
		{"file", "${file:DIR/db.properties:password}", "s3cr:et "},
		{"several in one value", "u=${file:DIR/db.properties:user} t=${dir:DIR:token}|", "u=leat t=abc\n|"},
		{"environment", "${env:LEAT_T_USER}", "ann"},
		{"environment with an empty path", "${env::LEAT_T_USER}", "ann"},
		{"environment knows no path", "${env:x:LEAT_T_USER}", "${env:x:LEAT_T_USER}"},
		{"what is given is not transformed again", "${file:DIR/db.properties:nested}", "${env:LEAT_T_USER}"},
		{"unknown key stays", "a${file:DIR/db.properties:nokey}b", "a${file:DIR/db.properties:nokey}b"},
		{"unknown provider stays", "${vault:a:b}", "${vault:a:b}"},
		{"no reference", "${topic}-${0} $x {}", "${topic}-${0} $x {}"},
		{"not open", "${file:a", "${file:a"},
		{"absent folder", "${dir:DIR/none:token}", "${dir:DIR/none:token}"},
		{"key that leads out of the folder", "${dir:DIR:../token}", "${dir:DIR:../token}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := map[string]string{"k": strings.ReplaceAll(tt.value, "DIR", dir)}
			out, err := tr.Transform(in)
			if want := strings.ReplaceAll(tt.want, "DIR", dir); err != nil || out["k"] != want {
				t.Errorf("got %q, %v; want %q", out["k"], err, want)
			}
		})
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	dir, tr, _ := setup(t, nil)
	_, err := tr.Transform(map[string]string{"k": "${file:" + dir + "/none.properties:a}"})
	if err == nil || !strings.Contains(err.Error(), `config provider "file": could not read properties from file `+dir+"/none.properties") {
		t.Errorf("got %v", err)
	}
}

func TestUnresolvedReferenceIsWarnedOf(t *testing.T) {
	_, tr, logged := setup(t, nil)
	if _, err := tr.Transform(map[string]string{"database.password": "${env:LEAT_T_NONE}"}); err != nil {
		t.Fatal(err)
	}
	if got := logged.String(); !strings.Contains(got, "database.password") || !strings.Contains(got, "LEAT_T_NONE") {
		t.Errorf("log: %q", got)
	}
}

func TestParametersLimitWhatIsRead(t *testing.T) {
	dir, tr, _ := setup(t, map[string]string{
		"config.providers.file.param.allowed.paths":    "DIR/token",
		"config.providers.dir.param.allowed.paths":     "/usr, DIR",
		"config.providers.env.param.allowlist.pattern": "LEAT_.*",
	})
	for value, want := range map[string]string{
		"${file:" + dir + "/db.properties:user}":          "${file:" + dir + "/db.properties:user}",
		"${file:" + dir + "/token/../db.properties:user}": "${file:" + dir + "/token/../db.properties:user}",
		"${dir:" + dir + ":token}":                        "abc\n",
		"${env:LEAT_T_USER}":                              "ann",
		"${env:OTHER_T_USER}":                             "${env:OTHER_T_USER}",
	} {
		if out, err := tr.Transform(map[string]string{"k": value}); err != nil || out["k"] != want {
			t.Errorf("%s: got %q, %v; want %q", value, out["k"], err, want)
		}
	}
}

func TestWrongProvidersAreAllReported(t *testing.T) {
	_, problems := New(map[string]string{
		"config.providers":                           "a,b,c,d",
		"config.providers.b.class":                   "com.example.VaultProvider",
		"config.providers.c.class":                   "FileConfigProvider",
		"config.providers.c.param.allowed.paths":     "secrets",
		"config.providers.d.class":                   "EnvVarConfigProvider",
		"config.providers.d.param.allowlist.pattern": "(",
	}, slog.New(slog.DiscardHandler))
	want := []string{
		`config.providers.a.class: missing: config.providers names "a"`,
		`config.providers.b.class: "com.example.VaultProvider" is not a config provider of leat`,
		`config.providers.c: allowed.paths: path secrets is not absolute`,
		`config.providers.d: allowlist.pattern "(" is not a regular expression`,
	}
	if len(problems) != len(want) {
		t.Fatalf("got %v", problems)
	}
	for i, p := range problems {
		if !strings.HasPrefix(p.String(), want[i]) {
			t.Errorf("got  %s\nwant %s", p, want[i])
		}
	}
}

func FuzzTransformKeepsWhatIsNoReference(f *testing.F) {
	f.Add("${a:b:c}${env:X}$${}")
	f.Add("}${:}${::}")
	f.Fuzz(func(t *testing.T, s string) {
		tr := &Transformer{log: slog.New(slog.DiscardHandler)}
		if out, err := tr.Transform(map[string]string{"k": s}); err != nil || out["k"] != s {
			t.Fatalf("%q became %q, %v", s, out["k"], err)
		}
	})
}
