package kafka

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"leat/record"
)

// contents is what a table's Changed saw last, by key.
type contents struct {
	mu sync.Mutex
	m  map[string]string
}

func (c *contents) changed(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Value == nil {
		delete(c.m, string(m.Key))
		return
	}
	c.m[string(m.Key)] = string(m.Value)
}

func (c *contents) now() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.m)
}

func entry(k, v string) Message {
	m := Message{Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Key: []byte(k)}
	if v != "" {
		m.Value = []byte(v)
	}
	return m
}

func TestTableIsCreatedCompactedAndShowsTheLastValueByKey(t *testing.T) {
	c := cluster(t)
	seen := &contents{m: map[string]string{}}
	o := TableOptions{Topic: "offsets", Partitions: 5, ReplicationFactor: 1, ClientID: "t", Changed: seen.changed}
	table, err := c.OpenTable(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	settings, err := c.Admin().TopicSettings(soon(t), "offsets")
	if err != nil || settings["cleanup.policy"] != "compact" {
		t.Fatalf("settings %v, %v", settings, err)
	}
	want := map[string]string{}
	for i := range 50 {
		k := fmt.Sprintf("k%d", i%10)
		want[k] = fmt.Sprint(i)
		if err := table.Put(soon(t), entry(k, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	delete(want, "k3")
	if err := table.Put(soon(t), entry("k3", ""), entry("x", "y")); err != nil {
		t.Fatal(err)
	}
	want["x"] = "y"
	if err := table.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got := seen.now(); !maps.Equal(got, want) {
		t.Errorf("table holds %v, want %v", got, want)
	}
	later := &contents{m: map[string]string{}}
	o.Changed = later.changed
	again, err := c.OpenTable(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := later.now(); !maps.Equal(got, want) {
		t.Errorf("opened again it holds %v, want %v", got, want)
	}
	if err := table.Put(soon(t), entry("late", "1")); err != nil {
		t.Fatal(err)
	}
	if err := again.Sync(soon(t)); err != nil || later.now()["late"] != "1" {
		t.Errorf("the other table's put is not there after Sync: %v, %v", later.now(), err)
	}
}

func TestTopicThatIsNotCompactedIsRefusedWithTheFix(t *testing.T) {
	for _, policy := range []string{"delete", "compact,delete"} {
		c := cluster(t)
		makeTopic(t, c, "configs", 1, map[string]string{"cleanup.policy": policy})
		_, err := c.OpenTable(soon(t), TableOptions{Topic: "configs", Partitions: 1, ReplicationFactor: 1, Changed: func(Message) {}})
		var topic *TopicError
		if !errors.As(err, &topic) || Retriable(err) || !strings.Contains(err.Error(), "cleanup.policy=compact") {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
}

func TestGroupOffsetsCanBeSetDeletedAndReset(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 3, nil)
	admin := c.Admin()
	zero, one := record.Partition{Topic: "shop"}, record.Partition{Topic: "shop", ID: 1}
	if err := admin.AlterGroupOffsets(soon(t), "connect-s", record.Offsets{zero: 5, one: 7}); err != nil {
		t.Fatal(err)
	}
	if err := admin.AlterGroupOffsets(soon(t), "connect-s", record.Offsets{zero: -1}); err != nil {
		t.Fatal(err)
	}
	got, err := admin.GroupOffsets(soon(t), "connect-s")
	if err != nil || !maps.Equal(got, record.Offsets{one: 7}) {
		t.Errorf("offsets %v, %v", got, err)
	}
	if err := admin.DeleteGroup(soon(t), "connect-s"); err != nil {
		t.Fatal(err)
	}
	if got, err := admin.GroupOffsets(soon(t), "connect-s"); err != nil || len(got) != 0 {
		t.Errorf("offsets of a deleted group %v, %v", got, err)
	}
	if err := admin.DeleteGroup(soon(t), "connect-s"); err != nil {
		t.Errorf("deleting it again: %v", err)
	}
}

func TestTopicsOfTheCluster(t *testing.T) {
	c := cluster(t)
	makeTopic(t, c, "shop", 3, map[string]string{"max.message.bytes": "12345"})
	admin := c.Admin()
	if created, err := admin.CreateTopic(soon(t), TopicSpec{Name: "shop", Partitions: 1, ReplicationFactor: 1}); created || err != nil {
		t.Errorf("creating it again: %v, %v", created, err)
	}
	found, err := admin.Topics(soon(t), "shop", "absent")
	if err != nil || len(found) != 1 || len(found["shop"].Partitions) != 3 {
		t.Errorf("topics %v, %v", found, err)
	}
	settings, err := admin.TopicSettings(soon(t), "shop")
	if err != nil || settings["max.message.bytes"] != "12345" {
		t.Errorf("settings %v, %v", settings, err)
	}
	if _, err := admin.CreateTopic(soon(t), TopicSpec{Name: "rf", Partitions: 1, ReplicationFactor: 3}); err == nil || Retriable(err) ||
		!strings.Contains(err.Error(), "replication factor 3") {
		t.Errorf("too many replicas: %v", err)
	}
	if err := admin.DeleteTopic(soon(t), "shop"); err != nil {
		t.Error(err)
	}
	if err := admin.DeleteTopic(soon(t), "shop"); !Missing(err) {
		t.Errorf("deleting it again: %v", err)
	}
	if id, err := c.ID(soon(t)); err != nil || id == "" {
		t.Errorf("id %q, %v", id, err)
	}
}
