package harness

import (
	"fmt"
	"os"
	"strings"
)

// UnavailableError says that a server cannot be had on this machine: it is
// neither installed nor can it be fetched. A server that was had and did not
// start is another error.
type UnavailableError struct {
	What string // "PostgreSQL 18"
	Err  error
	Hint string // what the user can do
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s cannot be had: %v (%s)", e.What, e.Err, e.Hint)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// logTail gives the last lines of a server's log on one line, for an error.
func logTail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "no log: " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], " | ")
}
