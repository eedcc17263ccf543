package siptest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// outlet is the way out for what a phone tells its owner while it runs. Once it is shut nothing gets through: sipgo still has
// goroutines then, and the owner's log may be that of a test which is over.
type outlet struct {
	mu   sync.Mutex
	shut bool
}

// do calls f, one call at a time, unless the outlet is shut.
func (o *outlet) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.shut {
		f()
	}
}

// close shuts the outlet and waits for a call under way.
func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut = true
}

// gated passes a log on while its outlet is open.
type gated struct {
	slog.Handler
	out *outlet
}

// Handle implements slog.Handler.
func (g gated) Handle(ctx context.Context, r slog.Record) error {
	var err error
	g.out.do(func() { err = g.Handler.Handle(ctx, r) })
	return err
}

// WithAttrs implements slog.Handler.
func (g gated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return gated{g.Handler.WithAttrs(attrs), g.out}
}

// WithGroup implements slog.Handler.
func (g gated) WithGroup(name string) slog.Handler { return gated{g.Handler.WithGroup(name), g.out} }

// quiet passes sipgo's log on to the phone's, without attributes: they hold whole messages.
type quiet struct{ slog.Handler }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	return q.Handler.Handle(ctx, slog.NewRecord(r.Time, r.Level, "sipgo: "+r.Message, r.PC))
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs([]slog.Attr) slog.Handler { return q }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(string) slog.Handler { return q }

// Entry is one SIP message that a phone has sent or received.
type Entry struct {
	At     time.Duration // since the phone was made
	Sent   bool          // false: received
	Method string        // of a response: of its request
	Status int           // 0 for a request
	Reason string        // of a response
	CallID string
	SDP    bool // it has a session description
}

// String returns what the entry says, such as "-> INVITE (SDP)" or "<- 180 Ringing to INVITE".
func (e Entry) String() string {
	var b strings.Builder
	if e.Sent {
		b.WriteString("-> ")
	} else {
		b.WriteString("<- ")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d %s to ", e.Status, e.Reason)
	}
	b.WriteString(e.Method)
	if e.SDP {
		b.WriteString(" (SDP)")
	}
	return b.String()
}

// entryOf returns what there is to say of msg.
func entryOf(msg sipmsg.Message, sent bool, at time.Duration) Entry {
	e := Entry{At: at, Sent: sent, SDP: hasSDP(msg)}
	if id := msg.CallID(); id != nil {
		e.CallID = id.Value()
	}
	switch m := msg.(type) {
	case *sipmsg.Request:
		e.Method = m.Method.String()
	case *sipmsg.Response:
		e.Status, e.Reason = m.StatusCode, m.Reason
		if c := m.CSeq(); c != nil {
			e.Method = c.MethodName.String()
		}
	}
	return e
}

// traceSent tells OnMessage of what sipgo sends.
func (p *Phone) traceSent(b []byte) {
	if p.OnMessage == nil {
		return
	}
	if msg, err := sipmsg.ParseMessage(b); err == nil {
		p.trace(msg, true)
	}
}

// trace tells OnMessage of msg.
func (p *Phone) trace(msg sipmsg.Message, sent bool) {
	if p.OnMessage == nil {
		return
	}
	p.tracing.do(func() { p.OnMessage(entryOf(msg, sent, time.Since(p.started))) })
}
