package metrics

import (
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func scrape(t *testing.T, r *Registry) string {
	t.Helper()
	rec := httptest.NewRecorder()
	r.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil || rec.Code != 200 {
		t.Fatalf("GET /metrics: %d %v\n%s", rec.Code, err, body)
	}
	return string(body)
}

func TestTableHasOneNamePerSeriesAndIsWellFormed(t *testing.T) {
	valid := regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	seen := map[string]bool{}
	for _, a := range Table() {
		if !valid.MatchString(a.Name) || a.Help == "" {
			t.Errorf("malformed entry %+v", a)
		}
		if seen[a.Name] {
			t.Errorf("%s is declared twice", a.Name)
		}
		seen[a.Name] = true
		if a.Type == "counter" && strings.HasPrefix(a.Name, "leat_") && !strings.HasSuffix(a.Name, "_total") {
			t.Errorf("counter %s does not end in _total", a.Name)
		}
	}
}

func TestTaskMetricsAreExportedWithKafkasNamesUntilTheScopeCloses(t *testing.T) {
	r := New()
	s := r.Task("pg", 0)
	s.Counter(SourceRecordPoll).Add(7)
	s.Counter(StageErrors, "encode").Add(2)
	s.Text(TaskStatus).Set("running")
	s.GaugeFunc(SinkRecordLagMax, func() float64 { return 42 })
	s.Distribution(BatchSize).Observe(10)
	s.Distribution(BatchSize).Observe(30)
	s.Outcome(OffsetCommit).Success()
	s.Outcome(OffsetCommit).Failure()
	shop := map[string]string{"plugin": "postgres", "name": "shop"}
	if !s.Func("debezium_metrics_MilliSecondsBehindSource", func() float64 { return 1500 }, shop) ||
		!s.Func("debezium_metrics_TotalNumberOfEventsSeen", func() float64 { return 9 }, shop) || s.Func("nothing", nil, nil) {
		t.Error("functions are not taken by the names of the table")
	}
	body := scrape(t, r)
	for _, want := range []string{
		`kafka_connect_source_task_metrics_source_record_poll_total{connector="pg",task="0"} 7`,
		`leat_stage_errors_total{connector="pg",stage="encode",task="0"} 2`,
		`kafka_connect_connector_task_metrics_status{connector="pg",status="running",task="0"} 1`,
		`kafka_connect_sink_task_metrics_sink_record_lag_max{connector="pg",task="0"} 42`,
		`kafka_connect_connector_task_metrics_batch_size_avg{connector="pg",task="0"} 20`,
		`kafka_connect_connector_task_metrics_batch_size_max{connector="pg",task="0"} 30`,
		`kafka_connect_connector_task_metrics_offset_commit_success_percentage{connector="pg",task="0"} 0.5`,
		`debezium_metrics_MilliSecondsBehindSource{connector="pg",context="streaming",name="shop",plugin="postgres",task="0"} 1500`,
		`# TYPE debezium_metrics_TotalNumberOfEventsSeen counter`,
		`# TYPE kafka_connect_source_task_metrics_source_record_poll_total counter`,
		`go_goroutines`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("GET /metrics lacks %s", want)
		}
	}
	s.Close()
	if body := scrape(t, r); strings.Contains(body, `connector="pg"`) {
		t.Error("metrics of a closed scope are still exported")
	}
}

func TestEveryMetricOfTheTableCanBeServed(t *testing.T) {
	r := New()
	scopes := map[int]*Scope{0: r.Worker(), 1: r.Connector("c"), 2: r.Task("c", 1)}
	for _, m := range table {
		s, more := scopes[min(len(m.labels), 2)], []string(nil)
		for i := 2; i < len(m.labels); i++ {
			more = append(more, "x")
		}
		switch m.kind {
		case kindCounter:
			s.Counter(CounterMetric{m}, more...).Add(1)
		case kindGauge:
			s.Gauge(GaugeMetric{m}, more...).Set(1)
		case kindText:
			s.Text(TextMetric{m}, more...).Set("x")
		case kindDistribution:
			s.Distribution(DistributionMetric{m}, more...).Observe(1)
		case kindOutcome:
			s.Outcome(OutcomeMetric{m}, more...).Success()
		}
	}
	body := scrape(t, r)
	for _, a := range Table() {
		if !strings.Contains(body, "# HELP "+a.Name+" ") {
			t.Errorf("%s is not served", a.Name)
		}
	}
}

func TestReadingBackByEitherName(t *testing.T) {
	r := New()
	r.Task("c", 3).Counter(TotalRetries).Add(5)
	for _, name := range []string{"task-error-metrics:total-retries", "kafka_connect_task_error_metrics_total_retries"} {
		if v, ok := r.Value(name, "c", "3"); !ok || v != 5 {
			t.Errorf("%s = %v, %v", name, v, ok)
		}
	}
	if _, ok := r.Value("task-error-metrics:total-retries", "c", "4"); ok {
		t.Error("a task that does not exist has metrics")
	}
}

func TestNewScopeOfTheSameTaskReplacesTheOldOneAndOutlivesIt(t *testing.T) {
	r := New()
	former, next := r.Task("c", 0), (*Scope)(nil)
	former.Counter(SinkRecordRead).Add(100)
	next = r.Task("c", 0)
	next.Counter(SinkRecordRead).Add(1)
	former.Counter(SinkRecordRead).Add(100)
	former.Close()
	if v, ok := r.Value("sink-task-metrics:sink-record-read-total", "c", "0"); !ok || v != 1 {
		t.Errorf("got %v, %v; want 1 of the new scope", v, ok)
	}
}

func TestAverageMaximumAndRateForgetWhatIsOlderThanTheWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		s := r.Task("c", 0)
		c, d := s.Counter(SinkRecordSend), s.Distribution(PutBatchTime)
		read := func(name string) float64 {
			v, ok := r.Value("sink-task-metrics:"+name, "c", "0")
			if !ok {
				t.Fatalf("%s is missing", name)
			}
			return v
		}
		c.Add(300)
		d.Observe(80)
		if got := read("sink-record-send-rate"); got != 10 {
			t.Errorf("rate after 300 at once is %v, want 10 over the window of 30 s", got)
		}
		time.Sleep(40 * time.Second)
		d.Observe(20)
		if avg, most := read("put-batch-avg-time-ms"), read("put-batch-max-time-ms"); avg != 50 || most != 80 {
			t.Errorf("avg %v max %v, want 50 and 80", avg, most)
		}
		time.Sleep(40 * time.Second)
		if avg, most := read("put-batch-avg-time-ms"), read("put-batch-max-time-ms"); avg != 20 || most != 20 {
			t.Errorf("after the first window avg %v max %v, want 20 and 20", avg, most)
		}
		time.Sleep(time.Hour)
		if rate, total := read("sink-record-send-rate"), read("sink-record-send-total"); rate != 0 || total != 300 {
			t.Errorf("after an hour rate %v total %v, want 0 and 300", rate, total)
		}
	})
}

func TestNilRegistryCountsNothingAndDoesNotPanic(t *testing.T) {
	var r *Registry
	s := r.Task("c", 0)
	s.Counter(SinkRecordRead).Add(1)
	s.Gauge(InFlightBytes).Set(1)
	s.GaugeFunc(SinkRecordLagMax, func() float64 { return 1 })
	s.Text(TaskStatus).Set("x")
	s.Distribution(BatchSize).Since(time.Now())
	s.Outcome(OffsetCommit).Failure()
	s.Close()
}

func TestConcurrentUseAndScrape(t *testing.T) {
	r := New()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				s := r.Task("c", i)
				s.Counter(SourceRecordWrite).Add(1)
				s.Gauge(MilliSecondsBehindSource, "postgres", Streaming, "p").Set(1)
				r.Samples()
				s.Close()
			}
		})
	}
	wg.Wait()
	scrape(t, r)
}

func BenchmarkCountABatch(b *testing.B) {
	s := New().Task("c", 0)
	c, d := s.Counter(SourceRecordPoll), s.Distribution(BatchSize)
	b.ReportAllocs()
	for b.Loop() {
		c.Add(2048)
		d.Observe(2048)
	}
}
