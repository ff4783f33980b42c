package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	console "github.com/cloudhut/connect-client"
	terraform "github.com/ricardo-ch/go-kafka-connect/v3/lib/connectors"

	"leat/herder"
	"leat/herder/herdertest"
	"leat/record"
	"leat/rest/client"
	"leat/worker"
)

func TestClientOfRedpandaConsole(t *testing.T) {
	l := startLeat(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := console.NewClient(console.WithHost(l.url))
	config := map[string]any{"connector.class": "FileStreamSource", "topic": "t", "tasks.max": "1"}
	info, err := c.CreateConnector(ctx, console.CreateConnectorRequest{Name: "a->b", Config: config})
	must(t, err)
	if info.Name != "a->b" || info.Type != "source" {
		t.Errorf("created %+v", info)
	}
	eventually(t, "running", func() bool {
		st, err := c.GetConnectorStatus(ctx, "a->b")
		return err == nil && st.Connector.State == "RUNNING" && len(st.Tasks) == 1 && st.Tasks[0].State == "RUNNING"
	})
	names, err := c.ListConnectors(ctx)
	must(t, err)
	if fmt.Sprint(names) != "[a->b]" {
		t.Errorf("names %v", names)
	}
	all, err := c.ListConnectorsExpanded(ctx)
	must(t, err)
	if one := all["a->b"]; one.Info.Config["topic"] != "t" || one.Status.Connector.State != "RUNNING" {
		t.Errorf("expanded %+v", all)
	}
	config["topic"] = "u"
	_, err = c.PutConnectorConfig(ctx, "a->b", console.PutConnectorConfigOptions{Config: config})
	must(t, err)
	got, err := c.GetConnectorConfig(ctx, "a->b")
	must(t, err)
	if got["topic"] != "u" {
		t.Errorf("config %v", got)
	}
	must(t, c.PauseConnector(ctx, "a->b"))
	must(t, c.ResumeConnector(ctx, "a->b"))
	must(t, c.RestartConnector(ctx, "a->b", console.RestartConnectorOptions{IncludeTasks: true}))
	eventually(t, "task restarts", func() bool { return c.RestartConnectorTask(ctx, "a->b", 0) == nil })
	must(t, c.StopConnector(ctx, "a->b"))
	_, err = c.GetConnectorTopics(ctx, "a->b")
	must(t, err)
	must(t, c.ResetConnectorTopics(ctx, "a->b"))
	plugins, err := c.GetConnectorPlugins(ctx)
	must(t, err)
	if len(plugins) != 2 {
		t.Errorf("plug-ins %v", plugins)
	}
	v, err := c.PutValidateConnectorConfig(ctx, "FileStreamSource", console.ValidateConnectorConfigOptions{Config: map[string]any{"connector.class": "FileStreamSource"}})
	must(t, err)
	if v.ErrorCount != 2 { // name and topic
		t.Errorf("validation %+v", v)
	}
	root, err := c.GetRoot(ctx)
	must(t, err)
	if root.Version == "" {
		t.Errorf("root %+v", root)
	}
	must(t, c.DeleteConnector(ctx, "a->b"))
	if _, err := c.GetConnector(ctx, "a->b"); err == nil || !strings.Contains(err.Error(), "Connector a->b not found") {
		t.Errorf("after delete: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestClientOfTheTerraformProvider(t *testing.T) {
	l := startLeat(t, nil)
	c := terraform.NewClient(l.url)
	req := terraform.CreateConnectorRequest{
		ConnectorRequest: terraform.ConnectorRequest{Name: "c"},
		Config:           map[string]any{"connector.class": "FileStreamSink", "topics": "t", "tasks.max": "2"},
	}
	one := req.ConnectorRequest
	_, err := c.CreateConnector(req, true)
	must(t, err)
	eventually(t, "running", func() bool {
		st, err := c.GetConnectorStatus(one)
		return err == nil && st.ConnectorStatus["state"] == "RUNNING" && len(st.TasksStatus) == 2
	})
	req.Config["tasks.max"] = "1"
	_, err = c.UpdateConnector(req, true)
	must(t, err)
	fresh, err := c.IsUpToDate("c", map[string]any{"connector.class": "FileStreamSink", "topics": "t", "tasks.max": "1"})
	must(t, err)
	if !fresh {
		t.Error("not up to date after an update")
	}
	_, err = c.PauseConnector(one, true)
	must(t, err)
	_, err = c.ResumeConnector(one, true)
	must(t, err)
	_, err = c.RestartConnector(one)
	must(t, err)
	eventually(t, "one task", func() bool {
		tasks, err := c.GetAllTasks(one)
		return err == nil && len(tasks.Tasks) == 1
	})
	eventually(t, "the task has a status", func() bool { // which this client does not decode, from Connect neither
		st, err := c.GetTaskStatus(terraform.TaskRequest{Connector: "c", TaskID: 0})
		return err == nil && st.Code == 200
	})
	all, err := c.GetAll()
	must(t, err)
	if len(all.Connectors) != 1 {
		t.Errorf("all %+v", all)
	}
	_, err = c.DeleteConnector(one, true)
	must(t, err)
}

func TestOwnClientDoesEverything(t *testing.T) {
	l := startLeat(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := client.New(l.url+"/", nil)
	config := map[string]string{"connector.class": "FileStreamSource", "topic": "t", "topci": "typo"}
	_, err := c.Create(ctx, "x/y", config, "PAUSED")
	must(t, err)
	state := func(conn worker.State, tasks int) func() bool {
		return func() bool {
			st, err := c.Status(ctx, "x/y")
			return err == nil && st.Connector.State == conn && len(st.Tasks) == tasks
		}
	}
	eventually(t, "paused", state(worker.Paused, 0))
	must(t, c.Resume(ctx, "x/y"))
	eventually(t, "running", state(worker.Running, 1))
	notes, err := c.Notes(ctx, "x/y")
	must(t, err)
	if len(notes) != 1 || !strings.Contains(notes[0], "topci") {
		t.Errorf("notes %v", notes)
	}
	_, err = c.Patch(ctx, "x/y", map[string]*string{"topci": nil})
	must(t, err)
	_, created, err := c.Configure(ctx, "x/y", config)
	must(t, err)
	if created {
		t.Error("an update is no creation")
	}
	eventually(t, "the task has its config", func() bool {
		tasks, err := c.Tasks(ctx, "x/y")
		return err == nil && len(tasks) == 1 && tasks[0].Config["topci"] == "typo"
	})
	l.herder.TopicUsed("x/y", 0, "t")
	topics, err := c.Topics(ctx, "x/y")
	must(t, err)
	if fmt.Sprint(topics) != "[t]" {
		t.Errorf("topics %v", topics)
	}
	must(t, c.ResetTopics(ctx, "x/y"))
	l.worker.Fail("x/y", 0, "broken")
	failed, err := c.TaskStatus(ctx, "x/y", 0)
	must(t, err)
	if failed.State != worker.Failed || failed.Trace != "broken" || failed.Version != herdertest.Version {
		t.Errorf("task %+v", failed)
	}
	plan, err := c.RestartAll(ctx, "x/y", true)
	must(t, err)
	if plan.Connector.State != worker.Running || plan.Tasks[0].State != worker.Restarting {
		t.Errorf("plan %+v", plan)
	}
	eventually(t, "runs again", func() bool {
		st, err := c.TaskStatus(ctx, "x/y", 0)
		return err == nil && st.State == worker.Running && st.Trace == ""
	})
	must(t, c.Restart(ctx, "x/y"))
	must(t, c.RestartTask(ctx, "x/y", 0))
	must(t, c.Pause(ctx, "x/y"))
	must(t, c.Stop(ctx, "x/y"))
	eventually(t, "stopped", state(worker.Stopped, 0))
	text := func(k, v string) record.Value {
		return record.Map([]record.Entry{{Key: record.String(k), Value: record.String(v)}})
	}
	_, err = c.AlterOffsets(ctx, "x/y", []herder.Offset{{Partition: text("filename", "f"), Offset: text("position", "9")}})
	must(t, err)
	offsets, err := c.Offsets(ctx, "x/y")
	must(t, err)
	if len(offsets) != 1 || !record.Equal(offsets[0].Offset, text("position", "9")) {
		t.Errorf("offsets %v", offsets)
	}
	message, err := c.ResetOffsets(ctx, "x/y")
	must(t, err)
	if message != "The offsets for this connector have been reset successfully" {
		t.Errorf("message %s", message)
	}
	all, err := c.Expanded(ctx)
	must(t, err)
	if all["x/y"].Info.Type != "source" {
		t.Errorf("expanded %+v", all)
	}
	workerAnswers(ctx, t, c)
	must(t, c.Delete(ctx, "x/y"))
	if _, err := c.Connector(ctx, "x/y"); !client.IsNotFound(err) || err.Error() != "Connector x/y not found (HTTP 404)" {
		t.Errorf("after delete: %v", err)
	}
}

func workerAnswers(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	info, err := c.Server(ctx)
	must(t, err)
	health, err := c.Health(ctx)
	must(t, err)
	if info.Version != "0.1.0" || health.Status != "healthy" {
		t.Errorf("server %+v, health %+v", info, health)
	}
	plugins, err := c.Plugins(ctx, false)
	must(t, err)
	defs, err := c.PluginConfig(ctx, "FileStreamSink")
	must(t, err)
	v, err := c.Validate(ctx, map[string]string{"connector.class": "FileStreamSink", "name": "n", "tasks.max": "0"})
	must(t, err)
	if len(plugins) != 3 || len(defs) == 0 || len(v.Errors()["tasks.max"]) != 1 {
		t.Errorf("plug-ins %v, options %v, errors %v", plugins, defs, v.Errors())
	}
	touched, err := c.SetLogger(ctx, "x", "DEBUG")
	must(t, err)
	levels, err := c.Loggers(ctx)
	must(t, err)
	if fmt.Sprint(touched) != "[x]" || levels["x"].Level != "DEBUG" {
		t.Errorf("touched %v, levels %v", touched, levels)
	}
	if _, err := c.Do(ctx, http.MethodGet, "/nope", nil, nil); !client.IsNotFound(err) {
		t.Errorf("nope: %v", err)
	}
}
