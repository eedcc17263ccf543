package siptest_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/sip/siptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// within returns a context that ends the test's waiting.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// phone returns a phone that is closed at the test's end.
func phone(t *testing.T, o *siptest.PhoneOptions) *siptest.Phone {
	t.Helper()
	p, err := siptest.NewPhone(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// call places a call from a to b and returns both ends of it.
func call(t *testing.T, a, b *siptest.Phone, o *siptest.CallOptions) (out, in *siptest.Call) {
	t.Helper()
	ctx := within(t)
	out, err := a.Call(ctx, b.URI(), o)
	if err != nil {
		t.Fatal(err)
	}
	in, err = b.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return out, in
}

// reach waits until each call has come to a state.
func reach(t *testing.T, s siptest.State, calls ...*siptest.Call) {
	t.Helper()
	for _, c := range calls {
		if err := c.WaitState(within(t), s); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until ok, which is asked again and again.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}

// hears waits until a call has heard a second of a tone, alone.
func hears(t *testing.T, c *siptest.Call, hz float64) {
	t.Helper()
	eventually(t, "a second of sound", func() bool { return len(c.Heard().PCM) >= 8000 })
	eventually(t, "the right tone", func() bool { return c.Heard().ToneShare(hz, time.Second) > 0.98 })
}

// ended checks how a call ended.
func ended(t *testing.T, c *siptest.Call, status int, reason string, byRemote bool) {
	t.Helper()
	reach(t, siptest.Ended, c)
	if s, r, by := c.Ended(); s != status || r != reason || by != byRemote {
		t.Errorf("Ended() = %d %q %t, want %d %q %t", s, r, by, status, reason, byRemote)
	}
}
