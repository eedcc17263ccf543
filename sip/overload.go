package sip

import (
	"strconv"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// When calls are turned away because there is too much to do. What tells is how long messages wait until they are handled.
// Who has no answer after T1 says it again, and so makes more of what there is too much of already: before it comes to that, no more is begun.
// Less than that is made up for after a pause, of the machine perhaps, if it gets less; it is too much if it does not.
const (
	overloadAt    = timerT1 * 4 / 5       // the mean wait from which there is too much to do
	overloadLate  = timerT1 / 2           // and this, where it has not got less for overloadFor
	overloadUntil = timerT1 / 4           // below it there is not any more
	overloadFor   = 4 * lookEvery         // who catches up need not do so in each look
	lookEvery     = 50 * time.Millisecond // that the mean is taken of
	fewest        = 10                    // messages that say something about the rest
	maxTurnedAway = 1 << 19               // INVITEs in half a minute that are remembered; further ones have no answer
)

// overload tells whether there is too much to do, and remembers who was turned away for it: so little of each that it costs next to nothing
// however many they are. It is safe for concurrent use.
type overload struct {
	mu      sync.Mutex
	since   time.Time     // when this look began
	waited  time.Duration // by all that was handled since
	handled int
	least   time.Duration // of the means since one was at overloadLate; zero: the last was not
	eased   time.Time     // when least was
	there   bool          // there is too much to do

	away   map[mark]struct{} // marks of those who were turned away
	before map[mark]struct{} // those of the time before
	begun  time.Time         // when away was
}

// took takes note of a message that came at a time and is handled now.
func (o *overload) took(came, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look(now)
	o.waited += max(now.Sub(came), 0)
	o.handled++
}

// eases reports whether there is nothing to do about calls that begin: there is not too much to do, and nobody was turned away of late.
func (o *overload) eases(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look(now)
	o.forget(now)
	return !o.there && o.away == nil && o.before == nil
}

// look ends a look that has lasted long enough. One that has lasted much longer, or has seen few messages, says that little happens, however late
// that was: nobody need be turned away for it.
func (o *overload) look(now time.Time) {
	lasted := now.Sub(o.since)
	if lasted < lookEvery {
		return
	}
	mean := o.waited / time.Duration(max(o.handled, 1))
	if lasted >= 2*lookEvery || o.handled < fewest {
		mean = 0
	}
	switch {
	case mean < overloadLate:
		o.least = 0
	case o.least == 0 || mean < o.least:
		o.least, o.eased = mean, now
	}
	stays := o.least > 0 && now.Sub(o.eased) >= overloadFor
	o.there = mean >= overloadAt || stays || o.there && mean >= overloadUntil
	o.since, o.waited, o.handled = now, 0, 0
}

// forget forgets those who will not come again.
func (o *overload) forget(now time.Time) {
	lasted := now.Sub(o.begun)
	if lasted < giveUp {
		return
	}
	o.away, o.before, o.begun = nil, o.away, now
	if lasted >= 2*giveUp {
		o.before = nil
	}
}

// turned reports whether a request was turned away within the time in which it may be repeated, and whether one that was not is to be.
func (o *overload) turned(key mark) (was, shall bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, was = o.away[key]
	if !was {
		_, was = o.before[key]
	}
	return was, o.there
}

// turn remembers a request as turned away. It returns false if there are too many.
func (o *overload) turn(key mark) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.away) >= maxTurnedAway {
		return false
	}
	if o.away == nil {
		o.away = map[mark]struct{}{}
	}
	o.away[key] = struct{}{}
	return true
}

// turnAway answers an INVITE that would begin a call 503 where there is too much to do, and again where it is repeated later: who has that answer
// is not to be called after all. Nothing else is done about it. It returns false for what is to be handled.
func (a *Agent) turnAway(req *sipmsg.Request, from conn) bool {
	if req.Method != sipmsg.INVITE || tagOf(req.To().Params) != "" || a.overload.eases(time.Now()) || !a.transport.guard.peer(from.remote().Addr()) {
		return false
	}
	key := serverKey(req, req.Method)
	mark := a.txs.mark(key)
	was, shall := a.overload.turned(mark)
	if !was {
		if !shall || a.knows(req.CallID().Value(), key) {
			return false
		}
		if !a.overload.turn(mark) {
			a.count.dropped.Add(1)
			return true
		}
		a.count.refused.Add(1)
		a.count.turnedAway.Add(1)
	}
	a.dismiss(req, from, busyRefusal("overload"), strconv.FormatUint(uint64(mark), 36))
	return true
}

// dismiss refuses a request without a transaction: nothing is kept of it. tag is for To; empty: a random one.
func (a *Agent) dismiss(req *sipmsg.Request, from conn, r *refusal, tag string) {
	res := (&serverTx{req: req}).build(response{status: r.status, phrase: r.phrase, tag: tag, header: r.header})
	_ = a.transport.send(answerTo(req, from), res)
}

// knows reports whether a request is one that is being dealt with, or that was.
func (a *Agent) knows(callID, key string) bool {
	tx, past := a.txs.findServer(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	return tx != nil || past != nil || a.inboxes[callID] != nil
}
