//go:build unix

package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFreePortGivesDifferentPorts(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d twice", port)
		}
		seen[port] = true
	}
}

func TestWaitForNamesWhatItWaitedForAndTheLastAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := WaitFor(ctx, "the moon", func() error {
		if tries++; tries == 3 {
			cancel()
		}
		return errors.New("not yet")
	})
	if err == nil || !strings.Contains(err.Error(), "the moon: not yet") || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := WaitFor(ctx, "nothing", func() error { return nil }); err != nil {
		t.Errorf("a check that passes: %v", err)
	}
}

func TestCacheEntryIsFilledOnceForConcurrentCallers(t *testing.T) {
	t.Setenv("LEAT_CACHE", t.TempDir())
	var mu sync.Mutex
	fills := 0
	fill := func(scratch string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		fills++
		made := filepath.Join(scratch, "made")
		return made, errors.Join(os.Mkdir(made, 0o700), os.WriteFile(filepath.Join(made, "f"), nil, 0o600))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := cached(t.Context(), "thing", fill)
			if err != nil {
				t.Error(err)
				return
			}
			info, err := os.Stat(filepath.Join(dir, "f"))
			if err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
	wg.Wait()
	if fills != 1 {
		t.Errorf("filled %d times", fills)
	}
}

func TestFailedFillLeavesNothingInTheCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("LEAT_CACHE", cache)
	broken := errors.New("broken")
	_, err := cached(t.Context(), "thing", func(string) (string, error) { return "", broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(cache + "/*"); len(left) != 1 || filepath.Base(left[0]) != "thing.lock" {
		t.Errorf("left: %v", left)
	}
}

func TestProcStatsCountCPUAndMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("figures are read from /proc")
	}
	before, err := ProcStats(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.RSS <= 0 || before.PeakRSS < before.RSS/2 {
		t.Errorf("got %+v", before)
	}
	err = WaitFor(t.Context(), "CPU time to pass", func() error {
		for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
		}
		if now, err := ProcStats(os.Getpid()); err != nil || now.CPU > before.CPU {
			return err
		}
		return errors.New("none passed")
	})
	if err != nil {
		t.Error(err)
	}
	if tree, err := TreeCPU(os.Getpid()); err != nil || tree < before.CPU {
		t.Errorf("tree %s, %v; process alone %s", tree, err, before.CPU)
	}
	if err := ResetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := ProcStats(1 << 30); err == nil {
		t.Error("a process that is not there has figures")
	}
}
