// Package all lists the parts of this build: connectors, converters, transforms and predicates. The lists are explicit, one file per
// family; nothing registers itself. Adding a connector is a folder of its own, a file here, and its line in Plugins.
package all

import (
	"slices"

	"leat/worker"
)

// Plugins gives the parts of the build.
func Plugins() worker.Plugins {
	return worker.Plugins{
		Connectors: slices.Concat(postgresSource, sqlSinks),
		Converters: converters,
		Transforms: transforms,
		Predicates: predicates,
	}
}
