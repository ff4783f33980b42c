package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"leat/config"
	"leat/source/capture"
	"leat/source/postgres/types"
)

// Config holds the options of the PostgreSQL source, in Debezium's names.
type Config struct {
	// Hostname is the server's name or address.
	Hostname string `config:"database.hostname,required" importance:"high" group:"Connection"`
	// Port is the server's port.
	Port int `config:"database.port" default:"5432" min:"1" max:"65535" importance:"high" group:"Connection"`
	// User needs REPLICATION, and SELECT on the captured tables.
	User string `config:"database.user,required" importance:"high" group:"Connection"`
	// Password is the user's.
	Password config.Secret `config:"database.password" importance:"high" group:"Connection"`
	// Database is the database to capture.
	Database string `config:"database.dbname,required" importance:"high" group:"Connection"`
	// InitialStatements are run on every connection but the replicating one; `;` between, `;;` for a semicolon.
	InitialStatements string `config:"database.initial.statements" importance:"low" group:"Connection"`
	// QueryTimeout bounds a query on the catalog.
	QueryTimeout time.Duration `config:"database.query.timeout.ms" default:"600000" min:"0" importance:"low" group:"Connection"`
	// SSLMode is as libpq's.
	SSLMode SSLMode `config:"database.sslmode" default:"prefer" group:"Connection"`
	// SSLRootCert is the file with the authorities to trust, PEM.
	SSLRootCert string `config:"database.sslrootcert" group:"Connection"`
	// SSLCert is the file with the client's certificate, PEM.
	SSLCert string `config:"database.sslcert" group:"Connection"`
	// SSLKey is the file with the client's key, PEM.
	SSLKey string `config:"database.sslkey" group:"Connection"`
	// SSLPassword opens SSLKey.
	SSLPassword config.Secret `config:"database.sslpassword" group:"Connection"`
	// SSLFactory is read and of no effect: it is a Java class.
	SSLFactory string `config:"database.sslfactory" group:"Connection"`
	// TCPKeepAlive is read; leat always keeps connections alive.
	TCPKeepAlive bool `config:"database.tcpKeepAlive" default:"true" group:"Connection"`

	// Plugin is read; leat always decodes with pgoutput.
	Plugin string `config:"plugin.name" default:"pgoutput" group:"Replication"`
	// Slot is the replication slot's name.
	Slot string `config:"slot.name" default:"debezium" group:"Replication"`
	// DropSlot drops the slot when the task stops.
	DropSlot bool `config:"slot.drop.on.stop" alias:"slot.drop_on_stop" default:"false" group:"Replication"`
	// SlotFailover makes the slot known to standbys, on PostgreSQL 17 and newer.
	SlotFailover bool `config:"slot.failover" default:"false" group:"Replication"`
	// SlotRetries is how many times slot.retry.delay.ms a slot in use is waited for; then errors.max.retries decides.
	SlotRetries int `config:"slot.max.retries" default:"6" min:"0" importance:"low" group:"Replication"`
	// SlotRetryDelay is the longest pause between two looks at a slot in use; the first ones are shorter.
	SlotRetryDelay time.Duration `config:"slot.retry.delay.ms" default:"10000" min:"0" importance:"low" group:"Replication"`
	// SlotParams are further parameters of pgoutput, k=v;k=v.
	SlotParams string `config:"slot.stream.params" importance:"low" group:"Replication"`
	// SlotTimeout bounds the creation of the slot, which waits for open transactions; in seconds.
	SlotTimeout time.Duration `config:"internal.create.slot.command.timeout,hidden" default:"90" unit:"s" group:"Replication"`
	// Publication is the publication's name.
	Publication string `config:"publication.name" default:"dbz_publication" group:"Replication"`
	// PublicationCreate is how the publication is made.
	PublicationCreate PublicationMode `config:"publication.autocreate.mode" default:"all_tables" group:"Replication"`
	// ViaPartitionRoot publishes changes of partitions as of their root table.
	ViaPartitionRoot bool `config:"publish.via.partition.root" default:"false" importance:"low" group:"Replication"`
	// ReplicaIdentities sets replica identities, as table-regex:DEFAULT|FULL|NOTHING|INDEX name,….
	ReplicaIdentities string `config:"replica.identity.autoset.values" group:"Replication"`
	// StatusInterval is the time between answers to the server.
	StatusInterval time.Duration `config:"status.update.interval.ms" default:"10000" min:"1" type:"INT" group:"Replication"`
	// FlushLSN tells whether positions are confirmed to the slot at all.
	FlushLSN bool `config:"flush.lsn.source" default:"true" group:"Replication"`
	// FlushMode is how they are: connector and connector_and_driver mean the same to leat, manual means never.
	FlushMode FlushMode `config:"lsn.flush.mode" group:"Replication"`
	// FlushTimeout is read and of no effect: confirming does not block.
	FlushTimeout time.Duration `config:"lsn.flush.timeout.ms" default:"30000" min:"1" group:"Replication"`
	// FlushTimeoutAction is read and of no effect.
	FlushTimeoutAction string `config:"lsn.flush.timeout.action" default:"fail" group:"Replication"`
	// XminInterval is read; the slot's xmin is not told.
	XminInterval time.Duration `config:"xmin.fetch.interval.ms" default:"0" min:"0" group:"Replication"`
	// Mismatch is what happens when the slot does not fit the stored offset. leat refuses a gap unless it is trust_slot or
	// trust_greater_lsn.
	Mismatch MismatchStrategy `config:"offset.mismatch.strategy,hidden" default:"no_validation" group:"Replication"`
	// SeekKnown is the old form of trust_offset.
	SeekKnown bool `config:"internal.slot.seek.to.known.offset.on.start,hidden" default:"false" group:"Replication"`
	// MessagePrefixInclude are the prefixes of logical messages to capture, as regular expressions.
	MessagePrefixInclude string `config:"message.prefix.include.list" type:"LIST" group:"Replication"`
	// MessagePrefixExclude are those to leave out.
	MessagePrefixExclude string `config:"message.prefix.exclude.list" type:"LIST" group:"Replication"`
	// RefreshMode is read; leat refreshes a table's shape when the server tells of it.
	RefreshMode string `config:"schema.refresh.mode" default:"columns_diff" group:"Replication"`

	// HStoreMode is how hstore columns are written.
	HStoreMode HStoreMode `config:"hstore.handling.mode" default:"json" importance:"low" group:"Values"`
	// IntervalMode is how interval columns are written.
	IntervalMode IntervalMode `config:"interval.handling.mode" default:"numeric" importance:"low" group:"Values"`
	// MoneyDigits are the decimals of money columns.
	MoneyDigits int16 `config:"money.fraction.digits,hidden" default:"2" min:"0" max:"18" group:"Values"`
	// IncludeUnknown captures columns of types that Debezium does not know, as binary.
	IncludeUnknown bool `config:"include.unknown.datatypes" default:"false" group:"Values"`

	capture.Config
}

// SSLMode is database.sslmode.
type SSLMode string

// Words lists the modes.
func (SSLMode) Words() []string {
	return []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
}

// UnmarshalText reads a mode.
func (m *SSLMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// PublicationMode is publication.autocreate.mode.
type PublicationMode string

// The modes.
const (
	PublicationAll      PublicationMode = "all_tables"
	PublicationDisabled PublicationMode = "disabled"
	PublicationFiltered PublicationMode = "filtered"
	PublicationNone     PublicationMode = "no_tables"
)

// Words lists the modes.
func (PublicationMode) Words() []string {
	return []string{"all_tables", "disabled", "filtered", "no_tables"}
}

// UnmarshalText reads a mode.
func (m *PublicationMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// FlushMode is lsn.flush.mode.
type FlushMode string

// Words lists the modes.
func (FlushMode) Words() []string { return []string{"connector", "connector_and_driver", "manual"} }

// UnmarshalText reads a mode.
func (m *FlushMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// MismatchStrategy is offset.mismatch.strategy.
type MismatchStrategy string

// The strategies that let a gap through.
const (
	TrustSlot    MismatchStrategy = "trust_slot"
	TrustGreater MismatchStrategy = "trust_greater_lsn"
)

// Words lists the strategies.
func (MismatchStrategy) Words() []string {
	return []string{"no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"}
}

// UnmarshalText reads a strategy.
func (m *MismatchStrategy) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// HStoreMode is hstore.handling.mode.
type HStoreMode string

// HStoreMap writes a map.
const HStoreMap HStoreMode = "map"

// Words lists the modes.
func (HStoreMode) Words() []string { return []string{"json", "map"} }

// UnmarshalText reads a mode.
func (m *HStoreMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// IntervalMode is interval.handling.mode.
type IntervalMode string

// IntervalString writes ISO 8601.
const IntervalString IntervalMode = "string"

// Words lists the modes.
func (IntervalMode) Words() []string { return []string{"numeric", "string"} }

// UnmarshalText reads a mode.
func (m *IntervalMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

func word[T ~string](dst *T, text []byte, words []string) error {
	w, err := config.Word(string(text), words)
	*dst = T(w)
	return err
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

// Validate checks what spans options.
func (c *Config) Validate() []config.Problem {
	out := c.Check()
	if !slotName.MatchString(c.Slot) {
		out = append(out, config.Problemf("slot.name", "Invalid value %s: a slot's name has up to 63 lower-case letters, digits and '_'.", c.Slot))
	}
	if _, err := parseIdentities(c.ReplicaIdentities); err != nil {
		out = append(out, config.Problemf("replica.identity.autoset.values", "%v.", err))
	}
	if _, err := c.messageFilter(); err != nil {
		out = append(out, config.Problemf("message.prefix.include.list", "%v.", err))
	}
	return out
}

// valueOptions are the options of values.
func (c *Config) valueOptions() types.Options {
	return types.Options{
		Decimal: c.DecimalMode, Time: c.TimeMode, Binary: c.BinaryMode, HStoreMap: c.HStoreMode == HStoreMap,
		IntervalISO: c.IntervalMode == IntervalString, MoneyDigits: c.MoneyDigits, IncludeUnknown: c.IncludeUnknown, ImitateFaults: c.ImitateFaults,
	}
}

// messageFilter tells which prefixes of logical messages are captured.
func (c *Config) messageFilter() (func(prefix string) bool, error) {
	in, err := capture.NewPatterns(c.MessagePrefixInclude)
	if err != nil {
		return nil, err
	}
	out, err := capture.NewPatterns(c.MessagePrefixExclude)
	if err != nil {
		return nil, err
	}
	return func(p string) bool { return (len(in) == 0 || in.Match(p)) && !out.Match(p) }, nil
}

// prepare gives old names and values their meaning and tells of it.
func prepare(props map[string]string) (map[string]string, []string) {
	out := make(map[string]string, len(props))
	for k, v := range props {
		out[k] = v
	}
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	set := func(key, value string) {
		if _, given := props[key]; !given {
			out[key] = value
		}
	}
	switch p := strings.TrimSpace(props["plugin.name"]); {
	case p == "":
		note("plugin.name is not set; leat decodes with pgoutput, which every PostgreSQL server has.")
	case p != "pgoutput":
		note("plugin.name=%s: leat decodes with pgoutput instead, which every PostgreSQL server has.", p)
	}
	out["plugin.name"] = "pgoutput"
	switch m := strings.ToLower(strings.TrimSpace(props["snapshot.mode"])); m {
	case "never":
		out["snapshot.mode"] = string(capture.SnapshotNoData)
		note("snapshot.mode=never is called no_data now.")
	case "exported":
		out["snapshot.mode"] = string(capture.SnapshotInitial)
		note("snapshot.mode=exported is called initial now.")
	}
	if v, old := props["sanitize.field.names"]; old && strings.EqualFold(v, "true") {
		set("field.name.adjustment.mode", "avro")
		note("sanitize.field.names=true is called field.name.adjustment.mode=avro now.")
	}
	if v, old := props["truncate.handling.mode"]; old {
		if strings.EqualFold(v, "include") {
			set("skipped.operations", "none")
		}
		note("truncate.handling.mode is called skipped.operations now.")
	}
	notes = append(notes, capture.Ineffective(props, noEffect)...)
	return out, append(notes, capture.Notes(props)...)
}

// noEffect are options of this source that leat reads and has no use for.
var noEffect = []capture.NoEffect{
	{Key: "source.struct.version", Why: "leat writes version 2"},
	{Key: "database.sslfactory", Why: "it is a Java class"},
	{Key: "database.connection.factory.class", Why: "it is a Java class"},
	{Key: "database.tcpKeepAlive", Harmless: "true", Why: "leat always keeps connections alive"},
	{Key: "snapshot.custom.class", Why: "it is a Java class"},
	{Key: "lsn.flush.timeout.ms", Harmless: "30000", Why: "confirming a position does not block"},
	{Key: "lsn.flush.timeout.action", Harmless: "fail", Why: "confirming a position does not block"},
	{Key: "xmin.fetch.interval.ms", Harmless: "0", Why: "leat does not read the slot's xmin yet, source.xmin stays null"},
	{Key: "schema.refresh.mode", Harmless: "columns_diff", Why: "leat refreshes a table's shape when the server tells of it"},
}
