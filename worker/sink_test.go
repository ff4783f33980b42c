package worker

import (
	"strconv"
	"testing"

	"leat/kafka"
)

var shelfProps = map[string]string{"connector.class": "shelf", "topics": "t"}

func numbers(n int) []kafka.Message {
	out := make([]kafka.Message, n)
	for i := range out {
		out[i] = kafka.Message{Key: []byte(`"k"`), Value: []byte(strconv.Itoa(i))}
	}
	return out
}

func TestSinkDeliversAllInOrderAndCommits(t *testing.T) {
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(1200)...)
	r.start(shelfProps)
	eventually(t, "all delivered", func() bool { return len(s.values()) == 1200 })
	eventually(t, "all committed", func() bool { return r.committed("t") == 1200 })
	r.stop()
	for i, v := range s.values() {
		if v != strconv.Itoa(i) {
			t.Fatalf("value %d is %s", i, v)
		}
	}
}
