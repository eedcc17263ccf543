package calltest

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// A Terminal is a negotiation with one end of a media.Pipe under it.
type Terminal struct {
	Peer    media.Endpoint    // the far side's end of the pipe: what is written to it arrives, and what is sent is read from it
	Options media.OpenOptions // what Open got; zero for nil

	engine *Engine
	policy *media.Policy
	pipe   *media.PipeEnd
	near   media.Endpoint // agreed

	mu       sync.Mutex
	local    media.Local
	ice      int // sessions of ICE so far
	neg      media.Negotiation
	accepted int // answers
	injected []media.Packet
	signals  netip.Addr
	answered bool
	closed   bool
}

var _ media.Terminal = (*Terminal)(nil)

// agreed is an end of the pipe, whose streams say that what is agreed first is sent.
type agreed struct {
	media.Endpoint
	t *Terminal
}

// Stream implements media.Endpoint.
func (a agreed) Stream(k media.Kind) media.Stream { return agreedStream{a.Endpoint.Stream(k), a.t, k} }

type agreedStream struct {
	media.Stream
	t    *Terminal
	kind media.Kind
}

// Codec implements media.Stream.
func (s agreedStream) Codec() media.Codec {
	m, _ := s.t.Plan().Find(s.kind)
	for _, c := range m.Codecs {
		if !c.IsDigits() {
			return c
		}
	}
	return media.Codec{}
}

// Hear lets a packet of PCMU arrive from the far side.
func (t *Terminal) Hear() {
	codec := media.PCMU()
	_ = t.Peer.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: make([]byte, 160)})
}

// Up reports whether the call has been accepted, so that the far side has to send.
func (t *Terminal) Up() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered
}

// Accepted returns how many answers were accepted.
func (t *Terminal) Accepted() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// Injected returns the packets that came by signalling.
func (t *Terminal) Injected() []media.Packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.injected)
}

// Signalled returns where the far side's signalling comes from; the zero Addr if nobody has said.
func (t *Terminal) Signalled() netip.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signals
}

// Port returns where the far side takes sound; the test fails if nothing is agreed.
func (t *Terminal) Port(tb testing.TB) uint16 {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.neg.Sections()
	if len(s) == 0 {
		tb.Fatal("nothing is agreed")
	}
	return s[0].Transport.Addr.Port()
}

// session returns l with the credentials of its nth session of ICE.
func session(l media.Local, n int) media.Local {
	l.Ufrag, l.Pwd = fmt.Sprintf("ours%dof%d", n, l.ID), fmt.Sprintf("our-password-for-ice-%d", n)
	return l
}

// Stream implements media.Endpoint.
func (t *Terminal) Stream(k media.Kind) media.Stream { return t.near.Stream(k) }

// Plan implements media.Endpoint.
func (t *Terminal) Plan() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Agreed()
}

// Far implements media.Terminal.
func (t *Terminal) Far() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Far()
}

// Stands implements media.Terminal.
func (t *Terminal) Stands(want media.Plan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Stands(t.policy, want)
}

// Offer implements media.Terminal.
func (t *Terminal) Offer(want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.Description{}, media.ErrClosed
	}
	neg, d, err := t.neg.Offer(t.policy, t.local, want)
	if err == nil {
		t.neg = neg
	}
	return d, err
}

// Accept implements media.Terminal.
func (t *Terminal) Accept(answer media.Description) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.ErrClosed
	}
	neg, err := t.neg.Accept(t.policy, answer)
	if err == nil {
		t.neg = neg
		t.accepted++
	}
	t.settle()
	return err
}

// Answer implements media.Terminal. To an offer that restarts ICE it answers with a session of its own, as an engine does.
func (t *Terminal) Answer(offer media.Description, want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.Description{}, media.ErrClosed
	}
	if t.engine.NoPorts.Load() {
		return media.Description{}, fmt.Errorf("calltest: no ports: %w", media.ErrFull)
	}
	local, ice := t.local, t.ice
	if t.neg.Restarts(offer) {
		ice++
		local = session(local, ice)
	}
	neg, d, err := t.neg.Answer(t.policy, local, want, offer)
	if err == nil {
		t.neg, t.local, t.ice = neg, local, ice
	}
	return d, err
}

// Signals implements media.Terminal.
func (t *Terminal) Signals(from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signals = from
}

// Answered implements media.Terminal.
func (t *Terminal) Answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = true
	t.settle()
}

// settle takes no further answer once the call has been accepted, as an engine does. t.mu is held.
func (t *Terminal) settle() {
	if t.answered {
		t.neg = t.neg.Settle()
	}
}

// Rollback implements media.Terminal.
func (t *Terminal) Rollback() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.neg = t.neg.Rollback()
}

// Inject implements media.Terminal. The packet can be had from Injected; the readers do not get it.
func (t *Terminal) Inject(_ media.Kind, p *media.Packet) {
	q := *p
	q.Payload = slices.Clone(p.Payload)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.injected = append(t.injected, q)
}

// Close implements media.Terminal.
func (t *Terminal) Close() error {
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	if closed {
		return nil
	}
	t.engine.forget(t)
	return t.pipe.Close()
}
