package harness

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CacheDir is where fetched servers are kept: $LEAT_CACHE, else leat in the
// user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("LEAT_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: %w (set LEAT_CACHE)", err)
	}
	return filepath.Join(dir, "leat"), nil
}

// cached gives the folder name of the cache. When it is not there yet, fill
// makes it: fill gets an empty scratch folder and returns the folder inside it
// that becomes the entry. Of several processes one fills and the others wait;
// an entry is there as a whole or not at all.
func cached(ctx context.Context, name string, fill func(scratch string) (string, error)) (string, error) {
	root, err := CacheDir()
	if err != nil {
		return "", err
	}
	entry := filepath.Join(root, name)
	if isDir(entry) {
		return entry, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("cache directory: %w (set LEAT_CACHE to a folder that can be written)", err)
	}
	held, err := lock(ctx, entry+".lock")
	if err != nil {
		return "", err
	}
	defer held.Close()
	if isDir(entry) {
		return entry, nil
	}
	scratch, err := os.MkdirTemp(root, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	made, err := fill(scratch)
	if err != nil {
		return "", err
	}
	if err := openToAll(made); err != nil {
		return "", err
	}
	return entry, os.Rename(made, entry)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openToAll lets every user read the tree, whatever the umask was: the server
// may run as another user.
func openToAll(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}

// mirrorTree makes the tree from anew at to: hard links where the file system
// allows them, else copies.
func mirrorTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			return os.Chmod(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		default:
			return linkOrCopy(path, target)
		}
	})
}

func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chmod(to, info.Mode().Perm())
}
