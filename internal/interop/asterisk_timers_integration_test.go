package interop

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/sip"
)

// Both sides insist on session timers (RFC 4028) of 90 s, the shortest that there are. Whoever has placed the call refreshes it after
// half of that, so the test lasts as long.
func TestInteropAsteriskSessionTimers(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	const interval = 90 * time.Second
	for name, test := range map[string]struct {
		called bool
		way    string // of the refresh
	}{"ours": {false, toAsterisk}, "Asterisk's": {true, fromAsterisk}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bob := newPhone(t, "bob", bobTone)
			a := startAsterisk(t, exchange(bob, nil, "timers=always", "timers_min_se=90", "timers_sess_expires=90"))
			h := newHouse(t, a, sip.Options{SessionExpires: interval})
			call, phone := h.connect(bob, test.called)
			hear(t, call, phone, bobTone)
			refreshed := time.Now().Add(interval/2 + patience)
			for a.requests(test.way, "UPDATE") == 0 {
				if time.Now().After(refreshed) {
					t.Fatal("nobody has refreshed the call by UPDATE")
				}
				time.Sleep(time.Second)
			}
			hearAgain(t, call, phone)
			must(t, call.Hangup(within(t)))
			over(t, call, phone, false)
			h.close()
		})
	}
}
