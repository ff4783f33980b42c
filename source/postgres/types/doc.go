// Package types is the one table of PostgreSQL's types: how each looks in a record, and how its text (pgoutput) and its binary form
// (COPY) are read, so that the snapshot and the stream give identical values. It talks to no server.
package types

import (
	"fmt"

	"leat/source/capture"
)

// Options are what the connector's config says of values.
type Options struct {
	Decimal        capture.DecimalMode
	Time           capture.TimeMode
	Binary         capture.BinaryMode
	HStoreMap      bool
	IntervalISO    bool
	MoneyDigits    int16
	IncludeUnknown bool
	ImitateFaults  bool
}

// ForCopy chooses how COPY is asked for a column, given its quoted name: in its binary form, or its text.
func (k *Codec) ForCopy(quoted string) (Decode, string) {
	switch {
	case k.Binary != nil && k.asText == "":
		return k.Binary, quoted
	case k.asText != "":
		return k.Text, fmt.Sprintf(k.asText, quoted)
	}
	return k.Text, quoted + "::pg_catalog.text"
}
