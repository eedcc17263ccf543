package sip

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// answerPendingFor is how long an offer of the far side's waits for the other party of the call before it is answered with what stands.
const answerPendingFor = 4 * time.Second

// tryingAfter is when an INVITE within the call that waits so is answered 100.
const tryingAfter = 100 * time.Millisecond

var errNotUp = errors.New("sip: the call is not up")

// A Leg is one SIP call. It implements bridge.Leg and is safe for concurrent use.
type Leg struct {
	*bridge.State
	agent     *Agent
	terminal  media.Terminal
	log       legLog
	came      bool // came in; else it was dialled
	user      string
	callID    string
	headers   map[string]string
	localTag  string
	settled   chan struct{} // closed when the far side has nothing more to say
	signs     chan struct{} // of a call that we place: closed at the first sign of life
	digits    digits
	keyFrames keyFrames
	identity  atomic.Pointer[Identity] // what the far side said of the parties; nil: nothing yet

	// The rest belongs to the inbox of the call.
	dialog     *dialog
	want       media.Plan // what we last spoke for: it answers what nobody else does
	opening    *opening   // of a call that has come and has no final response yet
	tentative  *tentative // provisional response that waits for its PRACK
	rseq       uint32     // RSeq of the last reliable one
	later      []func()   // what waits for that PRACK
	session    session
	asked      *asked
	unacked    *accepted
	inviting   *inviting
	updating   *updating
	updates    []*update
	rest       *time.Timer     // until the next try of an offer of ours
	concluding bool            // the far side has been told the end, or will be
	finished   bool            // settled is closed
	byeOnACK   *bridge.Cause   // BYE waits for the ACK of our acceptance
	injected   uint16          // sequence number of the last injected packet
	wished     *wish           // of the far side, to be replaced
	reporting  *report         // the last word on a transfer, which the far side is to have before BYE
	refers     int             // REFERs that were taken
	referring  []*referring    // ours that are under way
	refersDue  []*referring    // ours that wait for the ACK of our acceptance
	extra      []sipmsg.Header // of the INVITE that we place
}

var _ bridge.Leg = (*Leg)(nil)

// newLeg returns a leg without media.
func (a *Agent) newLeg(d *dialog, info bridge.Info) *Leg {
	info.ID = "sip-" + d.localTag
	info.Placed = time.Now()
	l := &Leg{
		State: bridge.NewState(info), agent: a, log: legLog{a.log, info.ID}, callID: d.callID, localTag: d.localTag, dialog: d,
		settled: make(chan struct{}),
	}
	l.digits.leg, l.keyFrames.leg = l, l
	return l
}

// legLog tells of one leg. The logger of its own that it tells by is made when there is something to tell.
type legLog struct {
	log *slog.Logger
	id  string
}

func (l legLog) Debug(msg string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.With("leg", l.id).Debug(msg, args...)
	}
}

// open opens the leg's media.
func (l *Leg) open() error {
	var err error
	l.terminal, err = l.agent.engine.Open(l.agent.o.policy, &media.OpenOptions{
		Digits: l.digits.put, KeyFrame: l.keyFrames.want,
		Failed: func(err error) { l.post(func() { l.mediaFailed(err) }) },
	})
	return err
}

func (l *Leg) key() legKey { return legKey{l.callID, l.localTag} }

// CallID returns the Call-ID of the call, by which the far side's records know it.
func (l *Leg) CallID() string { return l.callID }

// User returns who of Options.Users has proved to have placed the call; empty if nobody had to, and in a call that we placed.
func (l *Leg) User() string { return l.user }

// Agent returns the agent that the leg belongs to: a Bridge that takes its calls can place others with it.
func (l *Leg) Agent() *Agent { return l.agent }

// Media implements bridge.Leg.
func (l *Leg) Media() media.Endpoint { return l.terminal }

// post has f done in the inbox of the call.
func (l *Leg) post(f func()) bool { return l.agent.post(l.callID, f) }

// run has f done in the inbox of the call and returns its result. It does not return with the end of the leg: f is done all the same, and what
// it has done may be what ends the leg.
func (l *Leg) run(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	if !l.post(func() { result <- f() }) {
		return l.gone()
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.agent.ctx.Done():
		return l.gone()
	}
}

// await waits for a result, or the end of the leg, of the agent, or of ctx.
func (l *Leg) await(ctx context.Context, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-l.Context().Done():
		return l.Ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.agent.ctx.Done():
		return l.gone()
	}
}

// gone is the error of what is asked of a leg whose agent is closed.
func (l *Leg) gone() error {
	if end := l.Ended(); end != nil {
		return end
	}
	return ErrClosed
}

// Ring implements bridge.Leg. Without a plan it sends 180, with one 183 that carries the answer, or, to a caller that made no offer, our
// offer, which is answered with PRACK. That takes reliable responses (RFC 3262): a caller that has none gets 180.
func (l *Leg) Ring(ctx context.Context, early media.Plan) error {
	return l.run(ctx, func() error { return l.ring(early) })
}

// Answer implements bridge.Leg. Of a caller that made no offer it waits for the answer to ours, which comes with the ACK.
func (l *Leg) Answer(ctx context.Context, want media.Plan) error {
	result := make(chan error, 1)
	if !l.post(func() { l.answer(want, func(err error) { result <- err }) }) {
		return l.gone()
	}
	return l.await(ctx, result)
}

// answer answers what the far side has asked, and calls done once with what came of it.
func (l *Leg) answer(want media.Plan, done func(error)) {
	switch {
	case l.Ended() != nil:
		done(l.Ended())
	case l.opening != nil:
		l.accept(want, done)
	case l.asked != nil:
		done(l.answerOffer(want))
	case l.inviting != nil && l.inviting.offered != nil:
		done(l.answerAccepted(want))
	case l.inviting != nil && l.inviting.asking() != nil:
		done(l.inviting.asking().answerEarly(want))
	default:
		done(nil)
	}
}

// Update implements bridge.Leg. It sends a re-INVITE, or UPDATE where Options.OfferByUpdate says so. Before the call is up it sends UPDATE
// (RFC 3311), which takes a far side that has that and, by reliable responses (RFC 3262), an answer to the first offer; else it fails.
func (l *Leg) Update(ctx context.Context, want media.Plan) error {
	u := &update{ctx: ctx, want: want, result: make(chan error, 1)}
	if !l.post(func() { l.update(u) }) {
		return l.gone()
	}
	return l.await(ctx, u.result)
}

// Hangup implements bridge.Leg: a final response by cause to a call that came in and was not accepted, CANCEL to one that we placed,
// BYE to one that is up. While our acceptance has no ACK yet, BYE waits for that (RFC 3261 section 15).
func (l *Leg) Hangup(ctx context.Context, why bridge.Cause) error {
	select {
	case <-l.settled:
		return nil // as when the far side has ended the call
	default:
	}
	l.over(&bridge.EndError{Cause: why})
	if !l.post(func() { l.hangup(why) }) {
		return nil
	}
	select {
	case <-l.settled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.agent.ctx.Done():
		return nil
	}
}

// agreed publishes what is agreed now.
func (l *Leg) agreed(phase bridge.Phase) {
	far := l.terminal.Far()
	l.Change(func(i *bridge.Info) {
		i.Far, i.Pending = far, false
		l.reach(i, phase)
	})
}

// rise publishes how far the call has come.
func (l *Leg) rise(phase bridge.Phase) { l.Change(func(i *bridge.Info) { l.reach(i, phase) }) }

func (l *Leg) reach(i *bridge.Info, phase bridge.Phase) {
	i.Phase = max(i.Phase, phase)
	if phase == bridge.Up && i.Answered.IsZero() {
		i.Answered = time.Now()
		l.terminal.Answered()
	}
}

// request sends a request within the dialog. handle is called once, in the inbox, with the final response or an error.
func (l *Leg) request(req *sipmsg.Request, way conn, handle func(*sipmsg.Response, error)) error {
	return l.requestIn(l.dialog, req, way, handle)
}

// requestIn is request for one of several dialogs: before acceptance there may be some.
func (l *Leg) requestIn(d *dialog, req *sipmsg.Request, way conn, handle func(*sipmsg.Response, error)) error {
	x := &exchange{leg: l, dialog: d, req: req, way: way, handle: func(res *sipmsg.Response, err error) {
		if err != nil || res.StatusCode >= 200 {
			handle(res, err)
		}
	}}
	return x.send()
}
