package sip_test

import (
	"context"
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

var gateway = bridge.Party{URI: "sip:gw@example.com", Name: "Gateway"}

// registering is a Register under way.
type registering struct {
	t      testing.TB
	result chan registerResult
}

type registerResult struct {
	r   *sip.Registration
	err error
}

func (w *world) register(ctx context.Context, o *sip.RegisterOptions) *registering {
	g := &registering{w.t, make(chan registerResult, 1)}
	go func() {
		r, err := w.agent.Register(ctx, o)
		g.result <- registerResult{r, err}
	}()
	return g
}

func (g *registering) done() *sip.Registration {
	g.t.Helper()
	r := <-g.result
	if r.err != nil {
		g.t.Fatalf("Register: %v", r.err)
	}
	return r.r
}

// asks returns the next REGISTER, which must ask for so many seconds.
func (p *peer) asks(seconds string) *sipmsg.Request {
	p.t.Helper()
	req, ok := p.receive(time.Hour).(*sipmsg.Request)
	if !ok || req.Method != sipmsg.REGISTER || req.Contact() == nil {
		p.t.Fatalf("got %s, want REGISTER", p.raw)
	}
	c := req.Contact()
	if got, _ := c.Params.Get("expires"); got != seconds || req.GetHeader("Expires").Value() != seconds {
		p.t.Fatalf("asks for %s seconds, want %s:\n%s", got, seconds, req)
	}
	return req
}

// grants accepts a REGISTER as a registrar does, which lists another phone's Contact too.
func (p *peer) grants(req *sipmsg.Request, seconds string, extra ...string) {
	p.t.Helper()
	c := req.Contact().Address.String()
	p.reply(req, 200, "r1", "", append(extra, "Contact: <sip:other@192.0.2.44>;expires=7, <"+c+">;q=0.5;Expires="+seconds)...)
}

// registered has an agent registered for so long.
func (w *world) registered(o *sip.RegisterOptions, seconds string) *sip.Registration {
	w.t.Helper()
	g := w.register(background, o)
	w.peer.grants(w.peer.request("REGISTER"), seconds)
	return g.done()
}

func wantState(t testing.TB, r *sip.Registration, registered bool, status int) {
	t.Helper()
	got, err := r.State()
	if got != registered || status == 0 && err != nil || status != 0 && !errors.Is(err, &sip.Error{Status: status}) {
		t.Errorf("State: %v, %v, want %v, status %d", got, err, registered, status)
	}
}
