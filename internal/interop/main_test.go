package interop

import (
	"context"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// within returns a context that ends the test's waiting.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok, which is asked again and again.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
