package all

import (
	"slices"

	"leat/transform"
	"leat/transform/field"
	"leat/transform/predicate"
	"leat/transform/route"
	"leat/transform/unwrap"
)

var transforms = slices.Concat([]transform.Plugin{unwrap.Plugin}, field.Plugins, route.Plugins)

var predicates = predicate.Plugins
