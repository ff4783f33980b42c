package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"leat/record"
)

// member is a fetcher that polls in a goroutine of its own and commits in Rebalanced what it has read.
type member struct {
	f    Fetcher
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	assigned map[record.Partition]bool
	seen     []string
	next     record.Offsets // owned by the polling goroutine
}

func join(t *testing.T, c *Cluster, o FetcherOptions) *member {
	t.Helper()
	m := &member{assigned: map[record.Partition]bool{}, next: record.Offsets{}, done: make(chan struct{})}
	o.Rebalanced = func(ctx context.Context, gained, lost []record.Partition) error {
		commit := record.Offsets{}
		m.mu.Lock()
		for _, p := range gained {
			m.assigned[p] = true
		}
		for _, p := range lost {
			delete(m.assigned, p)
			if o, ok := m.next[p]; ok {
				commit[p] = o
				delete(m.next, p)
			}
		}
		m.mu.Unlock()
		return m.f.Commit(ctx, commit)
	}
	m.f = fetcherOf(t, c, o)
	ctx, stop := context.WithCancel(t.Context())
	m.stop = stop
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			got, err := m.f.Poll(ctx, 100*time.Millisecond)
			if err != nil && ctx.Err() == nil {
				t.Errorf("poll: %v", err)
				return
			}
			m.take(t, got)
		}
	}()
	return m
}

func (m *member) take(t *testing.T, got []Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range got {
		p := record.Partition{Topic: r.Topic, ID: r.Partition}
		if !m.assigned[p] {
			t.Errorf("a message of %v, which is not assigned", p)
		}
		m.next[p] = r.Offset + 1
		m.seen = append(m.seen, string(r.Value))
	}
}

// leave stops polling and closes.
func (m *member) leave(t *testing.T) {
	t.Helper()
	m.stop()
	<-m.done
	if err := m.f.Close(soon(t)); err != nil {
		t.Errorf("close: %v", err)
	}
}

func (m *member) count() (assigned, seen int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.assigned), len(m.seen)
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := soon(t)
	for !ok() {
		if sleep(ctx, 5*time.Millisecond) != nil {
			t.Fatalf("not reached: %s", what)
		}
	}
}

var quickGroup = map[string]string{"heartbeat.interval.ms": "50", "session.timeout.ms": "6000", "fetch.max.wait.ms": "50"}

func TestPartitionsMoveBetweenMembersWithoutLossOrDoubles(t *testing.T) {
	for _, strategy := range []string{"", "org.apache.kafka.clients.consumer.RangeAssignor", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"} {
		t.Run("strategy "+strategy, func(t *testing.T) {
			c := cluster(t)
			makeTopic(t, c, "shop", 4, nil)
			a := appenderOf(t, c, nil)
			const n = 400
			put := func(from int) {
				if err := appendAll(t, a, numbered("shop", from, n, 50)); err != nil {
					t.Fatal(err)
				}
			}
			overrides := map[string]string{"partition.assignment.strategy": strategy}
			for k, v := range quickGroup {
				overrides[k] = v
			}
			o := FetcherOptions{Group: "connect-g", Topics: []string{"shop"}, Overrides: overrides}
			first := join(t, c, o)
			put(0)
			until(t, "first member has read all", func() bool { _, seen := first.count(); return seen == n })
			second := join(t, c, o)
			until(t, "partitions are shared", func() bool {
				x, _ := first.count()
				y, _ := second.count()
				return x == 2 && y == 2
			})
			put(n)
			until(t, "both have read", func() bool {
				_, x := first.count()
				_, y := second.count()
				return x+y >= 2*n
			})
			first.leave(t)
			until(t, "the other has all partitions", func() bool { x, _ := second.count(); return x == 4 })
			put(2 * n)
			until(t, "everything is read", func() bool {
				_, x := first.count()
				_, y := second.count()
				return x+y >= 3*n
			})
			second.leave(t)
			all := append(first.seen, second.seen...)
			times := map[string]int{}
			for _, v := range all {
				times[v]++
			}
			for i := range 3 * n {
				if times[strconv.Itoa(i)] != 1 {
					t.Errorf("message %d was read %d times", i, times[strconv.Itoa(i)])
				}
			}
			got, err := c.Admin().GroupOffsets(soon(t), "connect-g")
			ends, err2 := c.Admin().EndOffsets(soon(t), "shop")
			if err = errors.Join(err, err2); err != nil || fmt.Sprint(got) != fmt.Sprint(ends) {
				t.Errorf("committed %v, ends %v, %v", got, ends, err)
			}
		})
	}
}

func TestSeekPauseAndLag(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 2, nil)
	a := appenderOf(t, c, nil)
	zero, one := record.Partition{Topic: "shop"}, record.Partition{Topic: "shop", ID: 1}
	var sent []Message
	for i := range 100 {
		sent = append(sent, Message{Topic: "shop", Partition: int32(i % 2), Timestamp: record.NoTimestamp, Value: []byte(strconv.Itoa(i))})
	}
	if err := appendAll(t, a, sent); err != nil {
		t.Fatal(err)
	}
	var f Fetcher
	f = fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"}, Overrides: map[string]string{"max.poll.records": "7", "fetch.max.wait.ms": "50"},
		Rebalanced: func(_ context.Context, gained, _ []record.Partition) error {
			if len(gained) > 0 {
				f.Seek(record.Offsets{zero: 40})
			}
			return nil
		}})
	got := take(t, f, 60)
	if len(got) != 60 {
		t.Fatalf("%d messages, want 10 of partition 0 from offset 40 and 50 of partition 1", len(got))
	}
	for _, m := range got {
		if m.Partition == 0 && m.Offset < 40 {
			t.Errorf("offset %d of partition 0 is before the seek", m.Offset)
		}
	}
	f.Pause([]record.Partition{one})
	f.Seek(record.Offsets{zero: 45, one: 10})
	for _, m := range take(t, f, 5) {
		if m.Partition != 0 || m.Offset < 45 {
			t.Errorf("got %d@%d while 1 is paused and 0 was sought to 45", m.Partition, m.Offset)
		}
	}
	if got, err := f.Poll(soon(t), 200*time.Millisecond); err != nil || len(got) > 0 {
		t.Errorf("a paused partition gave %d messages, %v", len(got), err)
	}
	f.Resume(nil)
	first, err := f.Poll(soon(t), 10*time.Second)
	if err != nil || len(first) != 7 || first[0].Offset != 10 {
		t.Fatalf("after Resume: %d messages, %v", len(first), err)
	}
	if lag := f.Lag(); lag[one] != 50-17 || lag[zero] != 0 {
		t.Errorf("lag is %v", lag)
	}
}

func TestRegexMatchesWholeNamesAndFindsNewTopics(t *testing.T) {
	for name, pattern := range map[string]string{"RE2": `shop\.[a-z]+`, "look-ahead, which only Java's engine has": `shop\.(?!none)[a-z]+`} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t)
			for _, topic := range []string{"shop.a", "my.shop.a", "shop.a1"} {
				makeTopic(t, c, topic, 1, nil)
			}
			a := appenderOf(t, c, nil)
			put := func(topics ...string) {
				for _, topic := range topics {
					if err := appendAll(t, a, []Message{{Topic: topic, Timestamp: record.NoTimestamp, Value: []byte(topic)}}); err != nil {
						t.Fatal(err)
					}
				}
			}
			put("shop.a", "my.shop.a", "shop.a1")
			f := fetcherOf(t, c, FetcherOptions{Group: "g", Regex: pattern, Overrides: map[string]string{
				"metadata.max.age.ms": "100", "heartbeat.interval.ms": "50", "fetch.max.wait.ms": "50"}})
			got := take(t, f, 1)
			makeTopic(t, c, "shop.b", 1, nil)
			put("shop.b")
			got = append(got, take(t, f, 1)...)
			more, err := f.Poll(soon(t), 300*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			var topics []string
			for _, m := range append(got, more...) {
				topics = append(topics, m.Topic)
			}
			if want := []string{"shop.a", "shop.b"}; !slices.Equal(topics, want) {
				t.Errorf("got messages of %v, want %v", topics, want)
			}
		})
	}
}

func TestErrorOfRebalancedEndsThePoll(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 1, nil)
	broken := errors.New("the target is gone")
	f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"},
		Rebalanced: func(context.Context, []record.Partition, []record.Partition) error { return broken }})
	for {
		got, err := f.Poll(soon(t), time.Second)
		if errors.Is(err, broken) {
			return
		}
		if err != nil || len(got) > 0 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestResetNoneRefusesAGroupWithoutOffsets(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 1, nil)
	f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"}, Overrides: map[string]string{"auto.offset.reset": "none"}})
	ctx := soon(t)
	for {
		_, err := f.Poll(ctx, time.Second)
		if ctx.Err() != nil {
			t.Fatal("a group without offsets and without a reset policy just waits")
		}
		if err != nil {
			if Retriable(err) {
				t.Errorf("%v is retriable", err)
			}
			return
		}
	}
}
