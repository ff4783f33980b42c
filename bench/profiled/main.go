// Profiled is leat with a port for CPU and heap profiles, for bench -profile. The address is in LEAT_BENCH_PROFILE; it has Go's usual
// /debug/pprof, and /start and /stop around one CPU profile, whose length need not be known when it begins.
package main

import (
	"fmt"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime/pprof"
	"sync"

	"leat/internal/cli"
)

func main() {
	var window cpuWindow
	http.HandleFunc("/start", window.start)
	http.HandleFunc("/stop", window.stop)
	go func() {
		if err := http.ListenAndServe(os.Getenv("LEAT_BENCH_PROFILE"), nil); err != nil {
			fmt.Fprintln(os.Stderr, "profiled: LEAT_BENCH_PROFILE:", err)
			os.Exit(1)
		}
	}()
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// cpuWindow writes a CPU profile of what happens between two requests.
type cpuWindow struct {
	mu   sync.Mutex
	file *os.File
}

func (w *cpuWindow) start(res http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	file, err := os.Create(req.FormValue("file"))
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		http.Error(res, err.Error(), http.StatusInternalServerError)
		return
	}
	w.file = file
}

func (w *cpuWindow) stop(res http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		http.Error(res, "no profile was started", http.StatusConflict)
		return
	}
	pprof.StopCPUProfile()
	if err := w.file.Close(); err != nil {
		http.Error(res, err.Error(), http.StatusInternalServerError)
	}
	w.file = nil
}
