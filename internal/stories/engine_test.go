package stories

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// engine opens terminals that really negotiate and have no sockets, so that they work under fake time.
type engine struct {
	addr string // in descriptions

	mu   sync.Mutex
	ever int
	open []*terminal
}

var _ media.Engine = (*engine)(nil)

func (e *engine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ever++
	t := &terminal{engine: e, policy: p, local: media.Local{
		ID: uint64(e.ever), Addr: e.addr, Port: 40000, RTCPPort: 40001, SSRC: 1234, VideoSSRC: 1235, CNAME: "ours",
	}}
	if p.ICE {
		t.local.Candidates = []string{"1 1 udp 2130706431 " + e.addr + " 40000 typ host"}
		t.local.Fingerprint = "sha-256 0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0"
		t.newSession()
	}
	t.near, t.far = media.Pipe(p.Plan())
	e.open = append(e.open, t)
	return t, nil
}

// only returns the one terminal that is open.
func (e *engine) only(t *testing.T) *terminal {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.open) != 1 {
		t.Fatalf("%d terminals are open", len(e.open))
	}
	return e.open[0]
}

func (e *engine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open)
}

func (e *engine) forget(t *terminal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, have := range e.open {
		if have == t {
			e.open = append(e.open[:i], e.open[i+1:]...)
			return
		}
	}
}

// terminal is a negotiation with one end of a pipe under it. The test has the other end.
type terminal struct {
	engine    *engine
	policy    *media.Policy
	near, far media.Endpoint

	mu     sync.Mutex
	local  media.Local
	ice    int // sessions so far
	neg    media.Negotiation
	closed bool
}

// newSession begins an ICE session; t.mu is held, or nobody else knows t.
func (t *terminal) newSession() {
	t.ice++
	t.local.Ufrag, t.local.Pwd = fmt.Sprintf("ours%dof%d", t.ice, t.local.ID), fmt.Sprintf("our-password-for-ice-%d", t.ice)
}

// hear lets a packet arrive from the far side.
func (t *terminal) hear() {
	codec := media.PCMU()
	_ = t.far.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: make([]byte, 160)})
}

func (t *terminal) Stream(k media.Kind) media.Stream { return t.near.Stream(k) }

func (t *terminal) Plan() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Agreed()
}

func (t *terminal) Far() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Far()
}

func (t *terminal) Stands(want media.Plan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Stands(t.policy, want)
}

func (t *terminal) Offer(want media.Plan) (media.Description, error) {
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

func (t *terminal) Accept(answer media.Description) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.ErrClosed
	}
	neg, err := t.neg.Accept(t.policy, answer)
	if err == nil {
		t.neg = neg
	}
	return err
}

// Answer implements media.Terminal. To an offer that restarts ICE it answers with a session of its own, as an engine does.
func (t *terminal) Answer(offer media.Description, want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.Description{}, media.ErrClosed
	}
	if t.policy.ICE && t.neg.Restarts(offer) {
		t.newSession()
	}
	neg, d, err := t.neg.Answer(t.policy, t.local, want, offer)
	if err == nil {
		t.neg = neg
	}
	return d, err
}

func (t *terminal) Signals(netip.Addr) {}
func (t *terminal) Answered()          {}

func (t *terminal) Rollback() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.neg = t.neg.Rollback()
}

func (t *terminal) Inject(media.Kind, *media.Packet) {}

func (t *terminal) Close() error {
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	if !closed {
		t.engine.forget(t)
	}
	return nil
}
