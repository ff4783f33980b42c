package kafka

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"leat/kafka/embedded"
)

func TestBrokerThatRestartsIsWaitedForAndNothingIsLostDoubledOrReordered(t *testing.T) {
	dir := t.TempDir()
	start := func(addr string) *embedded.Server {
		s, err := embedded.Start(embedded.Options{Dir: dir, Listener: addr, MinFree: 1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start("127.0.0.1:0")
	addr := s.Addr()
	c := open(t, addr)
	makeTopic(t, c, "shop", 1, nil)
	a := appenderOf(t, c, nil)
	f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"}, Overrides: quickGroup})
	if err := appendAll(t, a, numbered("shop", 0, 100, 1)); err != nil {
		t.Fatal(err)
	}
	got := take(t, f, 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	if err := a.Append(soon(t), numbered("shop", 100, 100, 1), func(err error) { answer <- err }); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-answer:
		t.Fatalf("answered %v while the broker is away", err)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := c.Admin().EndOffsets(soon(t), "shop"); err != nil && !Retriable(err) {
		t.Errorf("an absent broker gives %v, which is not retriable", err)
	}
	s = start(addr)
	defer func() { s.Close() }()
	select {
	case err := <-answer:
		if err != nil {
			t.Fatal(err)
		}
	case <-soon(t).Done():
		t.Fatal("not answered after the broker came back")
	}
	var values []string
	for _, m := range append(got, take(t, f, 100)...) {
		if !slices.Contains(values, string(m.Value)) { // a member whose group was lost may read again from its last commit
			values = append(values, string(m.Value))
		}
	}
	for i, v := range values {
		if v != strconv.Itoa(i) {
			t.Fatalf("message %d is %s", i, v)
		}
	}
	ends, err := c.Admin().EndOffsets(soon(t), "shop")
	if err != nil {
		t.Fatal(err)
	}
	for p, end := range ends {
		if end != 200 {
			t.Errorf("%v holds %d messages, want 200", p, end)
		}
	}
}

func TestFetcherClosesInTimeWhileTheBrokerIsAway(t *testing.T) {
	s, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, s.Addr())
	makeTopic(t, c, "shop", 1, nil)
	if err := appendAll(t, appenderOf(t, c, nil), numbered("shop", 0, 10, 1)); err != nil {
		t.Fatal(err)
	}
	f, err := c.NewFetcher(FetcherOptions{Group: "g", ClientID: "t", Topics: []string{"shop"}, Overrides: quickGroup})
	if err != nil {
		t.Fatal(err)
	}
	take(t, f, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		f.Close(ctx) // that the group was not left is not an error we can do anything about
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close still waits, long after its context ended")
	}
}
