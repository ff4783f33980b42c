package frontier

import (
	"math/rand/v2"
	"testing"

	"leat/record"
)

var p0 = record.Partition{Topic: "t"}

func TestCommittable(t *testing.T) {
	tests := []struct {
		name    string
		path    string // per offset: g given, d dropped, h dead letter pending, r dead letter acknowledged, . no such offset
		durable record.Offset
		want    record.Offset
	}{
		{"nothing durable", "ggg", 0, 0},
		{"part durable", "ggg", 2, 2},
		{"all durable", "ggg", 3, 3},
		{"dropped after the last durable one", "gggddd", 3, 6},
		{"dropped before the sink", "dddggg", 0, 3},
		{"only dropped", "ddd", 0, 3},
		{"dropped between, first run not durable", "ggddgg", 0, 0},
		{"dropped between, first run durable", "ggddgg", 2, 4},
		{"dropped between, second run begun", "ggddgg", 5, 5},
		{"dead letter pending", "ghg", 3, 1},
		{"dead letter acknowledged", "grg", 3, 3},
		{"two dead letters, the later acknowledged", "hgrg", 4, 0},
		{"gap of a compacted topic", "g..g", 1, 1},
		{"gap, all durable", "g..g", 4, 4},
		{"sink claims more than it was given", "gd", 9, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := New()
			for i, c := range tt.path {
				o := record.Offset(i)
				switch c {
				case 'g':
					tr.Given(p0, o)
				case 'd':
					tr.Dropped(p0, o)
				case 'h', 'r':
					h := tr.Hold(p0, o)
					tr.Dropped(p0, o)
					if c == 'r' {
						h.Release()
					}
				}
			}
			if got := tr.Committable(record.Offsets{p0: tt.durable})[p0]; got != tt.want {
				t.Errorf("committable is %d, want %d", got, tt.want)
			}
		})
	}
}

func TestBadAfterGivenHoldsUntilAcknowledged(t *testing.T) {
	tr := New()
	for o := range record.Offset(4) {
		tr.Given(p0, o)
	}
	h := tr.Hold(p0, 2)
	if got := tr.Committable(record.Offsets{p0: 4})[p0]; got != 2 {
		t.Fatalf("committable is %d before the acknowledgement, want 2", got)
	}
	h.Release()
	if got := tr.Committable(record.Offsets{p0: 4})[p0]; got != 4 {
		t.Fatalf("committable is %d after the acknowledgement, want 4", got)
	}
}

func TestForgetIgnoresLateRelease(t *testing.T) {
	tr := New()
	h := tr.Hold(p0, 0)
	tr.Dropped(p0, 0)
	tr.Forget([]record.Partition{p0})
	h.Release()
	if got := tr.Committable(nil); len(got) != 0 {
		t.Fatalf("committable after Forget is %v, want nothing", got)
	}
}

// TestRandomPaths compares with the definition: the smallest offset that is not taken care of.
func TestRandomPaths(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		tr := New()
		var given, held []record.Offset
		var holds []*Hold
		next, durable := record.Offset(0), record.Offset(0)
		for range 1 + rnd.IntN(30) {
			switch rnd.IntN(5) {
			case 0, 1:
				tr.Given(p0, next)
				given = append(given, next)
				next += 1 + record.Offset(rnd.IntN(2))
			case 2:
				tr.Dropped(p0, next)
				next++
			case 3:
				holds = append(holds, tr.Hold(p0, next))
				held = append(held, next)
				tr.Dropped(p0, next)
				next++
			case 4:
				if len(holds) > 0 {
					i := rnd.IntN(len(holds))
					holds[i].Release()
					holds = append(holds[:i], holds[i+1:]...)
					held = append(held[:i], held[i+1:]...)
				}
				if durable < next {
					durable += record.Offset(rnd.IntN(int(next-durable) + 1))
				}
			}
			got, ok := tr.Committable(record.Offsets{p0: durable})[p0]
			if !ok {
				continue
			}
			for _, o := range append(undurable(given, durable), held...) {
				if o < got {
					t.Fatalf("seed %d: committable %d passes %d, which is not safe", seed, got, o)
				}
			}
			if len(undurable(given, durable)) == 0 && len(held) == 0 && got < lastSeen(tr) {
				t.Fatalf("seed %d: everything is safe, but committable %d stays behind %d", seed, got, lastSeen(tr))
			}
		}
	}
}

func undurable(given []record.Offset, durable record.Offset) (out []record.Offset) {
	for _, o := range given {
		if o >= durable {
			out = append(out, o)
		}
	}
	return out
}

func lastSeen(t *Tracker) record.Offset { return t.parts[p0].next }
