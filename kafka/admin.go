package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"leat/record"
)

// clusterAdmin is an Admin over a cluster.
type clusterAdmin struct{ client *kadm.Client }

// CreateTopic creates a topic and tells whether it was absent.
func (a *clusterAdmin) CreateTopic(ctx context.Context, t TopicSpec) (bool, error) {
	settings := make(map[string]*string, len(t.Settings))
	for k, v := range t.Settings {
		settings[k] = &v
	}
	resp, err := a.client.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, settings, t.Name)
	if err == nil {
		err = resp.Err
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	}
	why := "could not be created"
	switch {
	case errors.Is(err, kerr.InvalidReplicationFactor):
		why = fmt.Sprintf("could not be created with replication factor %d: the cluster has fewer brokers", t.ReplicationFactor)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		why = "may not be created by this user; create it by hand or grant CREATE"
	case resp.ErrMessage != "":
		why += " (" + resp.ErrMessage + ")"
	}
	return false, &TopicError{Topic: t.Name, Why: why, Err: err}
}

// DeleteTopic deletes a topic; one that is not there is an error that Missing tells.
func (a *clusterAdmin) DeleteTopic(ctx context.Context, name string) error {
	resp, err := a.client.DeleteTopic(ctx, name)
	if err == nil {
		err = resp.Err
	}
	if err != nil {
		return &TopicError{Topic: name, Why: "could not be deleted", Err: err}
	}
	return nil
}

// Topics lists topics by name.
func (a *clusterAdmin) Topics(ctx context.Context, names ...string) (map[string]TopicInfo, error) {
	found, err := a.client.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]TopicInfo, len(found))
	for name, d := range found {
		if Missing(d.Err) {
			continue
		}
		if d.Err != nil {
			return nil, &TopicError{Topic: name, Why: "could not be looked up", Err: d.Err}
		}
		out[name] = TopicInfo{Name: name, Partitions: d.Partitions.Numbers(), Internal: d.IsInternal}
	}
	return out, nil
}

// TopicSettings gives a topic's effective settings.
func (a *clusterAdmin) TopicSettings(ctx context.Context, name string) (map[string]string, error) {
	found, err := a.client.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := found.On(name, nil)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		return nil, &TopicError{Topic: name, Why: "its settings could not be read", Err: err}
	}
	out := make(map[string]string, len(r.Configs))
	for _, c := range r.Configs {
		out[c.Key] = c.MaybeValue()
	}
	return out, nil
}

// StartOffsets gives topics' first offsets.
func (a *clusterAdmin) StartOffsets(ctx context.Context, topics ...string) (record.Offsets, error) {
	return listed(a.client.ListStartOffsets(ctx, topics...))
}

// EndOffsets gives topics' next offsets.
func (a *clusterAdmin) EndOffsets(ctx context.Context, topics ...string) (record.Offsets, error) {
	return listed(a.client.ListEndOffsets(ctx, topics...))
}

func listed(found kadm.ListedOffsets, err error) (record.Offsets, error) {
	if err == nil {
		err = found.Error()
	}
	if err != nil {
		return nil, err
	}
	out := record.Offsets{}
	found.Each(func(o kadm.ListedOffset) {
		out[record.Partition{Topic: o.Topic, ID: o.Partition}] = record.Offset(o.Offset)
	})
	return out, nil
}

// GroupOffsets gives what a group has committed; a group that is not there has none.
func (a *clusterAdmin) GroupOffsets(ctx context.Context, group string) (record.Offsets, error) {
	found, err := a.client.FetchOffsets(ctx, group)
	switch {
	case Missing(err):
		return record.Offsets{}, nil
	case err != nil:
		return nil, groupError(group, "its offsets could not be read", err)
	}
	out := record.Offsets{}
	for _, o := range found.Offsets().Sorted() {
		if o.At >= 0 {
			out[record.Partition{Topic: o.Topic, ID: o.Partition}] = record.Offset(o.At)
		}
	}
	return out, found.Error()
}

// AlterGroupOffsets sets offsets, and deletes those below 0.
func (a *clusterAdmin) AlterGroupOffsets(ctx context.Context, group string, offsets record.Offsets) error {
	set, gone := kadm.Offsets{}, kadm.TopicsSet{}
	for p, o := range offsets {
		if o < 0 {
			gone.Add(p.Topic, p.ID)
		} else {
			set.AddOffset(p.Topic, p.ID, int64(o), -1)
		}
	}
	if len(set) > 0 {
		if err := a.client.CommitAllOffsets(ctx, group, set); err != nil {
			return groupError(group, "its offsets could not be set", err)
		}
	}
	if len(gone) > 0 {
		deleted, err := a.client.DeleteOffsets(ctx, group, gone)
		if err == nil {
			err = deleted.Error()
		}
		if err != nil && !Missing(err) {
			return groupError(group, "its offsets could not be deleted", err)
		}
	}
	return nil
}

// DeleteGroup deletes a group; one that is not there is fine.
func (a *clusterAdmin) DeleteGroup(ctx context.Context, group string) error {
	resp, err := a.client.DeleteGroup(ctx, group)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !Missing(err) {
		return groupError(group, "could not be deleted", err)
	}
	return nil
}

func groupError(group, why string, err error) error {
	for _, busy := range []error{kerr.NonEmptyGroup, kerr.GroupSubscribedToTopic, kerr.UnknownMemberID} {
		if errors.Is(err, busy) {
			return fmt.Errorf("consumer group %s: %s while it has members; stop them first: %w", group, why, err)
		}
	}
	return fmt.Errorf("consumer group %s: %s: %w", group, why, err)
}
