package sip_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// The parties of transfers: ann is the world's peer and calls carol, who is transferred to dave, or the other way round.
const (
	carolAddr = "192.0.2.3:5060"
	daveAddr  = "192.0.2.4:5060"
)

// transferring is a bridge that joins each call with one that the same agent places, and carries transfers out with it.
func transferring(to string) bridge.Bridge {
	return bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		l, ok := in.(*sip.Leg)
		if !ok {
			return errors.New("not a SIP leg")
		}
		return bridge.To(l.Agent(), to, &bridge.JoinOptions{Dialer: l.Agent()}).Handle(ctx, in)
	})
}

// trio is a call from ann to carol through the agent, and dave, whom nobody has called yet.
type trio struct {
	w            *world
	ann, carol   *script
	carol1, dave *peer
}

// newTrio brings the call up.
func newTrio(t testing.TB) *trio {
	t.Helper()
	w := newWorld(t, &sip.Options{Bridge: transferring("sip:carol@" + carolAddr)})
	tr := &trio{w: w, carol1: w.newPeer(carolAddr), dave: w.newPeer(daveAddr)}
	tr.ann = w.peer.call()
	tr.ann.send("INVITE", offer(1))
	invite := tr.carol1.request("INVITE")
	tr.carol1.reply(invite, 180, "b1", "")
	w.peer.response(180, "INVITE")
	tr.carol1.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0 8 101"))
	tr.carol1.request("ACK")
	tr.carol = tr.carol1.inCall(invite)
	tr.ann.learn(w.peer.response(200, "INVITE"))
	tr.ann.ack("")
	return tr
}

// notify takes a NOTIFY, accepts it and checks the status that it reports.
func (p *peer) notify(status int, last bool) *sipmsg.Request {
	p.t.Helper()
	req := p.request("NOTIFY")
	if got := string(req.Body()); !strings.HasPrefix(got, "SIP/2.0 "+strconv.Itoa(status)+" ") || !strings.HasSuffix(got, "\r\n") {
		p.t.Errorf("NOTIFY says %q, want %d", got, status)
	}
	if got := req.GetHeader("Content-Type").Value(); got != "message/sipfrag;version=2.0" {
		p.t.Errorf("Content-Type %s", got)
	}
	if state := req.GetHeader("Subscription-State").Value(); strings.HasPrefix(state, "terminated") != last || !last && !strings.HasPrefix(state, "active;expires=") {
		p.t.Errorf("Subscription-State %s, last %v", state, last)
	}
	if !strings.HasPrefix(req.GetHeader("Event").Value(), "refer") || req.Contact() == nil {
		p.t.Errorf("not a NOTIFY of REFER:\n%s", p.raw)
	}
	p.reply(req, 200, "", "")
	return req
}

// accepts answers an INVITE of the agent's as a called party does, and returns the peer's side of the call.
func (p *peer) accepts(invite *sipmsg.Request, tag, body string) *script {
	p.t.Helper()
	p.reply(invite, 200, tag, body)
	p.request("ACK")
	s := p.inCall(invite)
	s.tag = tag
	return s
}

// byes takes a BYE.
func (p *peer) byes() {
	p.t.Helper()
	p.reply(p.request("BYE"), 200, "", "")
}

// all takes requests until there was one of each of these, in any order.
func (p *peer) all(methods ...string) {
	p.t.Helper()
	for len(methods) > 0 {
		req, ok := p.receive(patience).(*sipmsg.Request)
		if !ok {
			p.t.Fatalf("no %v", methods)
		}
		switch i := slices.Index(methods, string(req.Method)); {
		case i >= 0:
			methods = slices.Delete(methods, i, i+1)
			p.reply(req, 200, "", "")
		case req.Method == sipmsg.INVITE:
			p.accepts(req, "", describe(9, "sendrecv", 30000, "0 8 101"))
		}
	}
}
