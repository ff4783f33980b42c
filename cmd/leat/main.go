// Command leat carries every change of databases through a Kafka log into other systems. Its subcommands are in internal/cli.
package main

import (
	"os"

	"leat/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
