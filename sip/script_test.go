package sip_test

import (
	"crypto/rand"
	"fmt"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// script is one call as the peer sees it.
type script struct {
	p         *peer
	callID    string
	tag       string // the peer's
	agentTag  string
	seq       int
	branch    string
	rport     bool
	routes    []string
	agentURI  string
	inviteSeq int
	inviteVia string // its branch
}

func (p *peer) call() *script {
	return &script{p: p, callID: rand.Text(), tag: rand.Text(), seq: 100, agentURI: "sip:room@" + agentAddr}
}

// text returns a request of the peer's.
func (s *script) text(method string, seq int, branch, body string, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, s.agentURI)
	rport := ""
	if s.rport {
		rport = ";rport"
	}
	fmt.Fprintf(&b, "Via: SIP/2.0/UDP %s;branch=%s%s\r\n", s.p.addr, branch, rport)
	for _, r := range s.routes {
		b.WriteString(r + "\r\n")
	}
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: \"Ann \\\"A\\\" Lee\" <sip:ann@example.com>;tag=%s\r\nTo: <sip:room@example.net>%s\r\n", s.tag, tagText(s.agentTag))
	fmt.Fprintf(&b, "Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:ann@%s>\r\n", s.callID, seq, method, s.p.addr)
	for _, h := range extra {
		b.WriteString(h + "\r\n")
	}
	if body != "" && !strings.Contains(strings.Join(extra, "\n"), "Content-Type") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

func tagText(tag string) string {
	if tag == "" {
		return ""
	}
	return ";tag=" + tag
}

// send sends a new request and returns its text, for repetitions.
func (s *script) send(method, body string, extra ...string) string {
	s.seq++
	s.branch = "z9hG4bK" + rand.Text()
	if method == "INVITE" {
		s.inviteSeq, s.inviteVia = s.seq, s.branch
	}
	text := s.text(method, s.seq, s.branch, body, extra...)
	s.p.send(text)
	return text
}

// cancel sends CANCEL for the last request.
func (s *script) cancel(extra ...string) string {
	text := s.text("CANCEL", s.seq, s.branch, "", extra...)
	s.p.send(text)
	return text
}

// ack sends the ACK of a 2xx.
func (s *script) ack(body string) {
	s.p.send(s.text("ACK", s.inviteSeq, "z9hG4bK"+rand.Text(), body))
}

// ackRefusal sends the ACK of another final response.
func (s *script) ackRefusal() { s.p.send(s.text("ACK", s.inviteSeq, s.inviteVia, "")) }

// learn takes the agent's tag from a response.
func (s *script) learn(res *sipmsg.Response) { s.agentTag, _ = res.To().Params.Get("tag") }

// ringing has the agent ring at a call of the peer's, with want as early media unless it is nil, and returns the leg and the 180 or 183.
func (s *script) ringing(w *world, want media.Plan, extra ...string) (*sip.Leg, *sipmsg.Response) {
	s.p.t.Helper()
	s.send("INVITE", offer(1), extra...)
	l, status := w.leg(), 180
	if want != nil {
		status = 183
	}
	if err := l.Ring(background, want); err != nil {
		s.p.t.Fatal(err)
	}
	res := s.p.response(status, "INVITE")
	s.learn(res)
	return l, res
}

// accepted has the agent accept a call of the peer's, with want as its answer, and returns the leg and the 200, which has no ACK yet.
func (s *script) accepted(w *world, want media.Plan, extra ...string) (*sip.Leg, *sipmsg.Response) {
	s.p.t.Helper()
	s.send("INVITE", offer(1), extra...)
	l := w.leg()
	if err := l.Answer(background, want); err != nil {
		s.p.t.Fatal(err)
	}
	res := s.p.response(200, "INVITE")
	s.learn(res)
	return l, res
}

// up brings a call of the peer's up, with want as the agent's answer, and returns the leg.
func (s *script) up(w *world, want media.Plan) *sip.Leg {
	s.p.t.Helper()
	l, _ := s.accepted(w, want)
	s.ack("")
	return l
}

// offering has the peer put the agent on hold, in a call that is up: the offer waits for its answer.
func (s *script) offering(l *sip.Leg) {
	s.p.t.Helper()
	s.send("INVITE", hold(2))
	waitInfo(s.p.t, l, func(i bridge.Info) bool { return i.Pending })
}

// updating has the agent put the peer on hold, and returns its INVITE, and what its update will come to.
func (w *world) updating(l *sip.Leg) (*sipmsg.Request, <-chan error) {
	w.t.Helper()
	done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
	return w.peer.request("INVITE"), done
}

// inCall returns the script of a call that the agent placed, given its INVITE. The peer's tag is b1.
func (p *peer) inCall(invite *sipmsg.Request) *script {
	from, _ := invite.From().Params.Get("tag")
	return &script{p: p, callID: invite.CallID().Value(), tag: "b1", agentTag: from, seq: 500, agentURI: invite.Contact().Address.String()}
}
