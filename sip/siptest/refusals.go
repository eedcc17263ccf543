package siptest

import (
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxRefusals is how many of its refused INVITEs a phone remembers, to acknowledge the refusal again when it is repeated.
const maxRefusals = 256

// refusals are the ACKs to the latest final responses other than 2xx. sipgo sends the first ACK itself, but meets a repeated response by
// waiting four seconds with its transaction locked, which under fake time never end. So a transaction is ended with its final
// response, and what still comes for it is acknowledged from here. Safe for concurrent use.
type refusals struct {
	mu    sync.Mutex
	acks  map[string]*sipmsg.Request // by branch
	order []string
}

// remember keeps ack for the branch of its INVITE.
func (r *refusals) remember(branch string, ack *sipmsg.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.acks == nil {
		r.acks = make(map[string]*sipmsg.Request)
	}
	if len(r.order) == maxRefusals {
		delete(r.acks, r.order[0])
		r.order = r.order[1:]
	}
	r.acks[branch] = ack
	r.order = append(r.order, branch)
}

// recall returns a copy of the ACK for branch, or nil.
func (r *refusals) recall(branch string) *sipmsg.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ack := r.acks[branch]; ack != nil {
		return ack.Clone()
	}
	return nil
}

// branchOf returns the branch of the topmost Via of msg.
func branchOf(msg sipmsg.Message) string {
	if via := msg.Via(); via != nil {
		return via.Params.GetOr("branch", "")
	}
	return ""
}

// refused ends the transaction of invite after its final response res, which is no 2xx and has been acknowledged by sipgo.
func (p *Phone) refused(tx *sipmsg.ClientTx, invite *sipmsg.Request, res *sipmsg.Response) {
	// RFC 3261 section 17.1.1.3.
	ack := sipmsg.NewRequest(sipmsg.ACK, *invite.Recipient.Clone())
	ack.AppendHeader(invite.Via().Clone())
	for _, name := range []string{"Route", "From", "Call-ID"} {
		sipmsg.CopyHeaders(name, invite, ack)
	}
	sipmsg.CopyHeaders("To", res, ack)
	forwards := sipmsg.MaxForwardsHeader(70)
	ack.AppendHeader(&forwards)
	ack.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.ACK})
	ack.SetBody(nil)
	p.address(ack, invite.Via().Transport == "TCP")
	ack.SetDestination(invite.Destination())
	p.refusals.remember(branchOf(invite), ack)
	tx.Terminate()
}

// unmatched handles a response that belongs to no transaction any more, in a goroutine of sipgo's.
func (p *Phone) unmatched(res *sipmsg.Response) {
	seq := res.CSeq()
	if seq == nil || seq.MethodName != sipmsg.INVITE || res.StatusCode < 300 || !p.enter() {
		return
	}
	defer p.running.Done()
	ack := p.refusals.recall(branchOf(res))
	if ack == nil {
		return
	}
	if err := p.write(p.ctx, ack); err != nil {
		p.log.Debug("ACK again", "error", err)
	}
}
