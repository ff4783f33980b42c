package harnesstest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed gives the seed of a randomised test: $LEAT_SEED, or a new one. It is in
// the test's log, with the variable that repeats it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("LEAT_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("LEAT_SEED: %v", err)
		}
	}
	t.Logf("seed: LEAT_SEED=%d", seed)
	return seed
}

// Rand gives random numbers from [Seed].
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}
