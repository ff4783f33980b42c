package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/herder"
	"leat/rest"
)

func TestRequestsWhileStartingTimeOutAndHealthSaysSo(t *testing.T) {
	l := startLeat(t, nil)
	idle := herder.New(herder.Options{Logger: testLogger()}) // never run
	api, err := rest.New(idle, rest.Options{Logger: testLogger(), Timeout: 20 * time.Millisecond, HealthTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/connectors": {500, `{"error_code":500,"message":"Request timed out. The worker is currently awaiting startup"}`},
		"/health":     {503, `{"status":"starting","message":"Worker is still starting up. The worker is currently awaiting startup"}`},
	} {
		res := get(t, server.URL+path)
		if got := body(t, res); res.StatusCode != want.status || got != want.body {
			t.Errorf("%s: %d %s", path, res.StatusCode, got)
		}
	}
	if res := get(t, l.url+"/health"); res.StatusCode != 200 {
		t.Errorf("health of one that runs: %d", res.StatusCode)
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMediaTypesAndMethods(t *testing.T) {
	l := startLeat(t, nil)
	for _, c := range []struct {
		method, path, header, value string
		status                      int
	}{
		{"POST", "/connectors", "Content-Type", "text/plain", 415},
		{"POST", "/connectors", "Content-Type", "application/x-www-form-urlencoded", 415},
		{"GET", "/connectors", "Accept", "text/html", 406},
		{"GET", "/connectors", "Accept", "text/html,*/*;q=0.1", 200},
		{"HEAD", "/connectors", "", "", 200},
		{"OPTIONS", "/connectors", "", "", 200},
		{"PATCH", "/connectors", "", "", 405},
		{"GET", "/connectors/%zz", "", "", 400},
		{"GET", "/metrics", "", "", 404}, // none was given
	} {
		var header []string
		if c.header != "" {
			header = []string{c.header, c.value}
		}
		if c.path == "/connectors/%zz" { // no client sends it: the handler must still refuse it
			continue
		}
		if res := send(t, c.method, l.url+c.path, header...); res.StatusCode != c.status {
			t.Errorf("%s %s %s: %d, want %d", c.method, c.path, c.value, res.StatusCode, c.status)
		}
	}
	if allow := send(t, "OPTIONS", l.url+"/connectors").Header.Get("Allow"); allow != "GET,POST,HEAD,OPTIONS" {
		t.Errorf("Allow: %s", allow)
	}
}

func TestNamesWithAnyCharacterAreServed(t *testing.T) {
	l := startLeat(t, nil)
	for name, path := range map[string]string{
		"src->a/b c": "/connectors/src-%3Ea%2Fb%20c", "%2F": "/connectors/%252F", "ä+b": "/connectors/%C3%A4+b", "..": "/connectors/%2E%2E",
	} {
		res, err := http.Post(l.url+"/connectors", "application/json",
			strings.NewReader(`{"name":"`+name+`","config":{"connector.class":"FileStreamSource","topic":"t"}}`))
		if err != nil {
			t.Fatal(err)
		}
		location := res.Header.Get("Location")
		res.Body.Close()
		if res.StatusCode != 201 || !strings.HasPrefix(location, l.url+"/connectors/") {
			t.Errorf("%s: %d, Location %s", name, res.StatusCode, location)
		}
		for _, url := range []string{l.url + path + "/config", location + "/config"} {
			if res := get(t, url); !strings.Contains(body(t, res), `"topic":"t"`) {
				t.Errorf("%s: GET %s: %d", name, url, res.StatusCode)
			}
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	l := startLeat(t, nil)
	// Not over a connection: the server closes one on which too much comes, which may hide the answer from who still sends.
	res := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/connectors", io.LimitReader(endless{}, 17<<20))
	l.api.ServeHTTP(res, req)
	if res.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", res.Code)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestCrossOriginRequests(t *testing.T) {
	l := startLeat(t, func(_ *herder.Options, o *rest.Options) {
		o.Props = map[string]string{"access.control.allow.origin": "http://a, http://b", "access.control.allow.methods": "GET,PUT"}
	})
	res := get(t, l.url+"/connectors", "Origin", "http://b")
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "http://b" {
		t.Errorf("known origin: %d %v", res.StatusCode, res.Header)
	}
	if res := get(t, l.url+"/connectors", "Origin", "http://c"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("unknown origin: %v", res.Header)
	}
	res = send(t, "OPTIONS", l.url+"/connectors", "Origin", "http://a", "Access-Control-Request-Method", "PUT")
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Methods") != "GET,PUT" {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
}

func TestResponseHeaders(t *testing.T) {
	l := startLeat(t, func(_ *herder.Options, o *rest.Options) {
		o.Props = map[string]string{"response.http.headers.config": `add X-XSS-Protection: 1; mode=block, "set Cache-Control: no-cache, no-store", setDate Expires: 31540000000`}
	})
	h := get(t, l.url+"/connectors").Header
	expires, err := http.ParseTime(h.Get("Expires"))
	if h.Get("X-Xss-Protection") != "1; mode=block" || h.Get("Cache-Control") != "no-cache, no-store" || err != nil || time.Until(expires) < 300*24*time.Hour {
		t.Errorf("headers %v, %v", h, err)
	}
	for _, bad := range []string{"put X: y", "set X", "set : y", "set a b: c"} {
		if _, err := rest.New(nil, rest.Options{Props: map[string]string{"response.http.headers.config": bad}}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestBasicAuthentication(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "users.properties")
	jaas := filepath.Join(dir, "jaas.conf")
	write(t, users, "admin=s3cret\nother=x y\n")
	write(t, jaas, "// a comment\nOther { x.Y required; };\nKafkaConnect {\n  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required\n  file=\""+users+"\";\n};\n")
	known, err := rest.Users(jaas)
	if err != nil {
		t.Fatal(err)
	}
	l := startLeat(t, func(_ *herder.Options, o *rest.Options) {
		o.Props = map[string]string{"rest.extension.classes": rest.BasicAuthExtension}
		o.Users = known
	})
	for _, c := range []struct {
		user, password string
		status         int
	}{{"admin", "s3cret", 200}, {"other", "x y", 200}, {"admin", "wrong", 401}, {"nobody", "", 401}, {"", "", 401}} {
		req, err := http.NewRequest("GET", l.url+"/connectors", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.user != "" {
			req.SetBasicAuth(c.user, c.password)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s:%s: %d", c.user, c.password, res.StatusCode)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExtensionsThatKeepNobodyOutAreRefused(t *testing.T) {
	for _, o := range []rest.Options{
		{Props: map[string]string{"rest.extension.classes": "com.example.Own"}},
		{Props: map[string]string{"rest.extension.classes": rest.BasicAuthExtension}}, // no users
	} {
		if _, err := rest.New(nil, o); err == nil {
			t.Errorf("%v was taken", o.Props)
		}
	}
}

func TestAdminCanHaveListenersOfItsOwn(t *testing.T) {
	l := startLeat(t, func(_ *herder.Options, o *rest.Options) {
		o.Props = map[string]string{"admin.listeners": "http://localhost:0"}
	})
	if res := get(t, l.url+"/admin/loggers"); res.StatusCode != 404 {
		t.Errorf("main listener: %d", res.StatusCode)
	}
	admin := httptest.NewServer(l.api.Admin())
	defer admin.Close()
	if res := get(t, admin.URL+"/admin/loggers"); res.StatusCode != 200 {
		t.Errorf("admin listener: %d", res.StatusCode)
	}
	if res := get(t, admin.URL+"/connectors"); res.StatusCode != 404 {
		t.Errorf("connectors on the admin listener: %d", res.StatusCode)
	}
}

func TestValidateHasBothNamesOfTheOrderAndHidesSecrets(t *testing.T) {
	l := startLeat(t, nil)
	req, err := http.NewRequest("PUT", l.url+"/connector-plugins/FileStreamSource/config/validate",
		strings.NewReader(`{"connector.class":"FileStreamSource","name":"n","topic":"t","secret":"hunter2","odd":null}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text := body(t, res)
	if strings.Contains(text, "hunter2") {
		t.Errorf("the secret is in %s", text)
	}
	var v struct {
		ErrorCount int `json:"error_count"`
		Configs    []struct {
			Definition map[string]any
			Value      map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	first, last := v.Configs[0], v.Configs[len(v.Configs)-1]
	if first.Definition["order"] != 1.0 || first.Definition["order_in_group"] != 1.0 || first.Value["value"] != "n" {
		t.Errorf("first %v", first)
	}
	if v.ErrorCount != 1 || last.Definition != nil || last.Value["name"] != "odd" || len(last.Value["errors"].([]any)) != 1 {
		t.Errorf("%d errors, last %v", v.ErrorCount, last)
	}
}

func TestListenersServeAndStop(t *testing.T) {
	for _, bad := range []string{"localhost:8083", "ftp://localhost:1", "https://localhost:0"} {
		if _, err := rest.Listen(bad, nil); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	listeners, err := rest.Listen("http://127.0.0.1:0, HTTP://localhost:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	url, id, err := rest.Advertised(map[string]string{"rest.advertised.host.name": "connect-1", "rest.advertised.port": "80"}, listeners)
	if err != nil || url != "http://connect-1:80/" || id != "connect-1:80" {
		t.Errorf("advertised %s %s, %v", url, id, err)
	}
	if _, _, err := rest.Advertised(map[string]string{"rest.advertised.listener": "https"}, listeners); err == nil {
		t.Error("a protocol without a listener was advertised")
	}
	_, id, err = rest.Advertised(nil, listeners)
	if err != nil || id != listeners[0].Addr().String() {
		t.Errorf("worker id %s, %v", id, err)
	}
	l := startLeat(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- rest.Serve(ctx, l.api, testLogger(), listeners...) }()
	for _, ln := range listeners {
		if res := get(t, "http://"+ln.Addr().String()+"/connectors"); res.StatusCode != 200 {
			t.Errorf("%s: %d", ln.Addr(), res.StatusCode)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
