package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// javaServer is a JVM of ours with a working directory: what Kafka and Connect
// share.
type javaServer struct {
	name  string // for errors
	heap  string
	jars  string
	class string
	dir   *workdir
	ready func(context.Context) error

	mu   sync.Mutex
	proc *process // nil when down
}

// javaStartLimit bounds a start; a JVM on a busy machine takes its time.
const javaStartLimit = 3 * time.Minute

func findJava() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java"), nil
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return "", &UnavailableError{What: "Java", Err: errors.New("java is not installed"), Hint: "install a JDK 17 or newer, or set JAVA_HOME"}
	}
	return java, nil
}

// java gives the command that runs a class of the server's jars, with the flags
// of Kafka's own start scripts.
func (s *javaServer) java(ctx context.Context, class string, args ...string) (*exec.Cmd, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	flags := []string{"-Xms256m", "-Xmx" + s.heap, "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
		"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
		"-Dlog4j2.configurationFile=" + s.dir.file("log4j2.xml"), "-Djava.awt.headless=true",
		"-cp", s.jars + "/*", class}
	cmd := exec.CommandContext(ctx, java, append(flags, args...)...)
	cmd.Dir = s.dir.path
	return cmd, nil
}

// run runs a tool of the jars to its end.
func (s *javaServer) run(ctx context.Context, class string, args ...string) error {
	cmd, err := s.java(ctx, class, args...)
	if err != nil {
		return err
	}
	cmd.SysProcAttr = processAttributes(nil, syscall.SIGKILL)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %s: %w: %s", s.name, class, err, strings.Join(strings.Fields(out.String()), " "))
	}
	return nil
}

// configure writes the server's properties and the layout of its log.
func (s *javaServer) configure(settings, more map[string]string, logLevel string) error {
	all := maps.Clone(settings)
	maps.Copy(all, more)
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s\n", key, escape.Replace(all[key]))
	}
	return errors.Join(
		os.WriteFile(s.propertiesPath(), []byte(b.String()), 0o600),
		os.WriteFile(s.dir.file("log4j2.xml"), []byte(`<Configuration status="WARN"><Appenders><Console name="C" target="SYSTEM_OUT">
<PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>
<Loggers><Root level="`+logLevel+`"><AppenderRef ref="C"/></Root></Loggers></Configuration>
`), 0o600))
}

func (s *javaServer) propertiesPath() string { return s.dir.file("server.properties") }

// LogPath is the file with the server's log.
func (s *javaServer) LogPath() string { return s.dir.file("log") }

// PID is the server's process id, 0 when it is down.
func (s *javaServer) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.pid()
}

// Up starts a server that is down, on the same port and data, and returns when
// it answers.
func (s *javaServer) Up(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up(ctx)
}

func (s *javaServer) up(ctx context.Context) error {
	if s.dir == nil {
		return fmt.Errorf("this %s was stopped for good", s.name)
	}
	if s.proc != nil {
		return nil
	}
	cmd, err := s.java(context.Background(), s.class, s.propertiesPath())
	if err != nil {
		return err
	}
	proc, err := startProcess(cmd, nil, syscall.SIGKILL, s.LogPath())
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, javaStartLimit, fmt.Errorf("limit of %s", javaStartLimit))
	defer cancel()
	err = WaitFor(limited, s.name+" to answer", func() error {
		if err := proc.exited(); err != nil {
			cancel()
			return err
		}
		return s.ready(limited)
	})
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %s", err, logTail(s.LogPath())),
			proc.end(context.Background(), syscall.SIGKILL, stopGrace))
	}
	s.proc = proc
	return nil
}

// Down ends the server and leaves its data, for Up: Fast in order, the other
// modes by SIGKILL.
func (s *javaServer) Down(ctx context.Context, mode StopMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down(ctx, mode)
}

func (s *javaServer) down(ctx context.Context, mode StopMode) error {
	if s.proc == nil {
		return nil
	}
	proc := s.proc
	s.proc = nil
	if mode == Fast {
		return proc.end(ctx, syscall.SIGTERM, stopGrace)
	}
	return proc.end(ctx, syscall.SIGKILL, stopGrace)
}

// Restart is Down and Up.
func (s *javaServer) Restart(ctx context.Context, mode StopMode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.down(ctx, mode); err != nil {
		return err
	}
	return s.up(ctx)
}

// Stop ends the server for good and removes its directory unless the caller
// named it. A second Stop does nothing.
func (s *javaServer) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == nil {
		return nil
	}
	mode := Crash
	if s.dir.keep {
		mode = Fast
	}
	err := s.down(context.Background(), mode)
	err = errors.Join(err, s.dir.close())
	s.dir = nil
	return err
}
