package main

import "syscall"

// detached puts a child into a process group of its own, so that Ctrl-C reaches only us, and lets it die with us.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
