package program

import (
	"context"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come.
const Patience = 40 * time.Second

// lookInterval is how often Eventually asks.
const lookInterval = 10 * time.Millisecond

// Within returns a context that ends the test's waiting: after [Patience], or with the test.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until ok, which is asked again and again. It fails the test, which names what is awaited, after [Patience].
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := Within(t)
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}
