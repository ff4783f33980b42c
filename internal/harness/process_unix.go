//go:build unix && !linux

package harness

import "syscall"

// processAttributes leaves deathSignal out: only Linux has it.
func processAttributes(acc *account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: acc.credential()}
}

// descendants is known on Linux only; elsewhere PostgreSQL's own watch on its
// postmaster ends them.
func descendants(int) []int { return nil }
