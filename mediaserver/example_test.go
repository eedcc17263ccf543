package mediaserver_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// trunk places calls to numbers through a SIP trunk.
type trunk struct {
	host string
	via  bridge.Dialer
}

// Dial implements bridge.Dialer.
func (t trunk) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	if !strings.Contains(to, ":") {
		to = "sip:" + to + "@" + t.host
	}
	return t.via.Dial(ctx, to, o)
}

// as is the trunk for calls that say more than whom they are to.
func (t trunk) as(agent *sip.Agent, d *mediaserver.Destination) bridge.Dialer {
	o := &sip.CallOptions{Headers: d.Headers}
	if d.AssertedIdentity != "" {
		o.Identity.Asserted = []bridge.Party{mediaserver.PartyOf(d.AssertedIdentity)}
	}
	if d.Diversion != "" {
		o.Identity.Diversion = []sip.Diversion{{From: mediaserver.PartyOf(d.Diversion)}}
	}
	return trunk{host: t.host, via: agent.As(o)}
}

// campaign has everybody who answers hang up.
type campaign struct{ over chan struct{} }

func (campaign) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (campaign) IVRCommand(context.Context, *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	return &mediaserver.Command{Hangup: true}, nil
}

func (campaign) CallEvent(context.Context, *mediaserver.CallEvent) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (c campaign) Notify(_ context.Context, n *mediaserver.Notice) {
	if n.Kind == mediaserver.SessionCompleted {
		close(c.over)
	}
}

// A media server calls a number through a trunk, and says who calls.
func Example() {
	phone := must(siptest.NewPhone(nil)) // the trunk
	defer phone.Close()
	sound := must(engine.Listen("127.0.0.1:0", nil))
	defer sound.Close()
	clock := audio.NewClock(nil)
	defer clock.Close()
	app := campaign{over: make(chan struct{})}
	server := &mediaserver.Server{Application: app, Clock: clock, Domain: "hotel.example"}
	agent := must(sip.Listen("127.0.0.1:0", sound, &sip.Options{Bridge: server}))
	defer agent.Close()
	out := trunk{host: phone.Addr().String(), via: agent}
	server.Dialer = out
	server.DialerFor = func(d *mediaserver.Destination) bridge.Dialer { return out.as(agent, d) }

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = must(server.Place(ctx, &mediaserver.CallOptions{Destination: mediaserver.Destination{
		Addr: "+46701234567", MaxRing: 20 * time.Second, From: "+4681234567", AssertedIdentity: `"Front desk" <sip:100@hotel.example>`,
		Headers: map[string]string{"X-Room": "7"},
	}}))
	call := must(phone.NextCall(ctx))
	from, _, _ := strings.Cut(call.Header("From"), "@")
	to, _, _ := strings.Cut(call.Header("To"), "@")
	fmt.Println(from, to)
	fmt.Println(call.Header("P-Asserted-Identity"), call.Header("X-Room"))
	<-app.over
	if err := server.Drain(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <sip:+4681234567 <sip:+46701234567
	// "Front desk" <sip:100@hotel.example> 7
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
