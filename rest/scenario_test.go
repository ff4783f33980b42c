package rest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// connectURL runs the scenarios against a real Connect worker, or any other, instead of leat with a worker for tests.
var connectURL = flag.String("connect", "", "address of a Kafka Connect worker to judge the scenarios by")

// step is one request and its answer. In a scenario file:
//
//	> METHOD PATH [BODY]      a request; ~> asks again until the answer is right
//	< STATUS [JSON]           what both systems answer
//	<leat STATUS [JSON]       where they differ, leat's answer and …
//	<connect STATUS [JSON]    … Connect's, with the reason in a comment above
//
// In the expected JSON the text "*" stands for anything, one that ends in * for what begins so, and "**" as a member name for any further members.
type step struct {
	line   int
	until  bool
	method string
	path   string
	body   string
	want   map[string]answer // by "", leat, connect
}

type answer struct {
	status int
	body   string
}

func readScenario(t *testing.T, path string) []*step {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []*step
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		mark, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		switch {
		case mark == "" || strings.HasPrefix(mark, "#"):
		case mark == ">" || mark == "~>":
			s := &step{line: n, until: mark == "~>", want: map[string]answer{}}
			s.method, rest, _ = strings.Cut(rest, " ")
			s.path, s.body, _ = strings.Cut(rest, " ")
			steps = append(steps, s)
		case strings.HasPrefix(mark, "<") && len(steps) > 0:
			status, body, _ := strings.Cut(rest, " ")
			code, err := strconv.Atoi(status)
			if err != nil {
				t.Fatalf("%s:%d: not a status: %s", path, n, status)
			}
			steps[len(steps)-1].want[mark[1:]] = answer{code, body}
		default:
			t.Fatalf("%s:%d: not a step", path, n)
		}
	}
	return steps
}

func TestScenariosAnswerAsConnectDoes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			base, system := *connectURL, "connect"
			if base == "" {
				base, system = startLeat(t, nil).url, "leat"
			}
			for _, s := range readScenario(t, file) {
				want, ok := s.want[system]
				if !ok {
					want, ok = s.want[""]
				}
				if !ok {
					t.Fatalf("%s:%d: no answer for %s", file, s.line, system)
				}
				if err := s.run(base, want); err != nil {
					t.Fatalf("%s:%d: %s %s: %v", file, s.line, s.method, s.path, err)
				}
			}
		})
	}
}

func (s *step) run(base string, want answer) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := s.once(base, want)
		if err == nil || !s.until || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *step) once(base string, want answer) error {
	req, err := http.NewRequest(s.method, base+s.path, strings.NewReader(s.body))
	if err != nil {
		return err
	}
	if s.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != want.status {
		return fmt.Errorf("status %d, want %d; body %s", res.StatusCode, want.status, got)
	}
	if want.body == "" {
		if len(got) > 0 {
			return fmt.Errorf("body %s, want none", got)
		}
		return nil
	}
	w, err := parseJSON([]byte(want.body))
	if err != nil {
		return fmt.Errorf("expected body: %w", err)
	}
	g, err := parseJSON(got)
	if err != nil {
		return fmt.Errorf("body %s: %w", got, err)
	}
	if err := alike("", w, g); err != nil {
		return fmt.Errorf("%w\n got %s\nwant %s", err, got, want.body)
	}
	return nil
}

func parseJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// alike compares an answer with what is expected of it.
func alike(at string, want, got any) error {
	switch w := want.(type) {
	case string:
		g, isText := got.(string)
		prefix, open := strings.CutSuffix(w, "*")
		if w == "*" || open && isText && strings.HasPrefix(g, prefix) || isText && g == w {
			return nil
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for k, v := range w {
			if k == "**" {
				continue
			}
			if _, there := g[k]; !there {
				return fmt.Errorf("%s.%s is missing", at, k)
			}
			if err := alike(at+"."+k, v, g[k]); err != nil {
				return err
			}
		}
		if _, open := w["**"]; !open && len(g) != len(w) {
			return fmt.Errorf("%s has members that are not expected", at)
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if err := alike(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s is %v, want %v", at, got, want)
}
