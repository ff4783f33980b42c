package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newOffsetsSet() *cobra.Command {
	var r restFlags
	var file, topic string
	var partition int32
	var offset int64
	c := named("set", "Change offsets of a stopped connector", `  leat connector stop inventory
  leat offsets show inventory --json > offsets.json     # then edit offsets.json
  leat offsets set inventory -f offsets.json
  leat offsets set warehouse --topic inventory.public.customers --partition 0 --offset 1200    # of a sink`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			var body []byte
			var err error
			switch {
			case file != "" && topic != "":
				return usagef("-f and --topic do not go together")
			case file != "":
				body, err = readInput(cmd.InOrStdin(), file)
			case topic != "" && offset >= 0:
				body, err = sinkOffset(topic, partition, offset)
			default:
				return usagef("say what to set: -f FILE, or for a sink --topic, --partition and --offset")
			}
			if err != nil {
				return err
			}
			var in offsetsBody
			if err := json.Unmarshal(body, &in); err != nil {
				return fmt.Errorf(`offsets are not readable: want {"offsets": [{"partition": {…}, "offset": {…}}]}: %w`, err)
			}
			message, err := c.AlterOffsets(ctx, name, in.Offsets)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), message)
			return err
		})
	c.Flags().StringVarP(&file, "file", "f", "", "`file` with offsets as 'show --json' prints them (-: standard input); an offset of null resets that partition")
	c.Flags().StringVar(&topic, "topic", "", "topic, of a sink")
	c.Flags().Int32Var(&partition, "partition", 0, "partition of the topic")
	c.Flags().Int64Var(&offset, "offset", -1, "offset of the next message to read")
	return c
}

func sinkOffset(topic string, partition int32, offset int64) ([]byte, error) {
	return json.Marshal(map[string]any{"offsets": []any{map[string]any{
		"partition": map[string]any{"kafka_topic": topic, "kafka_partition": partition},
		"offset":    map[string]any{"kafka_offset": offset},
	}}})
}

func readInput(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}
