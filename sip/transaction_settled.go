package sip

import (
	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// maxForks is how many branches of one INVITE of ours are told apart; what further ones accept is not even refused.
const maxForks = 16

// settled is what is kept of an INVITE of ours that has its final response, whose repetitions and, from other branches, like ones are
// answered with ACK: timers D and M (RFC 3261 section 17.1.1.2, RFC 6026 section 7.2). It belongs to its call's inbox.
type settled struct {
	refused bool
	acks    []sent
	handle  func(*sipmsg.Response, error) // takes 2xx until the first has its ACK; then nil

	// The rest is to hang up other branches that accept; there is none of an offer within a call.
	invite []byte // its text
	way    conn   // that it went
	login  login
	seqs   []branchSeq // of branches that had further requests
}

// branchSeq is the number of our last request to a branch.
type branchSeq struct {
	tag string
	seq uint32
}

// sent is an ACK as it went out.
type sent struct {
	tag  string // To tag of the 2xx; empty for a refusal
	text []byte
	way  conn
}

// pack leaves what is not known yet, or is a secret, as it is.
func (s *settled) pack(w *packer) {
	w.unable = s.handle != nil || len(s.login.creds)+len(s.login.known) > 0
	refused := 0
	if s.refused {
		refused = 1
	}
	w.number(refused)
	w.number(len(s.acks))
	for _, ack := range s.acks {
		w.string(ack.tag)
		w.bytes(ack.text)
		w.way(ack.way)
	}
	w.bytes(s.invite)
	w.way(s.way)
	w.number(len(s.seqs))
	for _, b := range s.seqs {
		w.string(b.tag)
		w.number(int(b.seq))
	}
}

func unpackSettled(u *unpacker) *settled {
	s := &settled{refused: u.number() == 1}
	for range u.number() {
		s.acks = append(s.acks, sent{u.string(), u.bytes(), u.way()})
	}
	s.invite, s.way = u.bytes(), u.way()
	for range u.number() {
		s.seqs = append(s.seqs, branchSeq{u.string(), uint32(u.number())})
	}
	return s
}

// repeated takes a response after the final one.
func (s *settled) repeated(a *Agent, res *sipmsg.Response) {
	switch {
	case s.refused && res.StatusCode >= 300:
		s.acks[0].again(a)
		return
	case s.refused || !res.IsSuccess():
		return
	}
	tag := tagOf(res.To().Params)
	for i := range s.acks {
		if s.acks[i].tag == tag {
			s.acks[i].again(a)
			return
		}
	}
	switch {
	case s.handle != nil:
		s.handle(res, nil)
	case s.invite != nil:
		s.forked(a, res)
	}
}

// acknowledge sends the ACK of a 2xx (RFC 3261 section 13.2.2.4), and keeps it.
func (s *settled) acknowledge(d *dialog, invite *sipmsg.Request, res *sipmsg.Response, sdp []byte) error {
	way, err := d.way()
	if err != nil {
		return err
	}
	ack := d.request(sipmsg.ACK, invite.CSeq().SeqNo)
	copyFields(ack, invite, "Authorization", "Proxy-Authorization")
	if sdp != nil {
		setSDP(ack, sdp)
	}
	way, text, err := d.moved(d.agent.transport, ack, way)
	if err != nil {
		return err
	}
	s.acks = append(s.acks, sent{tagOf(res.To().Params), text, way})
	return d.agent.transport.request(way, text)
}

// mayFork makes ready for other branches of an INVITE that accept too.
func (s *settled) mayFork(inv *inviting) {
	tx := inv.exchange.tx
	s.invite, s.way, s.login = tx.text, tx.way, inv.leg.dialog.login
	for _, b := range inv.branches {
		if b.dialog != inv.leg.dialog && b.dialog.seq > tx.req.CSeq().SeqNo {
			s.seqs = append(s.seqs, branchSeq{b.tag, b.dialog.seq})
		}
	}
}

// forked hangs up a branch that has accepted after another. The call itself may be long over.
func (s *settled) forked(a *Agent, res *sipmsg.Response) {
	msg, err := a.transport.parser.ParseSIP(s.invite)
	invite, ok := msg.(*sipmsg.Request)
	if err != nil || !ok || len(s.acks) >= maxForks {
		return
	}
	d := a.dialogAfter(invite, s.way, res)
	defer d.keep(nil)
	d.login = s.login
	for _, b := range s.seqs {
		if b.tag == d.remoteTag {
			d.seq = b.seq
		}
	}
	if err := s.acknowledge(d, invite, res, nil); err != nil {
		a.log.Debug("ACK not sent", "error", err)
	}
	way, err := d.way()
	if err != nil {
		return
	}
	bye := d.request(sipmsg.BYE, 0)
	bye.AppendHeader(reasonHeader(bridge.Elsewhere))
	if err := (&exchange{dialog: d, req: bye, way: way, handle: func(*sipmsg.Response, error) {}}).send(); err != nil {
		a.log.Debug("BYE not sent", "error", err)
	}
}

// again sends the ACK, over a new connection if the one that it took is gone.
func (s *sent) again(a *Agent) {
	way, err := a.transport.renew(a.ctx, s.way)
	if err == nil {
		s.way = way
		err = way.write(s.text)
	}
	if err != nil {
		a.log.Debug("ACK not sent", "error", err)
	}
}
