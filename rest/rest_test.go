package rest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"leat/herder"
	"leat/herder/herdertest"
	"leat/herder/loggers"
	"leat/rest"
)

// leat is an API over a herder in memory and a worker for tests.
type leat struct {
	url    string
	herder *herder.Single
	worker *herdertest.Worker
	api    *rest.API
}

func startLeat(t *testing.T, change func(*herder.Options, *rest.Options)) *leat {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	l := &leat{worker: herdertest.NewWorker()}
	ho := herder.Options{
		WorkerID: "127.0.0.1:8083", Version: "0.1.0", Commit: "c0ffee", Props: map[string]string{}, Offsets: l.worker,
		Loggers: loggers.New(slog.DiscardHandler, "INFO"), Logger: log,
	}
	ro := rest.Options{Props: map[string]string{}, Logger: log}
	if change != nil {
		change(&ho, &ro)
	}
	l.herder = herder.New(ho)
	l.worker.Changed = l.herder.Changed
	var err error
	if l.api, err = rest.New(l.herder, ro); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.herder.Run(ctx, l.worker) }()
	server := httptest.NewServer(l.api)
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	l.url = server.URL
	return l
}

func get(t *testing.T, url string, header ...string) *http.Response {
	t.Helper()
	return send(t, http.MethodGet, url, header...)
}

func send(t *testing.T, method, url string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// eventually waits for what happens in the background.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func testLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
