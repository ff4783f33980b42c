//go:build !linux

package main

import "syscall"

// detached: only Linux lets a child die with us, and only there are the figures of a process to be had.
func detached() *syscall.SysProcAttr { return nil }
