package sip_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// fakeEngine has real negotiations and no sockets, so that it runs under fake time.
type fakeEngine struct {
	mu        sync.Mutex
	terminals []*fakeTerminal
	full      bool
	crowded   bool // there is room for a call, and none for its answer
}

func (e *fakeEngine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full {
		return nil, fmt.Errorf("fake: %w", media.ErrFull)
	}
	a, _ := media.Pipe(p.Plan())
	t := &fakeTerminal{Endpoint: a, policy: p, crowded: e.crowded, local: media.Local{
		ID: uint64(len(e.terminals) + 1), Addr: "192.0.2.99", Port: 40000, RTCPPort: 40001, Keys: p.NewKeys(), VideoKeys: p.NewKeys(),
	}}
	if o != nil {
		t.o = *o
	}
	e.terminals = append(e.terminals, t)
	return t, nil
}

func (e *fakeEngine) last() *fakeTerminal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.terminals[len(e.terminals)-1]
}

// open returns how many terminals are not closed.
func (e *fakeEngine) open() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, t := range e.terminals {
		t.mu.Lock()
		if !t.closed {
			n++
		}
		t.mu.Unlock()
	}
	return n
}

type fakeTerminal struct {
	media.Endpoint
	policy *media.Policy
	o      media.OpenOptions

	mu       sync.Mutex
	neg      media.Negotiation
	local    media.Local
	injected []media.Packet
	accepts  int
	answered bool
	signals  netip.Addr
	closed   bool
	crowded  bool
}

func (t *fakeTerminal) Plan() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Agreed()
}

func (t *fakeTerminal) Far() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Far()
}

func (t *fakeTerminal) Stands(want media.Plan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Stands(t.policy, want)
}

func (t *fakeTerminal) Offer(want media.Plan) (d media.Description, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return d, media.ErrClosed
	}
	n, d, err := t.neg.Offer(t.policy, t.local, want)
	if err == nil {
		t.neg = n
	}
	return d, err
}

func (t *fakeTerminal) Answer(offer media.Description, want media.Plan) (d media.Description, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return d, media.ErrClosed
	}
	if t.crowded {
		return d, fmt.Errorf("fake: no ports: %w", media.ErrFull)
	}
	n, d, err := t.neg.Answer(t.policy, t.local, want, offer)
	if err == nil {
		t.neg = n
	}
	return d, err
}

func (t *fakeTerminal) Accept(answer media.Description) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.ErrClosed
	}
	n, err := t.neg.Accept(t.policy, answer)
	if err == nil {
		t.neg = n
		t.accepts++
	}
	return err
}

func (t *fakeTerminal) Signals(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signals = from
}

// signalled returns where the engine believes that the far side is.
func (t *fakeTerminal) signalled() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signals.String()
}

func (t *fakeTerminal) Answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = true
}

// up reports whether the far side has to send from now on.
func (t *fakeTerminal) up() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered
}

func (t *fakeTerminal) Rollback() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.neg = t.neg.Rollback()
}

func (t *fakeTerminal) Inject(_ media.Kind, p *media.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	t.injected = append(t.injected, q)
}

func (t *fakeTerminal) packets() []media.Packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]media.Packet(nil), t.injected...)
}

// port returns where the far side takes sound.
func (t *fakeTerminal) port(tb testing.TB) uint16 {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.neg.Sections()
	if len(s) == 0 {
		tb.Fatal("nothing is agreed")
	}
	return s[0].Transport.Addr.Port()
}

func (t *fakeTerminal) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return nil
}
