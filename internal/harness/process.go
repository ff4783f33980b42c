package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child of ours in a process group of its own, so that a Ctrl-C in
// the terminal reaches us and not it.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child is gone
}

// startProcess starts cmd with its output appended to the file logPath. The
// child gets deathSignal when this process dies, where the system can do that.
func startProcess(cmd *exec.Cmd, acc *account, deathSignal syscall.Signal, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = processAttributes(acc, deathSignal)
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the child and ends when the child does. It keeps its thread all
// that time: Linux sends the death signal when the thread that started the child
// ends, which may be long before the process does.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer p.log.Close()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // the exit code is in cmd.ProcessState; the log says more
	close(p.done)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// exited is nil while the child runs.
func (p *process) exited() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %s", p.cmd.Path, p.cmd.ProcessState)
	default:
		return nil
	}
}

// end sends sig and waits until the child is gone; when grace has passed or ctx
// ends, the whole process group is killed.
func (p *process) end(ctx context.Context, sig syscall.Signal, grace time.Duration) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s to %s (pid %d): %w", sig, p.cmd.Path, p.pid(), err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-ctx.Done():
	case <-timer.C:
	}
	killGroup(p.pid())
	<-p.done
	return nil
}
