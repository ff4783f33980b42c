package worker

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/record"
)

func TestPausesGrowToAMinuteAndTheStatusTellsOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last Status
		w := New(Options{Changed: func(s Status) { last = s }})
		task := newTask(w, taskID{"c", 0}, Running)
		defer task.kill()
		o := task.outage(record.Capture, "read from x")
		want := 500 * time.Millisecond
		for n := range 12 {
			start := time.Now()
			if err := o.wait(t.Context(), errors.New("away")); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d < want*8/10 || d > want*12/10 {
				t.Errorf("pause %d is %v, want about %v", n+1, d, want)
			}
			want = min(2*want, time.Minute)
		}
		if !strings.Contains(last.Trace, "waiting since 2000-01-01T00:00:00Z: read from x: away (try 12, next at ") {
			t.Errorf("trace %q", last.Trace)
		}
		o.over()
		if last.Trace != "" || last.Restarts != 12 || last.State != Running {
			t.Errorf("status after the outage: %+v", last)
		}
	})
}

func TestStopEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := newTask(New(Options{}), taskID{"c", 0}, Running)
		defer task.kill()
		time.AfterFunc(100*time.Millisecond, func() { close(task.drain) })
		start := time.Now()
		if err := task.outage(record.Capture, "x").wait(t.Context(), errors.New("away")); !errors.Is(err, errStopped) {
			t.Errorf("error %v", err)
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("ended after %v", d)
		}
	})
}
