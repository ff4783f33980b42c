package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a process of ours. It dies with us, whatever way we end.
type child struct {
	cmd     *exec.Cmd
	logPath string
	started time.Time
	done    chan struct{} // closed when it is gone
}

// startChild runs a program with its output appended to the file logPath.
func startChild(logPath string, env []string, program string, args ...string) (*child, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(program, args...), logPath: logPath, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.SysProcAttr = detached()
	begun := make(chan error, 1)
	go func() {
		// Linux sends the death signal when the thread that started the child ends: keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		c.started = time.Now()
		err := c.cmd.Start()
		begun <- err
		if err == nil {
			_ = c.cmd.Wait() // how it ended is in cmd.ProcessState
			close(c.done)
		}
	}()
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// exited is nil while the child runs.
func (c *child) exited() error {
	select {
	case <-c.done:
		return fmt.Errorf("%s ended: %s: %s", c.cmd.Path, c.cmd.ProcessState, tail(c.logPath))
	default:
		return nil
	}
}

const stopGrace = 20 * time.Second

// stop ends the child in order, or by force when that takes too long.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-c.done:
	case <-time.After(stopGrace):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// wait waits for a child that ends by itself.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		c.stop()
		return context.Cause(ctx)
	case <-c.done:
	}
	if !c.cmd.ProcessState.Success() {
		return c.exited()
	}
	return nil
}

// tail gives the end of a log.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
