package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

// frontDesk is the application of the media server: it says what becomes of a guest's call.
type frontDesk struct {
	reception string            // SIP URI
	keys      map[string]string // SIP URIs of the departments, by the keys that reach them
	patience  time.Duration     // for a key

	told func(*mediaserver.Notice) // of all that happens; nil: nobody

	mu       sync.Mutex
	diverted map[string]bool // by session: the reception was called in place of a department
}

// newFrontDesk returns the application that the options ask for.
func newFrontDesk(o *options) *frontDesk {
	return &frontDesk{
		reception: o.pbx, patience: o.patience, diverted: map[string]bool{},
		keys: map[string]string{"1": o.pbx, "2": cmp.Or(o.housekeeping, o.pbx), "3": cmp.Or(o.concierge, o.pbx)},
	}
}

// NewCall has the media server talk to whoever calls.
func (d *frontDesk) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.IVR}, nil
}

// IVRCommand greets and waits for a key, which also cuts the greeting short, and calls whom it stands for. A key that stands for nobody has the
// guest hear the greeting again.
func (d *frontDesk) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if r.Digits != nil {
		if to, ok := d.keys[r.Digits.Digits]; ok {
			return &mediaserver.Command{Call: call(to)}, nil
		}
		if r.Digits.Digits == "" { // nothing was pressed in time
			return &mediaserver.Command{Call: call(d.reception)}, nil
		}
	}
	return &mediaserver.Command{
		Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: greeting}},
		BargeIn: true,
		Digits:  &mediaserver.Digits{Max: 1, First: d.patience},
	}, nil
}

// CallEvent lets the reception take, once, what a department does not. When one side of a talk has left, the other goes too.
func (d *frontDesk) CallEvent(_ context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	if e.Event == mediaserver.CalledPartyDrop && e.Reason != bridge.Normal && d.divert(e.SessionID) {
		return call(d.reception), nil
	}
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

// divert reports whether the reception has yet to be called in place of a department.
func (d *frontDesk) divert(session string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.diverted[session] {
		return false
	}
	d.diverted[session] = true
	return true
}

// Notify forgets what is over.
func (d *frontDesk) Notify(_ context.Context, n *mediaserver.Notice) {
	if n.Kind == mediaserver.SessionCompleted {
		d.mu.Lock()
		delete(d.diverted, n.SessionID)
		d.mu.Unlock()
	}
	if d.told != nil {
		d.told(n)
	}
}

func call(to string) *mediaserver.Action {
	return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: to, MaxRing: ringFor}}
}
