package sip

import (
	"slices"
	"strconv"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// earlyPendingFor is how long an offer in a provisional response waits for the other party of the call: its PRACK cannot wait longer, for
// nothing more may come before it.
const earlyPendingFor = time.Second

// branch is one early dialog of an INVITE of ours that begins a call: what one To tag says. A proxy that forks makes several. Each has an
// exchange of offer and answer of its own; the media of the leg follow the last that had one, and in the end the branch that accepts.
type branch struct {
	inv    *inviting
	tx     *clientTx // the INVITE as it was sent then
	tag    string
	dialog *dialog
	gone   bool // it has said BYE

	rseq     uint32             // RSeq of the last reliable response; 0: none
	rack     string             // RAck for it
	pracking bool               // its PRACK is under way
	lost     bool               // its PRACK was not confirmed
	offered  *media.Description // in it, and waits for our answer, which PRACK takes
	wish     media.Plan         // what that is to say
	timer    *time.Timer        // answers with what stands
	answer   string             // to the offer in our INVITE, as it was taken last
	complete bool               // there was an offer and an answer, reliably: more may follow
	talk     talk               // the last exchange
}

// talk is an exchange of offer and answer that can be taken up again.
type talk struct {
	offer  *media.Description // theirs; nil: ours
	answer media.Description  // theirs
	want   media.Plan
	later  bool // our offer was not that of the INVITE
}

// branch returns the early dialog that a response belongs to, which it may begin; nil if there are too many. The acceptance of one takes the
// place of another then.
func (inv *inviting) branch(res *sipmsg.Response) *branch {
	tag := tagOf(res.To().Params)
	inv.branches = slices.DeleteFunc(inv.branches, func(b *branch) bool {
		old := b.tx != inv.exchange.tx // of an INVITE that was challenged
		if old {
			b.release()
		}
		return old
	})
	b := inv.find(tag)
	switch {
	case b != nil:
		return b
	case len(inv.branches) == 1 && inv.branches[0].tag == "": // a far side that had no tag before
		b = inv.branches[0]
		b.tag, b.dialog.remoteTag = tag, tag
		return b
	case len(inv.branches) >= maxForks:
		if !res.IsSuccess() {
			return nil
		}
		inv.branches[0].release()
		inv.branches = inv.branches[1:]
	}
	b = &branch{inv: inv, tx: inv.exchange.tx, tag: tag, dialog: inv.leg.dialog.fork(res)}
	inv.branches = append(inv.branches, b)
	return b
}

// find returns the branch of a tag, or nil.
func (inv *inviting) find(tag string) *branch {
	if i := slices.IndexFunc(inv.branches, func(b *branch) bool { return b.tag == tag }); i >= 0 {
		return inv.branches[i]
	}
	return nil
}

// asking returns the first branch whose offer waits, or nil.
func (inv *inviting) asking() *branch {
	if i := slices.IndexFunc(inv.branches, func(b *branch) bool { return b.offered != nil }); i >= 0 {
		return inv.branches[i]
	}
	return nil
}

// dialogOf returns the dialog with the far side's tag, or nil.
func (l *Leg) dialogOf(tag string) *dialog {
	if l.inviting != nil && l.inviting.first && l.inviting.winner == nil {
		if b := l.inviting.find(tag); b != nil {
			return b.dialog
		}
	}
	if l.dialog.remoteTag == tag {
		return l.dialog
	}
	return nil
}

// dialogFor returns the dialog that a request of the far side's is within, or nil. A far side of RFC 2543, whose 2xx had no tag, may have one
// in what it sends itself: that is its tag from then on (RFC 3261 section 12.1.2 has the lack of one stand for none).
func (l *Leg) dialogFor(req *sipmsg.Request) *dialog {
	tag := tagOf(req.From().Params)
	if d := l.dialog; d.ours && d.remoteTag == "" && !l.Info().Answered.IsZero() {
		d.remoteTag = tag
	}
	return l.dialogOf(tag)
}

// branchOf returns the branch that a dialog is of, or nil if the call is up.
func (l *Leg) branchOf(d *dialog) *branch {
	if l.inviting == nil {
		return nil
	}
	if i := slices.IndexFunc(l.inviting.branches, func(b *branch) bool { return b.dialog == d }); i >= 0 && d != l.dialog {
		return l.inviting.branches[i]
	}
	return nil
}

func (b *branch) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.offered = nil
}

// release gives up what the branch holds, unless it has become the call.
func (b *branch) release() {
	b.stop()
	if b.dialog != b.inv.leg.dialog {
		b.dialog.keep(nil)
	}
}

// next reports whether a provisional response is to be taken, and whether it wants PRACK. Of reliable ones those are taken that come in
// their order; the others come again (RFC 3262 section 4).
func (b *branch) next(res *sipmsg.Response) (take, reliable bool) {
	if b.inv.leg.agent.o.Reliable == ReliableOff || !requires(res, tagReliable) {
		return true, false
	}
	n, err := strconv.ParseUint(headerText(res, "rseq"), 10, 32)
	rseq := uint32(n)
	switch {
	case err != nil || rseq == 0:
		return true, false
	case b.rseq == rseq:
		if b.lost { // else the transaction of the PRACK takes care of it
			b.prack(nil)
		}
		return false, true
	case b.rseq != 0 && rseq != b.rseq+1:
		return false, true
	}
	b.rseq, b.rack = rseq, strconv.FormatUint(n, 10)+" "+strconv.FormatUint(uint64(res.CSeq().SeqNo), 10)+" INVITE"
	return true, true
}

// prack says that the last reliable response has come.
func (b *branch) prack(sdp []byte) {
	l := b.inv.leg
	b.lost, b.pracking = false, true
	way, err := b.dialog.way()
	if err == nil {
		req := b.dialog.request(sipmsg.PRACK, 0)
		req.AppendHeader(sipmsg.NewHeader("RAck", b.rack))
		if sdp != nil {
			setSDP(req, sdp)
		}
		err = l.requestIn(b.dialog, req, way, func(res *sipmsg.Response, err error) {
			b.lost, b.pracking = err != nil || !res.IsSuccess(), false
			l.nextUpdate()
		})
	}
	if err != nil {
		b.lost, b.pracking = true, false
		l.log.Debug("PRACK not sent", "error", err)
	}
}

// takeAnswer takes the answer to the offer in our INVITE, if a response has one that is not the one that stands. A later one of the same
// branch takes the place of an earlier one, which far sides should not do and do; once more was agreed, it is the same one again.
func (b *branch) takeAnswer(res *sipmsg.Response, reliable bool) (took bool, err error) {
	text, err := sdpText(res)
	if err != nil || text == nil {
		return false, err
	}
	up := b.inv.leg.updating
	if b.complete && (b.talk.later || b.talk.offer != nil || up != nil && up.branch == b) {
		return false, nil
	}
	if up != nil { // the media wait for the answer to an offer in another branch
		d, err := media.ParseDescription(text)
		if err == nil {
			b.answer, b.talk, b.complete = string(text), talk{answer: d}, b.complete || reliable
		}
		return false, err
	}
	if b.answer != string(text) || b.inv.current != b {
		d, err := media.ParseDescription(text)
		if err != nil {
			return false, err
		}
		if err := b.inv.accept(d); err != nil {
			return false, err
		}
		b.answer, b.talk, b.inv.current = string(text), talk{answer: d}, b
	}
	b.complete = b.complete || reliable
	return true, nil
}

// accept takes an answer to the offer in our INVITE. If the media have seen another exchange since, the offer is made again for it.
func (inv *inviting) accept(answer media.Description) error {
	t := inv.leg.terminal
	if inv.moved {
		if _, err := t.Offer(inv.want); err != nil {
			return err
		}
	}
	if err := t.Accept(answer); err != nil {
		if inv.moved {
			t.Rollback()
		}
		return err
	}
	inv.moved = false
	return nil
}

// resume makes the media those of this branch, if another had the last exchange.
func (b *branch) resume() error {
	inv, t := b.inv, b.inv.leg.terminal
	if inv.current == b || inv.current == nil {
		return nil
	}
	inv.current = b
	switch {
	case b.talk.offer != nil:
		_, err := t.Answer(*b.talk.offer, b.talk.want)
		return err
	case b.answer == "":
		return nil // its first answer comes now
	case b.talk.later:
		if _, err := t.Offer(b.talk.want); err != nil {
			return err
		}
		return t.Accept(b.talk.answer)
	}
	return inv.accept(b.talk.answer)
}

// takeOffer takes the offer in a reliable provisional response to an INVITE that had none. It waits for our answer.
func (b *branch) takeOffer(res *sipmsg.Response) (took bool, err error) {
	offer, err := readSDP(res)
	if err != nil || offer.IsZero() || b.complete {
		return false, err
	}
	l := b.inv.leg
	b.offered = &offer
	b.timer = time.AfterFunc(earlyPendingFor, func() {
		l.post(func() {
			if b.offered != nil {
				_ = b.answerEarly(b.wish)
			}
		})
	})
	l.Change(func(i *bridge.Info) {
		i.Far, i.Pending = offer.Plan(), true
		l.reach(i, bridge.Alerting)
	})
	return true, nil
}

// answerEarly answers the offer of a branch with PRACK.
func (b *branch) answerEarly(want media.Plan) error {
	l, offer := b.inv.leg, b.offered
	if l.updating != nil { // the media wait for the answer to an offer in another branch
		b.wish = want
		b.timer.Reset(earlyPendingFor)
		return nil
	}
	b.stop()
	d, err := l.terminal.Answer(*offer, want)
	if err != nil {
		b.prack(nil)
		l.failed(bridge.Media, err)
		return l.Ended()
	}
	l.want, b.complete = want, true
	b.talk, b.inv.current, b.inv.moved = talk{offer: offer, want: want}, b, true
	b.prack(textOf(d))
	l.agreed(bridge.Early)
	return nil
}
