package dialect

import (
	"strings"
	"testing"
)

func TestConnectErrorIsOneLineWithoutThePassword(t *testing.T) {
	parsed, err := ParseURL("jdbc:postgresql://127.0.0.1:1/x?user=u&password=hush&sslmode=prefer")
	if err != nil {
		t.Fatal(err)
	}
	d, err := parsed.Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Connect(t.Context())
	verdict, told := d.Judge(err)
	text := told.Error()
	if verdict != Wait || strings.Contains(text, "\n") || strings.Contains(text, "hush") || strings.Count(text, "127.0.0.1") > 2 || !strings.Contains(text, "refused") {
		t.Errorf("verdict %d: %q", verdict, text)
	}
}
