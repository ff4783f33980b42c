package herder

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"leat/connector"
	"leat/worker"
)

func TestChangeOfOneConnectorTouchesOnlyThatOne(t *testing.T) {
	s := start(t, nil)
	s.put("a", source("t"))
	s.put("b", sink("2"))
	s.becomes("a", "RUNNING [RUNNING]")
	s.becomes("b", "RUNNING [RUNNING RUNNING]")
	s.w.Calls()
	s.put("a", source("u"))
	s.eventually(func() string { return strings.Join(s.w.Calls(), ", ") }, "")
	s.put("a", source("v"))
	s.eventually(func() string { return s.taskOption("a", "topic") }, "v")
	s.becomes("a", "RUNNING [RUNNING]")
	for _, call := range s.w.Calls() {
		if strings.Contains(call, " b ") {
			t.Errorf("b was touched: %s", call)
		}
	}
}

// taskOption is an option of a connector's first task.
func (s *suite) taskOption(name, key string) string {
	s.t.Helper()
	tasks, err := s.Tasks(soon(s.t), name)
	if err != nil || len(tasks) == 0 {
		s.t.Fatalf("tasks %v, %v", tasks, err)
	}
	return tasks[0].Config[key]
}

func TestSinkThatLosesTasksStopsThem(t *testing.T) {
	s := start(t, nil)
	s.put("c", sink("3"))
	s.becomes("c", "RUNNING [RUNNING RUNNING RUNNING]")
	s.put("c", sink("1"))
	s.becomes("c", "RUNNING [RUNNING]")
	if got := s.w.Running(); !reflect.DeepEqual(got, []string{"c-0"}) {
		t.Fatalf("tasks %v", got)
	}
}

func TestConfigThatDoesNotValidateChangesNothing(t *testing.T) {
	log := broker(t)
	s := start(t, log)
	s.put("c", source("t"))
	s.becomes("c", "RUNNING [RUNNING]")
	before := read(t, log, "connect-configs")
	s.w.Calls()
	_, _, err := s.Configure(soon(t), "c", Change{"name": ptr("c"), "connector.class": ptr("FileStreamSource")})
	if KindOf(err) != BadRequest || !strings.Contains(err.Error(), "contains the following 1 error(s):\nMissing required configuration \"topic\"") {
		t.Fatalf("err %v", err)
	}
	if _, err := s.Patch(soon(t), "c", Change{"topic": nil}); KindOf(err) != BadRequest {
		t.Fatalf("patch: %v", err)
	}
	if after := read(t, log, "connect-configs"); !reflect.DeepEqual(before, after) {
		t.Fatalf("topic changed to %v", after)
	}
	if calls := s.w.Calls(); calls != nil {
		t.Fatalf("the worker was told %v", calls)
	}
}

func TestNullValuesAreErrors(t *testing.T) {
	s := start(t, nil)
	_, _, err := s.Configure(soon(t), "c", Change{"name": ptr("c"), "connector.class": ptr("FileStreamSource"), "topic": ptr("t"), "x": nil})
	if KindOf(err) != BadRequest || !strings.Contains(err.Error(), "Null value can not be supplied as the configuration value.") {
		t.Fatalf("err %v", err)
	}
}

func TestUnknownClassNamesTheNearestOne(t *testing.T) {
	s := start(t, nil)
	_, err := s.Validate(soon(t), Change{"connector.class": ptr("FileStreamSuorceConnector")})
	if err == nil || !strings.Contains(err.Error(), "name matches FileStreamSuorceConnector, available connectors are: ") ||
		!strings.HasSuffix(err.Error(), "Did you mean FileStreamSourceConnector?") {
		t.Fatalf("err %v", err)
	}
}

func TestSinkMayNotTakeTheWorkersGroup(t *testing.T) {
	s := start(t, nil, func(o *Options) { o.Props["group.id"] = "connect-c" })
	for _, props := range []map[string]string{{"name": "c"}, {"name": "d", groupOverride: "connect-c"}} {
		for k, v := range sink("1") {
			props[k] = v
		}
		v, err := s.Validate(soon(t), ChangeTo(props))
		if err != nil || len(v.Errors()) != 1 || !strings.Contains(v.Errors()[0], "conflicts with Connect worker group connect-c") {
			t.Errorf("%v: %v, %v", props, v.Errors(), err)
		}
	}
}

func TestWorkThatCanNotBeSplitYetIsSplitLater(t *testing.T) {
	s := start(t, nil)
	var away atomic.Bool
	away.Store(true)
	s.w.TaskPropsError = func(string) error {
		if away.Load() {
			return connector.Retriablef("the database is away")
		}
		return nil
	}
	s.put("c", source("t"))
	s.eventually(func() string {
		st, _ := s.Status(soon(t), "c")
		return string(st.Connector.State) + " " + st.Connector.Trace
	}, "RUNNING waiting to split the work into tasks: the database is away")
	away.Store(false)
	s.becomes("c", "RUNNING [RUNNING]")
	st, err := s.Status(soon(t), "c")
	if err != nil || st.Connector.Trace != "" {
		t.Fatalf("trace %q, %v", st.Connector.Trace, err)
	}
}

func TestWorkThatNeedsAPersonFailsUntilRestartOrChange(t *testing.T) {
	s := start(t, nil)
	var wrong atomic.Bool
	s.w.TaskPropsError = func(string) error {
		if wrong.Load() {
			return errors.New("no such table")
		}
		return nil
	}
	s.put("c", source("t"))
	s.becomes("c", "RUNNING [RUNNING]")
	wrong.Store(true)
	s.put("c", source("u"))
	s.becomes("c", "FAILED [RUNNING]") // the tasks of the last good config go on
	wrong.Store(false)
	if err := s.Restart(soon(t), "c"); err != nil {
		t.Fatal(err)
	}
	s.eventually(func() string { return s.taskOption("c", "topic") }, "u")
	s.becomes("c", "RUNNING [RUNNING]")
}

func TestRestartsTouchWhatWasAskedFor(t *testing.T) {
	all := []string{"start c RUNNING", "start-task c 0 RUNNING", "start-task c 1 RUNNING"}
	for _, c := range []struct {
		name    string
		fail    []int
		restart func(s *suite) error
		want    []string
	}{
		{"the connector alone", nil, func(s *suite) error { return s.Restart(soon(s.t), "c") }, all[:1]},
		{"one task", nil, func(s *suite) error { return s.RestartTask(soon(s.t), "c", 1) }, all[2:]},
		{"connector and tasks", nil, restartAll(true, false), all},
		{"only the failed task", []int{1}, restartAll(true, true), all[2:]},
		{"only the failed connector", []int{worker.ConnectorTask, 0}, restartAll(false, true), all[:1]},
		{"all that failed", []int{worker.ConnectorTask, 0}, restartAll(true, true), all[:2]},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, nil)
			s.put("c", sink("2"))
			s.becomes("c", "RUNNING [RUNNING RUNNING]")
			for _, task := range c.fail {
				s.w.Fail("c", task, "broken")
			}
			s.w.Calls()
			if err := c.restart(s); err != nil {
				t.Fatal(err)
			}
			var got []string
			s.eventually(func() string {
				got = append(got, s.w.Calls()...)
				slices.Sort(got)
				return strings.Join(got, ", ")
			}, strings.Join(c.want, ", "))
		})
	}
}

func restartAll(tasks, onlyFailed bool) func(*suite) error {
	return func(s *suite) error {
		_, err := s.RestartAll(soon(s.t), "c", RestartRequest{tasks, onlyFailed})
		return err
	}
}

func TestConnectorMadeAnewIsANewOne(t *testing.T) {
	s := start(t, nil)
	s.put("c", sink("2"))
	s.becomes("c", "RUNNING [RUNNING RUNNING]")
	s.TopicUsed("c", 0, "t")
	for range 20 {
		if err := s.Delete(soon(t), "c"); err != nil {
			t.Fatal(err)
		}
		s.put("c", sink("2"))
	}
	s.eventually(func() string {
		topics, err := s.Topics(soon(t), "c")
		return fmt.Sprint(topics, err)
	}, "[] <nil>")
	s.becomes("c", "RUNNING [RUNNING RUNNING]")
	if got := s.w.Running(); !reflect.DeepEqual(got, []string{"c-0", "c-1"}) {
		t.Fatalf("tasks %v", got)
	}
}

func TestLateStatesOfWhatIsGoneAreDropped(t *testing.T) {
	s := start(t, nil)
	s.put("c", source("t"))
	s.becomes("c", "RUNNING [RUNNING]")
	if err := s.Delete(soon(t), "c"); err != nil {
		t.Fatal(err)
	}
	s.becomes("c", "")
	s.Changed(statusOf("c", 0, worker.Failed, "late"))
	s.Changed(statusOf("c", worker.ConnectorTask, worker.Unassigned, ""))
	if got := s.shape("c"); got != "" {
		t.Fatalf("status %s", got)
	}
}

func TestPatchOfAConfigThatChangedMeanwhileIsAConflict(t *testing.T) {
	s := start(t, nil)
	s.put("c", source("t"))
	var done atomic.Bool
	s.w.Validating = func() {
		if done.CompareAndSwap(false, true) {
			s.put("c", source("other"))
		}
	}
	_, err := s.Patch(soon(t), "c", Change{"topic": ptr("mine")})
	if KindOf(err) != Conflict {
		t.Fatalf("patch: %v", err)
	}
	if info, err := s.Connector(soon(t), "c"); err != nil || info.Config["topic"] != "other" {
		t.Fatalf("config %v, %v", info.Config, err)
	}
	if _, err := s.Patch(soon(t), "none", Change{}); KindOf(err) != NotFound {
		t.Fatalf("patch of none: %v", err)
	}
}

func TestSecretsAreNeitherLoggedNorInErrors(t *testing.T) {
	const secret = "hunter2"
	s := start(t, nil)
	props := source("t")
	props["secret"], props["database.password"] = secret, secret
	s.put("c", props)
	s.becomes("c", "RUNNING [RUNNING]")
	_, _, err := s.Configure(soon(t), "d", Change{"name": ptr("d"), "password": ptr(secret)})
	_, _, err2 := s.Configure(soon(t), "d", Change{"name": ptr("d"), "connector.class": ptr("Nope"), "password": ptr(secret)})
	_, _, err3 := s.Configure(soon(t), "d", Change{"name": ptr("d"), "connector.class": ptr("FileStreamSource"), "secret": ptr(secret)})
	for _, text := range []string{err.Error(), err2.Error(), err3.Error(), s.logs.String()} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret in %q", text)
		}
	}
	// What was put is given back: a cluster is handed over by it.
	if info, err := s.Connector(soon(t), "c"); err != nil || info.Config["secret"] != secret {
		t.Errorf("config %v, %v", info, err)
	}
}

func TestTopicTrackingCanBeSwitchedOff(t *testing.T) {
	off := start(t, nil, func(o *Options) { o.Props["topic.tracking.enable"] = "false" })
	if _, err := off.Topics(soon(t), "c"); KindOf(err) != Forbidden || err.Error() != "Topic tracking is disabled." {
		t.Errorf("topics: %v", err)
	}
	kept := start(t, nil, func(o *Options) { o.Props["topic.tracking.allow.reset"] = "false" })
	if err := kept.ResetTopics(soon(t), "c"); KindOf(err) != Forbidden || err.Error() != "Topic tracking reset is disabled." {
		t.Errorf("reset: %v", err)
	}
}

func TestRequestsBeforeReadyWaitAndEndWithTheirContext(t *testing.T) {
	s := start(t, nil)
	h := New(s.opts)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Connectors(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("connectors: %v", err)
	}
	if h.Ready() || h.Stage() != "awaiting startup" {
		t.Errorf("ready %v, stage %q", h.Ready(), h.Stage())
	}
}

func TestRequestsAfterTheEndAreRefused(t *testing.T) {
	s := start(t, nil)
	s.put("c", source("t"))
	s.becomes("c", "RUNNING [RUNNING]")
	s.stop()
	if err := s.Restart(soon(t), "c"); err == nil || err.Error() != "Worker is shutting down" {
		t.Fatalf("restart: %v", err)
	}
}
