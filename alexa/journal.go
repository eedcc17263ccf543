package alexa

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// A Journal remembers the calls that stand at Alexa, so that those of a process that died are ended when the next one begins (see
// [Skill.Recover]): an Echo whose far side is gone would keep its line otherwise. [OpenJournal] returns one that lives in a file. Its
// methods are called from any number of goroutines, before a call's first message and after its last; a call waits for them, so they
// should return soon. Their failure is logged and never that of a call. A Journal belongs to one Skill of one process at a time.
type Journal interface {
	// Open notes that a call is about to begin.
	Open(c OpenCall) error

	// Closed notes that Alexa knows of the end. A call that is not open is no error.
	Closed(sessionID string) error

	// Pending returns the calls that are open, oldest first, those of processes before this one too.
	Pending() ([]OpenCall, error)
}

// An OpenCall is a call that stands at Alexa, for all that a [Journal] knows.
type OpenCall struct {
	SessionID string
	Origin    Origin    // where its messages go
	Since     time.Time // when it was opened
}

const (
	leftAtOnce     = 8                // calls of a process before that are ended at a time
	firstLeftPause = time.Minute      // before what could not be ended is tried again, doubling
	lastLeftPause  = 30 * time.Minute // the longest such pause
)

// leftover is what a Skill does about calls that have ended here and may stand at Alexa.
type leftover struct {
	quit   context.Context // ends when Drain begins
	cancel context.CancelFunc
	first  chan struct{} // closed once those of the process before are dealt with, or Drain has begun

	once    sync.Once // closes first
	mu      sync.Mutex
	running bool
	again   bool // something was left while a round ran
}

// Recover sends CallEnded for each call that the Journal has of a process before this one, and returns when Alexa has taken all of them
// or said that she has no such call. Call it at start, before events come; without that it happens with the first use of the Skill. What
// Alexa does not take is tried again in the background, less and less often, until Drain, and then by the next process. When ctx ends
// first, its cause is returned; when Drain begins, or without a Client or an Engine, an error. Without a Journal it does nothing.
func (k *Skill) Recover(ctx context.Context) error {
	k.init()
	switch {
	case k.Journal == nil:
		return nil
	case k.lacks != nil:
		return k.lacks
	}
	select {
	case <-k.left.first:
		if k.left.quit.Err() != nil {
			return errDraining
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// opened notes a call that is about to begin.
func (k *Skill) opened(id string, o Origin) {
	if k.Journal == nil {
		return
	}
	if err := k.Journal.Open(OpenCall{SessionID: id, Origin: o, Since: time.Now().UTC()}); err != nil {
		k.logger().Error("call not noted in the journal: it would outlive a crash", "session", id, "err", err)
	}
}

// told notes that Alexa knows of the end of a call.
func (k *Skill) told(id string) {
	if k.Journal == nil {
		return
	}
	if err := k.Journal.Closed(id); err != nil {
		k.logger().Error("end of call not noted in the journal", "session", id, "err", err)
	}
}

// untold has Alexa told again of the end of calls that the journal has and nobody else any more.
func (k *Skill) untold() {
	if k.Journal == nil || k.lacks != nil {
		return
	}
	k.left.mu.Lock()
	defer k.left.mu.Unlock()
	k.left.again = true
	if k.left.running || k.left.quit.Err() != nil {
		return
	}
	k.left.running = true
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin(k.endLeft)
}

// endLeft is the goroutine that ends what is left, until nothing is or Drain begins.
func (k *Skill) endLeft() {
	defer k.left.once.Do(func() { close(k.left.first) })
	for pause := firstLeftPause; ; pause = min(2*pause, lastLeftPause) {
		k.left.begin()
		done := k.endRound()
		if k.left.quit.Err() != nil || done && k.left.over() {
			return
		}
		_ = sleep(k.left.quit, pause)
	}
}

// endRound tries to end each call that is left, until Drain begins, and reports whether none has failed.
func (k *Skill) endRound() bool {
	calls, err := k.Journal.Pending()
	if err != nil {
		k.logger().Error("journal not read", "err", err)
		return false
	}
	var work sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, leftAtOnce)
	for _, c := range calls {
		if k.session(c.SessionID) != nil {
			continue // it stands, and was not left
		}
		slots <- struct{}{}
		if k.left.quit.Err() != nil {
			break // the rest is for the next process
		}
		work.Go(func() {
			defer func() { <-slots }()
			if k.end(c) != nil {
				failed.Store(true)
			}
		})
	}
	work.Wait()
	return !failed.Load()
}

// end ends a call of which nothing else is known any more.
func (k *Skill) end(c OpenCall) error {
	r := CallResult{Code: resultOf(bridge.Internal), Message: "call was left behind"}
	if err := k.sayOver(k.left.quit, c.SessionID, c.Origin, r); err != nil {
		k.logger().Warn("call that was left behind not ended", "session", c.SessionID, "err", err)
		return err
	}
	k.logger().Info("call that was left behind ended", "session", c.SessionID)
	return nil
}

// sayOver sends CallEnded for a call that has no session.
func (k *Skill) sayOver(ctx context.Context, id string, o Origin, r CallResult) error {
	ctx, cancel := context.WithTimeout(ctx, EndTime)
	defer cancel()
	err := k.Client.SendTo(ctx, o, &Message{Type: CallEnded, SessionID: id, Result: &r})
	if e, ok := errors.AsType[*Error](err); ok && (endsCall(e) || refusesMessage(e)) {
		err = nil // she has no such call, or none that stands
	}
	if err == nil {
		k.told(id)
	}
	return err
}

// begin begins a round.
func (l *leftover) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = false
}

// over ends the goroutine, unless something was left meanwhile.
func (l *leftover) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = l.again
	return !l.again
}
