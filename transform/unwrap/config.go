package unwrap

import (
	"fmt"
	"strings"

	"leat/config"
	"leat/record"
	"leat/transform"
)

// Mode is what becomes of the two records of a delete.
type Mode string

// The modes.
const (
	Drop                 Mode = "drop"                   // nothing comes out
	Tombstone            Mode = "tombstone"              // the delete as a null value with its schema
	Rewrite              Mode = "rewrite"                // the row before, marked as deleted
	RewriteWithTombstone Mode = "rewrite-with-tombstone" // the same, then the tombstone
	DeleteToTombstone    Mode = "delete-to-tombstone"    // the delete as a null value without a schema
)

// UnmarshalText accepts the words in any case.
func (m *Mode) UnmarshalText(b []byte) error {
	for _, w := range m.Words() {
		if strings.EqualFold(w, strings.TrimSpace(string(b))) {
			*m = Mode(w)
			return nil
		}
	}
	return fmt.Errorf("%q is no way to handle deletes: write one of %s", b, strings.Join(m.Words(), ", "))
}

// Words are the modes.
func (Mode) Words() []string {
	return []string{string(Drop), string(Tombstone), string(Rewrite), string(RewriteWithTombstone), string(DeleteToTombstone)}
}

// Config is the options of ExtractNewRecordState.
type Config struct {
	// Mode is what becomes of a delete and of the tombstone after it.
	Mode Mode `config:"delete.tombstone.handling.mode" default:"tombstone" display:"Handle delete and tombstone records"`
	// RouteByField is the column whose text replaces the topic.
	RouteByField string `config:"route.by.field" importance:"low" width:"long" display:"Route by field name"`
	// AddFieldsPrefix is put before the names that add.fields makes.
	AddFieldsPrefix string `config:"add.fields.prefix" default:"__" importance:"low" width:"short"`
	// AddFields are fields of the envelope to add to the row: a name, struct.name, or name:newname.
	AddFields []string `config:"add.fields" importance:"low" width:"long"`
	// AddHeadersPrefix is put before the names that add.headers makes.
	AddHeadersPrefix string `config:"add.headers.prefix" default:"__" importance:"low" width:"short"`
	// AddHeaders are fields of the envelope to add as headers, named as in add.fields.
	AddHeaders []string `config:"add.headers" importance:"low" width:"long"`
	// DropHeader is the header that lists fields to leave out.
	DropHeader string `config:"drop.fields.header.name" importance:"low" width:"short"`
	// DropFromKey leaves these fields out of the key too.
	DropFromKey bool `config:"drop.fields.from.key" default:"false" importance:"low" width:"short"`
	// DropCompatible leaves out optional fields alone.
	DropCompatible bool `config:"drop.fields.keep.schema.compatible" default:"true" importance:"low" width:"short"`
	// ReplaceNull writes the default of a field in place of null when the row is rewritten.
	ReplaceNull bool `config:"replace.null.with.default" default:"true" importance:"low" width:"short"`
	// Placeholder is the text that stands for a column that the database did not send; it must be that of the source.
	Placeholder string `config:"unavailable.value.placeholder" default:"__debezium_unavailable_value" importance:"low"`
	// ReadPlaceholder tells sinks to leave such columns alone; false delivers the placeholder as data, as Debezium does.
	ReadPlaceholder bool `config:"unavailable.value.read" default:"true" importance:"low"`
}

// Validate checks the names of added fields.
func (c *Config) Validate() []config.Problem {
	var problems []config.Problem
	for key, names := range map[string][]string{"add.fields": c.AddFields, "add.headers": c.AddHeaders} {
		for _, name := range names {
			if _, err := parseReference("", name); err != nil {
				problems = append(problems, config.Problemf(key, "%v", err))
			}
		}
	}
	return problems
}

// Plugin describes the transform.
var Plugin = transform.Plugin{
	Name:    "unwrap",
	Classes: []string{"io.debezium.transforms.ExtractNewRecordState"},
	Config:  Config{}, Docs: configDocs,
	New:     func(cfg any, _ record.Part) (transform.Transform, error) { return New(*cfg.(*Config)) },
	Prepare: Prepare,
}

// The options until Debezium 3.1.
const (
	newMode        = "delete.tombstone.handling.mode"
	oldDropTombs   = "drop.tombstones"
	oldDeleteModes = "delete.handling.mode"
)

// Prepare turns drop.tombstones and delete.handling.mode, which ruled until Debezium 3.1, into the mode that comes nearest.
func Prepare(props map[string]string) (map[string]string, []string) {
	tombs, hasTombs := props[oldDropTombs]
	deletes, hasDeletes := props[oldDeleteModes]
	if !hasTombs && !hasDeletes {
		return props, nil
	}
	prepared := make(map[string]string, len(props))
	for k, v := range props {
		if k != oldDropTombs && k != oldDeleteModes {
			prepared[k] = v
		}
	}
	if mode, ok := props[newMode]; ok {
		return prepared, []string{fmt.Sprintf("%s=%s overrules the old %s and %s", newMode, mode, oldDropTombs, oldDeleteModes)}
	}
	mode, note := nearestMode(!strings.EqualFold(strings.TrimSpace(tombs), "false"), strings.ToLower(strings.TrimSpace(deletes)))
	prepared[newMode] = string(mode)
	return prepared, []string{fmt.Sprintf("%s and %s are from before Debezium 3.2: taken as %s=%s%s", oldDropTombs, oldDeleteModes, newMode, mode, note)}
}

func nearestMode(dropTombstones bool, deletes string) (mode Mode, note string) {
	switch deletes {
	case "", "drop":
		if dropTombstones {
			return Drop, ""
		}
		return Tombstone, ", made of the delete instead of the source's own tombstone"
	case "none":
		if dropTombstones {
			return Tombstone, ""
		}
		return Tombstone, ", one record for each delete where there were two"
	case "rewrite":
		if dropTombstones {
			return Rewrite, ""
		}
		return RewriteWithTombstone, ""
	}
	return Mode(deletes), "" // the check of the mode tells that it is none
}
