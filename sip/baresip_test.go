package sip_test

import (
	"context"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestInteropBaresipTransfer has baresip call a phone through the agent and transfer it to another one.
func TestInteropBaresipTransfer(t *testing.T) {
	testutil.Need(t, "baresip")
	t.Parallel()
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Play: siptest.Tone(440)})
	carol := newPhone(t, &siptest.PhoneOptions{User: "carol", Play: siptest.Tone(880)})
	legs := make(chan *sip.Leg, 1)
	a := listen(t, &sip.Options{Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		l, _ := in.(*sip.Leg)
		legs <- l
		return bridge.To(l.Agent(), bob.URI(), &bridge.JoinOptions{Dialer: l.Agent()}).Handle(ctx, in)
	})})
	b := testutil.StartBaresip(t, testutil.BaresipOptions{Tone: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	b.Do("dial", "sip:room@"+a.Addr().String())
	first, err := bob.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hears(t, "bob", first, 1000)
	desk := <-legs
	b.Do("transfer", carol.URI())
	second, err := carol.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wantEnd(t, desk, bridge.Normal, false)
	hears(t, "carol", second, 440)
	if err := second.Hangup(ctx); err != nil {
		t.Fatal(err)
	}
	if err := first.WaitState(ctx, siptest.Ended); err != nil {
		t.Error(err)
	}
}
