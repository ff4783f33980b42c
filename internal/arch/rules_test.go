package arch

import (
	"slices"
	"strings"
)

// rule says what the packages of a tree may import of leat's own; a package may always import its own tree's children and family.
type rule struct {
	tree string
	may  []string // trees
	why  string
}

var (
	vocabulary     = []string{"schema", "record", "config"}
	contracts      = []string{"schema", "record", "config", "connector", "convert", "transform"}
	infrastructure = []string{"kafka", "registry", "metrics"}
	engines        = []string{"worker", "herder", "view", "pipeline"}
)

// The first rule whose tree holds a package counts, so the narrow ones come first.
var rules = []rule{
	{"connector/all", []string{"connector", "source", "sink", "convert", "transform", "worker"}, "connector/all only lists the parts of the build"},
	{"config/properties", nil, "reading a file format needs nothing of ours"},
	{"config/provider", []string{"config"}, "config providers only look up texts"},
	{"schema", nil, "the vocabulary imports nothing of ours"},
	{"record", []string{"schema"}, "the vocabulary imports nothing of ours, but a record has a schema"},
	{"config", nil, "the vocabulary imports nothing of ours"},
	{"connector", vocabulary, "a contract knows the vocabulary only"},
	{"convert/converttest", contracts, "a contract suite knows contracts"},
	{"source/sourcetest", contracts, "a contract suite knows contracts"},
	{"sink/sinktest", contracts, "a contract suite knows contracts"},
	{"convert", append([]string{"registry"}, vocabulary...), "a converter knows contracts and the registry, never kafka, worker or a sibling"},
	{"transform", []string{"schema", "record", "config", "connector"}, "a transform knows contracts, never kafka, worker or a connector"},
	{"source", contracts, "a source knows contracts, never the log, the worker or another source"},
	{"sink", contracts, "a sink knows contracts, never the log, the worker or another sink"},
	{"kafka/embedded/standin", []string{"kafka"}, "a command over the embedded log"},
	{"kafka", vocabulary, "infrastructure knows the vocabulary and its own family"},
	{"registry", vocabulary, "infrastructure knows the vocabulary and its own family"},
	{"metrics", vocabulary, "infrastructure knows the vocabulary and its own family"},
	{"worker", slices.Concat(contracts, infrastructure), "an engine knows contracts and infrastructure, never a concrete part"},
	{"herder", slices.Concat(contracts, infrastructure, []string{"worker"}), "the herder knows the worker, never a concrete part"},
	{"rest/client", []string{"herder"}, "the REST client knows the wire, whose types are the herder's, so that they stand once"},
	{"rest", slices.Concat(contracts, infrastructure, engines), "a surface knows what is below it, never a concrete part"},
	{"console", []string{"rest/client"}, "the console talks to REST only"},
	{"cmd", []string{"internal/cli"}, "main only calls the command line"},
	{"internal/harness", nil, "the harness starts other people's servers and knows nothing of leat"},
	{"internal/docgen", []string{"config", "internal/cli/workerconfig", "connector", "convert", "transform", "worker", "metrics", "source", "sink"}, "docgen reads what there is"},
	{"internal", slices.Concat(contracts, infrastructure, engines, []string{"rest", "source", "sink", "internal"}), "wiring may know everything"},
	{"e2e", []string{""}, "tests may know everything"},
	{"bench", []string{""}, "measurements may know everything"},
}

// parts are the trees whose folders are siblings that may not know each other.
var parts = []string{"source", "sink", "convert", "transform"}

// sharedByParts may be imported within their family.
var sharedByParts = []string{"source/capture"}

// larger are packages that may exceed the budget of lines, up to a number, and why.
var larger = map[string]struct {
	lines int
	why   string
}{
	"source/postgres": {4300, "slot, snapshot, stream and offsets share one position; its options and checks are the next to leave"},
	"worker":          {4200, "the two loops, the supervisor and validation share the plan of a connector; validation is the next to leave into a package of its own"},
}

func ruleOf(dir string) *rule {
	for i := range rules {
		if under(dir, rules[i].tree) {
			return &rules[i]
		}
	}
	return nil
}

func (r *rule) allows(from, to string) bool {
	if family := familyOf(from); family != "" && familyOf(to) != "" && strings.HasPrefix(to, strings.SplitN(family, "/", 2)[0]+"/") {
		return familyOf(to) == family || slices.Contains(sharedByParts, to)
	}
	if under(to, r.tree) {
		return true
	}
	for _, tree := range r.may {
		if tree == "" || to == tree {
			return true
		}
		// Contracts are single packages: `convert` allowed does not mean convert/json. Whole trees are for wiring and infrastructure.
		if under(to, tree) && !(slices.Contains(parts, tree) && !wiring(r.tree)) {
			return true
		}
	}
	return false
}

func wiring(tree string) bool {
	return tree == "connector/all" || strings.HasPrefix(tree, "internal") || tree == "e2e" || tree == "bench"
}

// familyOf gives "source/postgres" for it and everything below; "" for what is not a part.
func familyOf(dir string) string {
	words := strings.SplitN(dir, "/", 3)
	if len(words) >= 2 && slices.Contains(parts, words[0]) && !strings.HasSuffix(words[1], "test") {
		return words[0] + "/" + words[1]
	}
	return ""
}

func under(dir, tree string) bool {
	return dir == tree || strings.HasPrefix(dir, tree+"/")
}

// library is a dependency: which trees may import it and why we have it.
type library struct {
	module   string
	families []string
	why      string
}

var libraries = []library{
	{"github.com/twmb/franz-go", []string{"kafka", "bench", "internal/cli", "internal/harness"}, "the Kafka client, and kfake as the stand-in for the embedded log"},
	{"github.com/jackc/pgx", []string{"source/postgres", "sink/sql", "internal/harness", "internal/demo", "internal/cli", "bench", "e2e"}, "the PostgreSQL driver"},
	{"modernc.org/sqlite", []string{"sink/sql", "internal/demo", "internal/cli", "bench", "e2e"}, "SQLite without cgo"},
	{"github.com/prometheus", []string{"metrics"}, "the metrics registry and Prometheus' text format"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, "subcommands, help and shell completion"},
	{"github.com/fergusstrange/embedded-postgres", []string{"internal/harness"}, "fetches PostgreSQL's binaries where the machine has none"},
	{"github.com/pavlo-v-chernykh/keystore-go", []string{"kafka/security"}, "reads Java key stores (JKS)"},
	{"software.sslmate.com/src/go-pkcs12", []string{"kafka/security"}, "reads PKCS#12 key and trust stores"},
	{"github.com/dlclark/regexp2", []string{"source/capture", "transform", "kafka", "worker"}, "Java's regular expressions with look-around, which Go's lack"},
	{"golang.org/x/sys", []string{"kafka/embedded", "source/postgres", "internal"}, "file locks, free disk space, and a socket read outside Go's poller, which woke a thread for every packet"},
	{"golang.org/x/term", []string{"internal/cli", "internal/demo"}, "whether the output is a terminal"},
}

func libraryOf(imp string) *library {
	for i := range libraries {
		if strings.HasPrefix(imp, libraries[i].module) {
			return &libraries[i]
		}
	}
	return nil
}
