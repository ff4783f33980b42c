package properties

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The wanted values are those that java.util.Properties.load(Reader) of JDK 17 gave.
func TestReadsWhatJavaReads(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[string]string
	}{
		{"separators", "a=1\nb:2\nc 3\nd\t4\n e =  5 \nf\n=g\n:h\n",
			map[string]string{"": "h", "a": "1", "b": "2", "c": "3", "d": "4", "e": "5 ", "f": ""}},
		{"comments", "# c\n! c\n  # c\na\\\n  b=x\\\n   y\\\n\n#not=comment\n", map[string]string{"ab": "xy"}},
		{"comment sign in a continuation", "k=v\\\n# x\n", map[string]string{"k": "v# x"}},
		{"comments do not continue", "#comment \\\na=1\n!x\\\nb=2\n", map[string]string{"a": "1", "b": "2"}},
		{"escapes", "a\\ b=c\\=d\\:e\nk\\:1=v\nq=\\q\\z\\t\\n\\r\\f\\\\x\n",
			map[string]string{"a b": "c=d:e", "k:1": "v", "q": "qz\t\n\r\f\\x"}},
		{"unicode", "u=\\u00e9\\ud83d\\ude00\nv=é\n", map[string]string{"u": "é😀", "v": "é"}},
		{"even backslashes do not continue", "a=b\\\\\nc=d\\\\\\\ne\n", map[string]string{"a": `b\`, "c": `d\e`}},
		{"line ends", "a=1\ra2=2\r\na3=x\\\r\n y\n\n\n\fb=3\n", map[string]string{"a": "1", "a2": "2", "a3": "xy", "b": "3"}},
		{"one separator only", "a==b\nc=:d\ne : = f\ng  h = i\n", map[string]string{"a": "=b", "c": ":d", "e": "= f", "g": "h = i"}},
		{"no expansion", "a=${x}\nx=${a}\n", map[string]string{"a": "${x}", "x": "${a}"}},
		{"last one counts", "a=1\na=2\nend=\\", map[string]string{"a": "2", "end": ""}},
		{"empty continuation", "a=\\\n\nb=1\n\\\nc=2\n \\\n  d=3\n", map[string]string{"a": "", "b": "1", "c": "2", "d": "3"}},
		{"lone backslashes", "\\\n#c\n\\\n  \\", map[string]string{"": ""}},
		{"signs inside values", "pw=p#1!x\nz = a b  c \n", map[string]string{"pw": "p#1!x", "z": "a b  c "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.text))
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestMalformedEscapeNamesItsLine(t *testing.T) {
	for _, text := range []string{"x=1\n\na=\\u12g4\n", "x=1\n\na=\\u12"} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), `line 3: value of "a": malformed \uxxxx escape`) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestTextThatIsNotUTF8IsLatin1(t *testing.T) {
	got, err := Parse([]byte("pw=M\xfcller"))
	if err != nil || got["pw"] != "Müller" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.properties")
	if err := os.WriteFile(path, []byte(`a=\uXYZW`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": line 1: ") {
		t.Errorf("got %v", err)
	}
}

// FuzzRoundTrip writes what was read in the plainest form and reads it again.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"a=1", "a\\\n b:c\\u0041", "# x\n!y\nk  v", "\\ud83d\\ude00=\\", "=\\=\r\n:\\:"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		props, err := Parse(data)
		if err != nil {
			return
		}
		var b strings.Builder
		for k, v := range props {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				t.Fatalf("not UTF-8: %q=%q", k, v)
			}
			b.WriteString(escape(k) + "=" + escape(v) + "\n")
		}
		again, err := Parse([]byte(b.String()))
		if err != nil || !maps.Equal(again, props) {
			t.Fatalf("%q\nread  %q\nagain %q, %v", data, props, again, err)
		}
	})
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`,
		" ", `\ `, "=", `\=`, ":", `\:`, "#", `\#`, "!", `\!`).Replace(s)
}
