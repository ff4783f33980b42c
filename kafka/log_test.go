package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"leat/record"
)

func TestAppendedMessagesAreFetchedWhole(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 3, nil)
	a := appenderOf(t, c, nil)
	sent := numbered("shop", 0, 1000, 17)
	sent[5].Key, sent[6].Value, sent[7].Key = nil, nil, []byte{}
	sent[8].Partition = 2
	if err := appendAll(t, a, sent); err != nil {
		t.Fatal(err)
	}
	f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"}})
	last := map[string]int{}
	for _, m := range take(t, f, len(sent)) {
		n, err := strconv.Atoi(string(m.Headers[0].Value))
		if err != nil {
			t.Fatal(err)
		}
		want := sent[n]
		same := bytes.Equal(m.Key, want.Key) && (m.Key == nil) == (want.Key == nil) &&
			bytes.Equal(m.Value, want.Value) && (m.Value == nil) == (want.Value == nil) && m.Timestamp == want.Timestamp &&
			len(m.Headers) == 2 && m.Headers[1].Key == "null" && m.Headers[1].Value == nil
		if !same {
			t.Errorf("message %d came as %+v, want %+v", n, m, want)
		}
		if n == 8 && m.Partition != 2 {
			t.Errorf("a message for partition 2 went to %d", m.Partition)
		}
		if before, ok := last[string(m.Key)]; ok && m.Key != nil && len(m.Key) > 0 && n < before && n != 8 {
			t.Errorf("key %s: %d came after %d", m.Key, n, before)
		}
		last[string(m.Key)] = n
	}
}

// The partitions were computed with Kafka's Utils.toPositive(Utils.murmur2(key)) % 12.
func TestKeysGoToThePartitionsOfKafkasDefaultPartitioner(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "p", 1000, nil)
	a := appenderOf(t, c, nil)
	// murmur2 of Kafka's own test: UtilsTest.testMurmur2.
	hashes := map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107}
	var messages []Message
	for k := range hashes {
		messages = append(messages, Message{Topic: "p", Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Key: []byte(k)})
	}
	if err := appendAll(t, a, messages); err != nil {
		t.Fatal(err)
	}
	f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"p"}})
	for _, m := range take(t, f, len(hashes)) {
		if want := (hashes[string(m.Key)] & 0x7fffffff) % 1000; m.Partition != want {
			t.Errorf("key %s went to partition %d, want %d", m.Key, m.Partition, want)
		}
	}
}

func TestDoneIsCalledInTheOrderOfAppend(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 4, nil)
	a := appenderOf(t, c, map[string]string{"buffer.memory": "65536"})
	var mu sync.Mutex
	var order []int
	const calls = 200
	for i := range calls {
		if err := a.Append(soon(t), numbered("shop", i*10, 1+i%20, 7), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			order = append(order, i)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(order) != calls {
		t.Fatalf("%d calls answered after Flush, want %d", len(order), calls)
	}
	for i, n := range order {
		if i != n {
			t.Fatalf("answer %d was of call %d", i, n)
		}
	}
}

func TestEmptyAppendIsAnswered(t *testing.T) {
	a := appenderOf(t, cluster(t), nil)
	if err := appendAll(t, a, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTooLargeMessageIsNamedAndTheOthersArrive(t *testing.T) {
	for name, limits := range map[string]struct{ topic, producer map[string]string }{
		"by the topic's limit":  {topic: map[string]string{"max.message.bytes": "20000"}},
		"by the producer's own": {producer: map[string]string{"max.request.size": "20000"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t)
			makeTopic(t, c, "shop", 1, limits.topic)
			a := appenderOf(t, c, limits.producer)
			messages := numbered("shop", 0, 3000, 10)
			messages[1500].Key, messages[1500].Value = append([]byte("row-1500\x00"), bytes.Repeat([]byte("k"), 100)...), make([]byte, 30000)
			err := appendAll(t, a, messages)
			var refused *AppendError
			if !errors.As(err, &refused) || !refused.TooLarge || refused.Message != &messages[1500] || Retriable(err) {
				t.Fatalf("got %#v", err)
			}
			want := `topic shop refused a message of 30109 bytes (key "row-1500\x00kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"… of 109 bytes): `
			if text := err.Error(); len(text) < len(want) || text[:len(want)] != want {
				t.Errorf("message is %s", text)
			}
			f := fetcherOf(t, c, FetcherOptions{Group: "g", Topics: []string{"shop"}})
			got := take(t, f, len(messages)-1)
			for i, m := range got {
				n := i
				if i >= 1500 {
					n++
				}
				if string(m.Value) != strconv.Itoa(n) {
					t.Fatalf("message %d holds %s", n, m.Value)
				}
			}
		})
	}
}

func TestUnknownTopicIsRefusedWithItsName(t *testing.T) {
	a := appenderOf(t, open(t, fake(t).ListenAddrs()[0]), nil) // a broker that does not create topics by itself
	err := appendAll(t, a, numbered("nowhere", 0, 3, 1))
	var refused *AppendError
	if !errors.As(err, &refused) || refused.Message.Topic != "nowhere" || !Missing(err) || refused.TooLarge {
		t.Fatalf("got %v", err)
	}
}

func TestAppendWaitsForBytesUntilItsContextEnds(t *testing.T) {
	k := fake(t)
	c := open(t, k.ListenAddrs()[0])
	makeTopic(t, c, "shop", 1, nil)
	release := make(chan struct{})
	k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		select {
		case <-release:
		default:
			k.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	a := appenderOf(t, c, map[string]string{"buffer.memory": "100000"})
	large := func(n int) []Message {
		m := numbered("shop", 0, n, 1)
		for i := range m {
			m[i].Value = make([]byte, 1000)
		}
		return m
	}
	first, second := make(chan error, 1), make(chan error, 1)
	if err := a.Append(soon(t), large(70), func(err error) { first <- err }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if err := a.Append(ctx, large(70), func(err error) { second <- err }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a full buffer gave %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if err := appendAll(t, a, large(70)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-second:
		t.Errorf("done was called with %v of a call that was not taken", err)
	default:
	}
	ends, err := c.Admin().EndOffsets(soon(t), "shop")
	if want := (record.Offsets{{Topic: "shop"}: 140}); err != nil || fmt.Sprint(ends) != fmt.Sprint(want) {
		t.Errorf("end offsets %v, %v; want %v", ends, err, want)
	}
}

func TestCloseAnswersWhatIsInFlight(t *testing.T) {
	k := fake(t)
	c := open(t, k.ListenAddrs()[0])
	makeTopic(t, c, "shop", 1, nil)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		k.SleepControl(func() { <-stop })
		return nil, nil, false
	})
	a := appenderOf(t, c, nil)
	answer := make(chan error, 1)
	if err := a.Append(soon(t), numbered("shop", 0, 10, 1), func(err error) { answer <- err }); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	a.Close()
	select {
	case err := <-answer:
		if !errors.Is(err, ErrClosed) {
			t.Errorf("done got %v", err)
		}
	case <-soon(t).Done():
		t.Fatal("done was not called")
	}
	if err := a.Append(soon(t), numbered("shop", 0, 1, 1), func(error) {}); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close gave %v", err)
	}
}
