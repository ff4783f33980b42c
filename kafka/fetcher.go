package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"leat/config"
	"leat/record"
)

const (
	defaultFetchBytes     = 16 << 20 // fetch.max.bytes
	defaultPartitionBytes = 1 << 20  // max.partition.fetch.bytes
	defaultPollRecords    = 500      // max.poll.records
	// concurrentFetches bounds the answers of brokers that are held and not yet polled, each up to fetch.max.bytes.
	concurrentFetches = 2
	// maxBatchInflated bounds what one compressed batch may grow to.
	maxBatchInflated = 256 << 20
)

// fetcher is a Fetcher over a consuming client. Its fields are used by the goroutine that calls it, but those under mu.
type fetcher struct {
	client     *kgo.Client
	logger     *slog.Logger
	rebalanced func(ctx context.Context, gained, lost []record.Partition) error
	gone       func(lost []record.Partition) error // nil: rebalanced
	most       int                                 // max.poll.records
	discovery  *discovery
	// group and instance are set where Close has to leave the group for a static member, which the client does not.
	group, instance string

	assigned map[record.Partition]bool
	lag      map[record.Partition]int64
	failed   error // to be returned by the next Poll, after the records that came with it

	rebalances chan *rebalance
	closed     chan struct{}
	closing    sync.Once

	mu       sync.Mutex
	stopPoll context.CancelFunc
	seeks    record.Offsets // of partitions whose fetching has not begun
}

// rebalance is handed from the group's goroutine to the one that polls, so that Rebalanced never runs beside other calls.
type rebalance struct {
	gained, lost []record.Partition
	late         bool // the partitions are lost already: another member may have them
	served       chan struct{}
}

// NewFetcher opens a consumer in a group.
func (c *Cluster) NewFetcher(o FetcherOptions) (Fetcher, error) {
	s, err := c.checked(consumer, o.ClientID, o.Overrides)
	if err != nil {
		return nil, err
	}
	opts, err := c.options(consumer, s, o.ClientID)
	if err != nil {
		return nil, err
	}
	f := &fetcher{
		logger: c.logger.With("group", o.Group), rebalanced: o.Rebalanced, gone: o.Lost,
		most:     int(s.int("max.poll.records", defaultPollRecords)),
		assigned: map[record.Partition]bool{}, lag: map[record.Partition]int64{},
		rebalances: make(chan *rebalance, 1), closed: make(chan struct{}), seeks: record.Offsets{},
	}
	mine, err := s.consuming()
	if err != nil {
		return nil, err
	}
	if s["group.instance.id"] == "" && o.InstanceID != "" {
		s["group.instance.id"] = o.InstanceID
		f.group, f.instance = o.Group, o.InstanceID
	}
	member, err := s.membership()
	if err != nil {
		return nil, err
	}
	opts = append(append(append(opts, mine...), member...), f.groupOptions(o.Group)...)
	topics, err := f.subscription(o, s, c.admin)
	if err != nil {
		return nil, err
	}
	if f.client, err = kgo.NewClient(append(opts, topics...)...); err != nil {
		return nil, clientError(consumer, err)
	}
	if f.discovery != nil {
		f.discovery.start(f.client, f.logger)
	}
	return f, nil
}

// consuming are the options of any consumer.
func (s settings) consuming() ([]kgo.Opt, error) {
	fetch := max(s.int32("fetch.max.bytes", defaultFetchBytes), 1024)
	opts := []kgo.Opt{
		kgo.FetchMinBytes(s.int32("fetch.min.bytes", 1)),
		kgo.FetchMaxBytes(min(fetch, 1<<29)),
		kgo.FetchMaxPartitionBytes(max(s.int32("max.partition.fetch.bytes", defaultPartitionBytes), 1024)),
		kgo.FetchMaxWait(s.ms("fetch.max.wait.ms", 500*time.Millisecond, 10*time.Millisecond, time.Hour)),
		kgo.BrokerMaxReadBytes(min(max(100<<20, 2*min(fetch, 1<<29)), 1<<30)),
		kgo.MaxConcurrentFetches(concurrentFetches), // Invariant 8
		kgo.MaxDecompressBatchBytes(maxBatchInflated),
	}
	if s.word("isolation.level", "read_uncommitted") == "read_committed" {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if !s.bool("check.crcs", true) {
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	if s.bool("allow.auto.create.topics", true) {
		opts = append(opts, kgo.AllowAutoTopicCreation())
	}
	reset, err := s.reset()
	return append(opts, reset...), err
}

// reset is auto.offset.reset, which is earliest in Kafka Connect.
func (s settings) reset() ([]kgo.Opt, error) {
	value := s.word("auto.offset.reset", "earliest")
	switch value {
	case "earliest":
		return []kgo.Opt{kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, nil
	case "latest":
		return []kgo.Opt{kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd())}, nil
	case "none":
		return []kgo.Opt{kgo.ConsumeStartOffset(kgo.NewOffset().AtCommitted()), kgo.ConsumeResetOffset(kgo.NoResetOffset())}, nil
	}
	if span, ok := strings.CutPrefix(value, "by_duration:"); ok {
		if d, err := isoDuration(span); err == nil {
			return []kgo.Opt{kgo.ConsumeResetOffset(kgo.LookbackOffset(d))}, nil
		}
	}
	return nil, &ConfigError{Client: "consumer", Problems: []config.Problem{config.Problemf("auto.offset.reset",
		"%q is not one of earliest, latest, none, by_duration:<ISO 8601 duration such as PT1H>", value)}}
}

// membership are the options of a member of a group.
func (s settings) membership() ([]kgo.Opt, error) {
	session := s.ms("session.timeout.ms", 45*time.Second, 100*time.Millisecond, math.MaxInt32*time.Millisecond)
	beat := s.ms("heartbeat.interval.ms", 3*time.Second, time.Millisecond, math.MaxInt32*time.Millisecond)
	if beat >= session {
		return nil, &ConfigError{Client: "consumer", Problems: []config.Problem{config.Problemf("heartbeat.interval.ms",
			"%v is not less than session.timeout.ms, %v; make it a third of it or less", beat, session)}}
	}
	opts := []kgo.Opt{
		kgo.DisableAutoCommit(), // Invariant 4: only the worker knows what is durable
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(beat),
		kgo.RebalanceTimeout(s.ms("max.poll.interval.ms", 5*time.Minute, 100*time.Millisecond, math.MaxInt32*time.Millisecond)),
	}
	if id := s["group.instance.id"]; id != "" {
		opts = append(opts, kgo.InstanceID(id))
	}
	if s.word("group.protocol", "classic") == "consumer" {
		assignor := map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "uniform": kgo.CooperativeStickyBalancer(), "": kgo.CooperativeStickyBalancer()}
		b, ok := assignor[s.word("group.remote.assignor", "")]
		if !ok {
			return nil, &ConfigError{Client: "consumer", Problems: []config.Problem{config.Problemf("group.remote.assignor",
				"%q is not one of uniform, range", s["group.remote.assignor"])}}
		}
		return append(opts, kgo.ServerSideBalancer(), kgo.Balancers(b)), nil
	}
	balancers, err := s.balancers()
	return append(opts, kgo.Balancers(balancers...)), err
}

// balancers are Kafka's assignors by simple name. Without a choice both of Kafka's default list are offered, so that members that
// are Java's can be in the same group while it moves from one to the other.
func (s settings) balancers() ([]kgo.GroupBalancer, error) {
	var out []kgo.GroupBalancer
	for _, name := range s.list("partition.assignment.strategy") {
		switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
		case "cooperativestickyassignor", "cooperative-sticky":
			out = append(out, kgo.CooperativeStickyBalancer())
		case "rangeassignor", "range":
			out = append(out, kgo.RangeBalancer())
		case "roundrobinassignor", "roundrobin":
			out = append(out, kgo.RoundRobinBalancer())
		case "stickyassignor", "sticky":
			out = append(out, kgo.StickyBalancer())
		default:
			return nil, &ConfigError{Client: "consumer", Problems: []config.Problem{config.Problemf("partition.assignment.strategy",
				"%q is not known; use CooperativeStickyAssignor, RangeAssignor, RoundRobinAssignor or StickyAssignor", name)}}
		}
	}
	if len(out) == 0 {
		out = []kgo.GroupBalancer{kgo.CooperativeStickyBalancer(), kgo.RangeBalancer()}
	}
	return out, nil
}

func (f *fetcher) groupOptions(group string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(group),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			f.hand(&rebalance{gained: partitions(m)})
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { f.hand(&rebalance{lost: partitions(m)}) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			f.hand(&rebalance{lost: partitions(m), late: true})
		}),
		kgo.AdjustFetchOffsetsFn(f.adjust),
	}
}

// hand gives a rebalance to the goroutine that polls and waits until it was served: the group does not go on before.
func (f *fetcher) hand(r *rebalance) {
	if len(r.gained)+len(r.lost) == 0 {
		return
	}
	r.served = make(chan struct{})
	select {
	case f.rebalances <- r:
	case <-f.closed:
		return
	}
	f.mu.Lock()
	if f.stopPoll != nil {
		f.stopPoll()
	}
	f.mu.Unlock()
	select {
	case <-r.served:
	case <-f.closed:
	}
}

// serve calls Rebalanced for a rebalance that waits, if one does.
func (f *fetcher) serve(ctx context.Context) error {
	select {
	case r := <-f.rebalances:
		return f.settle(ctx, r)
	default:
		return nil
	}
}

func (f *fetcher) settle(ctx context.Context, r *rebalance) error {
	defer close(r.served)
	for _, p := range r.gained {
		f.assigned[p] = true
	}
	var err error
	switch {
	case r.late && f.gone != nil:
		err = f.gone(r.lost)
	case f.rebalanced != nil:
		err = f.rebalanced(ctx, r.gained, r.lost)
	}
	f.mu.Lock()
	for _, p := range r.lost {
		delete(f.assigned, p)
		delete(f.lag, p)
		delete(f.seeks, p)
	}
	f.mu.Unlock()
	if len(r.lost) > 0 {
		f.client.ResumeFetchPartitions(byTopic(r.lost)) // a partition that comes back is not paused
	}
	return err
}

// adjust applies the seeks of Rebalanced to partitions before their fetching begins.
func (f *fetcher) adjust(_ context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for topic, parts := range offsets {
		for id := range parts {
			p := record.Partition{Topic: topic, ID: id}
			if o, ok := f.seeks[p]; ok {
				parts[id] = kgo.NewOffset().At(int64(o)).WithEpoch(-1)
				delete(f.seeks, p)
			}
		}
	}
	return offsets, nil
}

// Poll waits for messages.
func (f *fetcher) Poll(ctx context.Context, wait time.Duration) ([]Message, error) {
	until := time.Now().Add(wait)
	for {
		if err := f.serve(ctx); err != nil {
			return nil, err
		}
		if err := f.failed; err != nil {
			f.failed = nil
			return nil, err
		}
		fetches := f.pollOnce(ctx, until)
		messages, err := f.read(fetches)
		switch {
		case len(messages) > 0:
			f.failed = err
			return messages, nil
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(f.rebalances) == 0 && !time.Now().Before(until):
			return nil, nil
		}
	}
}

// pollOnce polls until there is something, a rebalance waits, or time is up.
func (f *fetcher) pollOnce(ctx context.Context, until time.Time) kgo.Fetches {
	ctx, stop := context.WithDeadline(ctx, until)
	defer stop()
	f.mu.Lock()
	f.stopPoll = stop
	f.mu.Unlock()
	if len(f.rebalances) > 0 {
		return nil
	}
	return f.client.PollRecords(ctx, f.most)
}

// read turns fetches into messages. What a broker answers that will pass is logged; other errors are given.
func (f *fetcher) read(fetches kgo.Fetches) ([]Message, error) {
	n := fetches.NumRecords()
	var out []Message
	if n > 0 {
		out = make([]Message, 0, n)
	}
	var failed error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			if err := f.judge(p.Topic, p.Partition, p.Err); err != nil && failed == nil {
				failed = err
			}
		}
		if len(p.Records) == 0 {
			return
		}
		headers := make([]record.RawHeader, 0, countHeaders(p.Records))
		for _, r := range p.Records {
			var m Message
			m, headers = message(r, headers)
			out = append(out, m)
		}
		f.advance(record.Partition{Topic: p.Topic, ID: p.Partition}, p.Records[len(p.Records)-1].Offset+1, p.HighWatermark)
	})
	return out, failed
}

// advance notes how far a partition was read.
func (f *fetcher) advance(p record.Partition, next, end int64) {
	f.lag[p] = max(0, end-next)
	f.mu.Lock()
	delete(f.seeks, p) // fetching has begun, from where it was asked to
	f.mu.Unlock()
}

func (f *fetcher) judge(topic string, id int32, err error) error {
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return ErrClosed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil // the end of pollOnce
	case errors.As(err, &loss):
		f.logger.Warn("the log lost messages after a position that was read; going on from what it holds", "topic", topic, "partition", id, "error", err)
		return nil
	case Retriable(err):
		f.logger.Warn("fetching has to wait", "topic", topic, "partition", id, "error", err)
		return nil
	case topic == "":
		return fmt.Errorf("consumer group: %w", err)
	}
	return &TopicError{Topic: topic, Why: fmt.Sprintf("partition %d can not be read", id), Err: err}
}

func countHeaders(records []*kgo.Record) (n int) {
	for _, r := range records {
		n += len(r.Headers)
	}
	return n
}

// message makes a message whose headers are behind those in headers, where there is room.
func message(r *kgo.Record, headers []record.RawHeader) (Message, []record.RawHeader) {
	m := Message{Topic: r.Topic, Partition: r.Partition, Offset: record.Offset(r.Offset), Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
	if len(r.Headers) == 0 {
		return m, headers
	}
	from := len(headers)
	for _, h := range r.Headers {
		headers = append(headers, record.RawHeader{Key: h.Key, Value: h.Value})
	}
	m.Headers = headers[from:len(headers):len(headers)]
	return m, headers
}

// Commit stores offsets.
func (f *fetcher) Commit(ctx context.Context, offsets record.Offsets) error {
	if len(offsets) == 0 {
		return nil
	}
	var failed error
	f.client.CommitOffsetsSync(ctx, epochOffsets(offsets), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failed = commitError(resp, err)
	})
	return failed
}

// Seek reads on from elsewhere. Of a partition that is not being fetched yet, as inside Rebalanced, adjust sees to it.
func (f *fetcher) Seek(offsets record.Offsets) {
	f.mu.Lock()
	for p, o := range offsets {
		if f.assigned[p] {
			f.seeks[p] = o
		}
	}
	f.mu.Unlock()
	f.client.SetOffsets(epochOffsets(offsets))
}

// Pause stops fetching.
func (f *fetcher) Pause(parts []record.Partition) {
	f.client.PauseFetchPartitions(byTopic(f.these(parts)))
}

// Resume goes on.
func (f *fetcher) Resume(parts []record.Partition) {
	f.client.ResumeFetchPartitions(byTopic(f.these(parts)))
}

func (f *fetcher) these(parts []record.Partition) []record.Partition {
	if parts != nil {
		return parts
	}
	for p := range f.assigned {
		parts = append(parts, p)
	}
	return parts
}

// Lag gives end offset minus position.
func (f *fetcher) Lag() map[record.Partition]int64 {
	out := make(map[record.Partition]int64, len(f.lag))
	for p, n := range f.lag {
		out[p] = n
	}
	return out
}

// Close leaves the group. Rebalanced is called for what is lost, by this goroutine.
func (f *fetcher) Close(ctx context.Context) error {
	if f.discovery != nil {
		f.discovery.end()
	}
	member, _ := f.client.GroupMetadata()
	left := make(chan error, 1)
	go func() { left <- f.client.LeaveGroupContext(ctx) }()
	var failed error
	for waiting := true; waiting; {
		select {
		case r := <-f.rebalances:
			failed = errors.Join(failed, f.settle(ctx, r))
		case err := <-left:
			failed = errors.Join(failed, err)
			waiting = false
		}
	}
	f.closing.Do(func() { close(f.closed) }) // lets go a callback that nobody will serve
	failed = errors.Join(failed, f.leave(ctx, member))
	f.client.Close()
	return failed
}

// leave takes a static member out of its group. It names the member's id too: a successor of the same instance stays.
func (f *fetcher) leave(ctx context.Context, member string) error {
	if f.instance == "" || member == "" {
		return nil
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = f.group
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = member, &f.instance
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, f.client)
	if err != nil {
		return err
	}
	for _, m := range resp.Members {
		switch err := kerr.ErrorForCode(m.ErrorCode); err {
		case nil, kerr.UnknownMemberID, kerr.FencedInstanceID: // gone already, or replaced
		default:
			return err
		}
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}
