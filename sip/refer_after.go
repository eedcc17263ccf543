package sip

import (
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxOutliving is how many calls may have a far side that still tells of a transfer for which nobody waits.
const maxOutliving = 10000

// outlive has the far side of a call tell of a transfer that we have asked for, and for which nobody waits any more, or whose call ends: until it
// says that this was the last, or for as long as a transfer may take (RFC 5057 section 5.1).
func (a *Agent) outlive(key legKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.outliving[key] != nil || len(a.outliving) >= maxOutliving {
		return
	}
	a.outliving[key] = time.AfterFunc(referFor, func() { a.outlives(key, true) })
}

// outlives reports whether a dialog is kept so. If this was the last of it, it is kept no longer.
func (a *Agent) outlives(key legKey, last bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	timer := a.outliving[key]
	if timer != nil && last {
		timer.Stop()
		delete(a.outliving, key)
	}
	return timer != nil
}

// toldLate takes NOTIFY of a transfer for which nobody waits. It returns false if there is no such transfer.
func (a *Agent) toldLate(tx *serverTx) bool {
	key := legKey{tx.req.CallID().Value(), tagOf(tx.req.To().Params)}
	if tx.req.Method != sipmsg.NOTIFY || !ofRefer(tx.req) || !a.outlives(key, lastNotify(tx.req)) {
		return false
	}
	_ = tx.answer(response{status: 200, phrase: "OK"})
	return true
}

// ofRefer reports whether a NOTIFY is of a transfer.
func ofRefer(req *sipmsg.Request) bool {
	event, _, _ := strings.Cut(headerText(req, "event", "o"), ";")
	return strings.EqualFold(strings.TrimSpace(event), eventRefer)
}

// lastNotify reports whether a NOTIFY says that it is the last.
func lastNotify(req *sipmsg.Request) bool {
	state, _, _ := strings.Cut(headerText(req, "subscription-state"), ";")
	return strings.EqualFold(strings.TrimSpace(state), "terminated")
}
