// Package arch keeps the architecture: who may import whom, which libraries there are and why, sizes, doc comments, and that
// ARCHITECTURE.md is the map of what is there. Its failures are sentences.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root            = "../.."
	maxFileLines    = 800
	maxPackageLines = 4000
)

// source is one Go file of the tree.
type source struct {
	dir, name string // "source/postgres", "slot.go"
	lines     int
	imports   []string
	doc       bool
	test      bool
	generated bool
}

func tree(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); file != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(file, ".go") {
			s, err := parse(file)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(file string) (source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return source{}, err
	}
	s := source{
		dir: path.Dir(filepath.ToSlash(rel)), name: path.Base(rel), lines: strings.Count(string(text), "\n"), doc: f.Doc != nil,
		test:      strings.HasSuffix(file, "_test.go"),
		generated: strings.Contains(string(text[:min(len(text), 200)]), "DO NOT EDIT"),
	}
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

func TestImportsFollowTheWayOfARow(t *testing.T) {
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		for _, imp := range s.imports {
			to, ours := strings.CutPrefix(imp, "leat/")
			if !ours {
				continue
			}
			r := ruleOf(s.dir)
			if r == nil {
				t.Errorf("%s has no import rule: add its tree to the table in internal/arch/rules_test.go", s.dir)
				break
			}
			if !r.allows(s.dir, to) {
				t.Errorf("%s/%s imports %s: %s", s.dir, s.name, to, r.why)
			}
		}
	}
}

func TestDriversStayInTheirFamily(t *testing.T) {
	for _, s := range tree(t) {
		if s.test || strings.HasSuffix(s.dir, "test") {
			continue
		}
		for _, imp := range s.imports {
			if strings.HasPrefix(imp, "leat/") || !strings.Contains(strings.Split(imp, "/")[0], ".") {
				continue
			}
			lib := libraryOf(imp)
			if lib == nil {
				t.Errorf("%s/%s imports %s, which is not among the libraries in internal/arch/rules_test.go: a new dependency is a line there with its reason", s.dir, s.name, imp)
				continue
			}
			if !slices.ContainsFunc(lib.families, func(f string) bool { return under(s.dir, f) }) {
				t.Errorf("%s/%s imports %s, which belongs to %s only: %s", s.dir, s.name, imp, strings.Join(lib.families, ", "), lib.why)
			}
		}
	}
}

func TestFilesAndPackagesStaySmall(t *testing.T) {
	sizes := map[string]int{}
	for _, s := range tree(t) {
		if s.generated {
			continue
		}
		if s.lines > maxFileLines {
			t.Errorf("%s/%s has %d lines, more than %d: split it by idea", s.dir, s.name, s.lines, maxFileLines)
		}
		if !s.test {
			sizes[s.dir] += s.lines
		}
	}
	for dir, n := range sizes {
		if n > maxPackageLines && !(larger[dir].why != "" && n <= larger[dir].lines) {
			t.Errorf("%s has %d lines, more than %d: it has more than one idea", dir, n, maxPackageLines)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]bool{}
	for _, s := range tree(t) {
		if !s.test || s.doc {
			packages[s.dir] = true
		}
		if s.doc {
			documented[s.dir] = true
		}
	}
	for dir := range packages {
		if !documented[dir] {
			t.Errorf("%s has no package comment: say what it is, what it guarantees and its limits", dir)
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	bad := []string{"util", "utils", "common", "helpers", "helper", "base", "misc", "v2", "poc", "mocks", "shared"}
	for _, s := range tree(t) {
		for _, part := range strings.Split(s.dir, "/") {
			if slices.Contains(bad, part) {
				t.Errorf("%s: %q says nothing about what is in it", s.dir, part)
			}
		}
	}
}

func TestTheMapIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := mapOf(string(text))
	packages := map[string]bool{}
	for _, s := range tree(t) {
		if !s.test || s.dir == "internal/arch" || s.dir == "e2e" || s.dir == "bench" {
			packages[s.dir] = true
		}
	}
	for dir := range packages {
		if n := listed[dir]; n != 1 {
			t.Errorf("ARCHITECTURE.md lists package %s %d times in its map; every package stands there once", dir, n)
		}
	}
	for dir := range listed {
		if !packages[dir] {
			t.Errorf("ARCHITECTURE.md lists %s, where there is no Go package", dir)
		}
	}
}

// mapOf reads the table rows "| `folder` | …" of the map.
func mapOf(text string) map[string]int {
	out := map[string]int{}
	_, text, _ = strings.Cut(text, "## The map")
	text, _, _ = strings.Cut(text, "\n## ")
	for _, line := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			dir, _, _ := strings.Cut(rest, "`")
			out[dir]++
		}
	}
	return out
}

func TestLinksInTheDocsLead(t *testing.T) {
	var docs []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "*/*/README.md", "bench/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, found...)
	}
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links(string(text)) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), link)); err != nil {
				t.Errorf("%s links %s, which is not there", doc, link)
			}
		}
	}
}

// links gives the relative targets of Markdown links.
func links(text string) []string {
	var out []string
	for _, part := range strings.Split(text, "](")[1:] {
		target, _, ok := strings.Cut(part, ")")
		target, _, _ = strings.Cut(target, "#")
		if ok && target != "" && !strings.Contains(target, ":") && !strings.ContainsAny(target, " \n") {
			out = append(out, target)
		}
	}
	return out
}

func TestEverySourceAndSinkIsListedAndExplained(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range tree(t) {
		if s.dir == "connector/all" {
			for _, imp := range s.imports {
				listed[strings.TrimPrefix(imp, "leat/")] = true
			}
		}
	}
	for _, family := range []string{"source", "sink"} {
		entries, err := os.ReadDir(filepath.Join(root, family))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			dir := family + "/" + e.Name()
			if !e.IsDir() || dir == "source/capture" || strings.HasSuffix(dir, "test") {
				continue
			}
			if !listed[dir] {
				t.Errorf("connector/all does not list %s: nobody can use it", dir)
			}
			if _, err := os.Stat(filepath.Join(root, dir, "README.md")); err != nil {
				t.Errorf("%s has no README.md: options, examples, guarantees and types belong there", dir)
			}
		}
	}
}
