package embedded

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// autoTopics creates topics that clients ask for with permission to create them, as Kafka does with auto.create.topics.enable, which
// is on by default and which Connect's users count on. kfake's own way is left off: a topic that it makes so is on disk only after a
// graceful stop, so a crash would forget the topic with all that was acknowledged into it.
//
// As with Kafka, the request that asks is answered before the topic is there; clients ask again.
type autoTopics struct {
	cluster *kfake.Cluster
	wanted  chan string
	stop    chan struct{}
	running sync.WaitGroup
}

// wantedTopics bounds what is waited for; beyond it clients ask again.
const wantedTopics = 1024

func newAutoTopics(c *kfake.Cluster) *autoTopics {
	a := &autoTopics{cluster: c, wanted: make(chan string, wantedTopics), stop: make(chan struct{})}
	a.running.Go(a.run)
	return a
}

// ask looks at a Metadata request; the broker answers it.
func (a *autoTopics) ask(r kmsg.Request) kmsg.Response {
	req, ok := r.(*kmsg.MetadataRequest)
	if !ok || !req.AllowAutoTopicCreation {
		return nil
	}
	for _, t := range req.Topics {
		if t.Topic == nil {
			continue
		}
		select {
		case a.wanted <- *t.Topic:
		default:
		}
	}
	return nil
}

// run creates one topic after the other. That it is there already, or has a name that cannot be, is the usual answer and says nothing.
func (a *autoTopics) run() {
	for {
		select {
		case name := <-a.wanted:
			_ = a.cluster.CreateTopic(name, -1, nil)
		case <-a.stop:
			return
		}
	}
}

// close waits for run to end. The cluster must still serve: run may be waiting for it.
func (a *autoTopics) close() {
	close(a.stop)
	a.running.Wait()
}
