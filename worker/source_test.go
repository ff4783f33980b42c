package worker

import (
	"strconv"
	"testing"
)

var tapeProps = map[string]string{"connector.class": "TapeSource"}

func TestSourceWritesAllInOrderAndStoresThePosition(t *testing.T) {
	s := &tape{rows: 1000, keys: 7, perBatch: 13, topic: "t"}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	eventually(t, "all stored", func() bool { return r.stored() == 1000 })
	r.stop()
	messages := r.topic("t")
	if len(messages) != 1000 {
		t.Fatalf("%d messages, want 1000", len(messages))
	}
	for i, m := range messages {
		if string(m.Value) != strconv.Itoa(i) || string(m.Key) != `"k`+strconv.Itoa(i%7)+`"` {
			t.Fatalf("message %d is %s: %s", i, m.Key, m.Value)
		}
	}
	if s.confirm[len(s.confirm)-1] != 1000 {
		t.Errorf("confirmed to the source: %v", s.confirm)
	}
	r.awaitState(Unassigned)
}
