package cli

import "github.com/spf13/cobra"

func newOffsets() *cobra.Command {
	return group("offsets", "Look at and change how far connectors are",
		`Look at and change how far connectors are. A source's offsets are positions in its database; a sink's are those of its consumer group.
To change them the connector must be stopped first: leat connector stop NAME.`,
		newOffsetsShow(), newOffsetsSet(), newOffsetsReset())
}
