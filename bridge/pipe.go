package bridge

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
)

// answerPendingFor is how long a leg of a Pipe lets an offer wait before it answers with what stands.
const answerPendingFor = 4 * time.Second

// Pipe returns a call in memory, for tests and for programs that are a party themselves. near is a leg that has come in with an offer
// of p (of nothing if p is nil); far is the caller's own end of it, a leg that was dialled. What one does the other sees: offers are
// really made and answered, with a policy that allows the codecs of p, or everything if p is nil.
func Pipe(p media.Plan) (near, far Leg) {
	w := &wire{}
	policy := media.Phone()
	if p != nil {
		audio, _ := p.Find(media.Audio)
		policy.Audio = audio.Codecs
	}
	id := "pipe-" + rand.Text()
	e1, e2 := media.Pipe(nil)
	now := time.Now()
	from, to := Party{URI: "pipe:far"}, Party{URI: "pipe:near"}
	in := &pipeLeg{State: NewState(Info{ID: id, From: from, To: to, Came: true, Placed: now}), wire: w, policy: policy, came: true}
	out := &pipeLeg{State: NewState(Info{ID: id + "-far", From: from, To: to, Placed: now}), wire: w, policy: policy}
	in.peer, out.peer = out, in
	in.media, out.media = e1, e2
	if p != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		_ = out.offer(p) // a plan without a codec leaves near without an offer
	}
	return in, out
}

// wire is what the two legs of a pipe have in common. Its lock is above those of their States.
type wire struct{ mu sync.Mutex }

type pipeLeg struct {
	*State
	wire   *wire
	peer   *pipeLeg
	policy *media.Policy
	media  *media.PipeEnd
	came   bool // came in; else it was dialled

	// The rest is guarded by wire.mu.
	neg     media.Negotiation
	want    media.Plan        // what we last wanted: what stands
	offered media.Description // the peer's offer, while it waits
	timer   *time.Timer       // until that is answered with what stands
	own     *pipeOffer        // our offer, while it waits
}

// pipeOffer is an offer that waits for the peer.
type pipeOffer struct {
	want media.Plan
	done chan struct{} // closed when it is answered, refused or the call is over
	err  error
}

func (l *pipeLeg) Media() media.Endpoint { return l.media }

func (l *pipeLeg) Ring(_ context.Context, early media.Plan) error {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	switch phase := l.Info().Phase; {
	case phase == Over:
		return l.Ended()
	case !l.came || phase >= Up:
		return nil
	case early == nil || l.offered.IsZero():
		l.both(Alerting)
		return nil
	}
	if err := l.answer(early); err != nil {
		return err
	}
	l.both(Early)
	return nil
}

func (l *pipeLeg) Answer(_ context.Context, want media.Plan) error {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	phase := l.Info().Phase
	if phase == Over {
		return l.Ended()
	}
	if !l.came && phase < Up {
		return nil
	}
	if err := l.agree(want); err != nil {
		if phase == Up {
			l.refuse()
		}
		return err
	}
	l.both(Up)
	return nil
}

func (l *pipeLeg) Hangup(_ context.Context, why Cause) error {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	l.finish(why)
	return nil
}

// finish ends both legs, and their media.
func (l *pipeLeg) finish(why Cause) {
	l.End(&EndError{Cause: why})
	l.peer.End(&EndError{Cause: why, Remote: true})
	l.settle(l.Ended())
	l.peer.settle(l.peer.Ended())
	_ = l.media.Close() // of both; it has no error
}

// both brings both legs to a phase.
func (l *pipeLeg) both(p Phase) {
	for _, leg := range [...]*pipeLeg{l, l.peer} {
		leg.Change(func(i *Info) {
			i.Phase = max(i.Phase, p)
			if p == Up && i.Answered.IsZero() {
				i.Answered = time.Now()
			}
		})
	}
}
