package kafka

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"leat/record"
)

// blackhole makes the test binary a process that only runs a broker which forgets what it is given.
const blackhole = "LEAT_TEST_BLACKHOLE"

func runBlackhole() {
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BlackholeProduce(), kfake.SeedTopics(1, "one"), kfake.SeedTopics(8, "eight"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(k.ListenAddrs()[0])
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	k.Close()
}

func startBlackhole(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), blackhole+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend appends records of 750 bytes in calls of 2048, as a source's loop does, to a broker in another process.
func BenchmarkAppend(b *testing.B) {
	for _, topic := range []string{"one", "eight"} {
		b.Run(topic, func(b *testing.B) {
			c, err := Open(map[string]string{"bootstrap.servers": startBlackhole(b)}, discard)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			a, err := c.NewAppender("bench", nil)
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			const size = 2048
			value := make([]byte, 700)
			messages := make([]Message, size)
			for i := range messages {
				messages[i] = Message{Topic: topic, Partition: record.AnyPartition, Timestamp: 1700000000000, Key: fmt.Appendf(nil, `{"id":%040d}`, i), Value: value}
			}
			failed := make(chan error, 1)
			done := func(err error) {
				if err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			from := cpu()
			for n := 0; n < b.N; n += size {
				if err := a.Append(b.Context(), messages, done); err != nil {
					b.Fatal(err)
				}
			}
			if err := a.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cpu()-from)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			select {
			case err := <-failed:
				b.Fatal(err)
			default:
			}
		})
	}
}
