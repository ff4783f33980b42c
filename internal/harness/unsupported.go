//go:build !unix

package harness

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// Servers are started on Unix only: their account, process group and file locks
// have no counterpart here. unsupported is what the exported functions give.
var errUnsupported = errors.New("servers are started on Unix only; point leat at a server that runs")

type account struct{ name string }

func unprivileged() *account         { return nil }
func (*account) own(string) error    { return errUnsupported }
func (*account) reaches(string) bool { return false }
func killGroup(pid int)              { killProcess(pid) }
func descendants(int) []int          { return nil }
func alive(int) bool                 { return false }

func killProcess(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func processAttributes(*account, syscall.Signal) *syscall.SysProcAttr { return nil }

var errLocked = errors.New("in use by another process")

func tryLock(string) (*os.File, error)               { return nil, errUnsupported }
func lock(context.Context, string) (*os.File, error) { return nil, errUnsupported }
