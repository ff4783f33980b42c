package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// workdir is the folder of one server: its data, log and configuration. It is
// locked while we live, so that another process can tell whether it is in use.
type workdir struct {
	path string
	keep bool // the caller named it: it stays after Stop
	lock *os.File
}

const workdirPrefix = "leat-server-"

// openWorkdir takes the folder named, or makes a temporary one that acc can
// reach.
func openWorkdir(named string, acc *account) (*workdir, error) {
	path, keep := named, named != ""
	if keep {
		abs, err := filepath.Abs(named)
		if err != nil {
			return nil, err
		}
		path = abs
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
	} else {
		base, err := temporaryBase(acc)
		if err != nil {
			return nil, err
		}
		removeAbandoned(base)
		if path, err = os.MkdirTemp(base, workdirPrefix); err != nil {
			return nil, err
		}
		if err := os.Chmod(path, 0o755); err != nil {
			return nil, err
		}
	}
	if !acc.reaches(path) {
		return nil, fmt.Errorf("directory %s: user %s, which the server runs as, cannot enter it (choose a folder below /tmp, or chmod o+x the folders above it)", path, acc.name)
	}
	held, err := tryLock(filepath.Join(path, "lock"))
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", path, err)
	}
	return &workdir{path: path, keep: keep, lock: held}, nil
}

func (w *workdir) file(name string) string { return filepath.Join(w.path, name) }

// close gives the folder up and removes it if it is ours.
func (w *workdir) close() error {
	var err error
	if !w.keep {
		err = os.RemoveAll(w.path)
	}
	return errors.Join(err, w.lock.Close())
}

// temporaryBase is the first folder for temporary files that acc can reach:
// root's own TMPDIR may be closed to others.
func temporaryBase(acc *account) (string, error) {
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if isDir(dir) && acc.reaches(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no folder for temporary files that user %s can enter (set TMPDIR)", acc.name)
}

// removeAbandoned removes folders whose owner was killed. A folder younger than
// a minute may be one whose owner has yet to lock it.
func removeAbandoned(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, workdirPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Stat(filepath.Join(dir, "lock"))
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if held, err := tryLock(filepath.Join(dir, "lock")); err == nil {
			_ = os.RemoveAll(dir) // best effort: it may be another user's
			held.Close()
		}
	}
}
