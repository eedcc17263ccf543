package alexa_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// memoryEngine opens terminals that really negotiate, and whose packets come from the test.
type memoryEngine struct {
	mu    sync.Mutex
	limit int  // terminals at a time; 0: none
	ports bool // all are in use
	open  []*memoryTerminal
	ever  int
}

var errEngineFull = fmt.Errorf("engine: %w", media.ErrFull)

func (e *memoryEngine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.limit > 0 && len(e.open) >= e.limit {
		return nil, errEngineFull
	}
	e.ever++
	t := &memoryTerminal{engine: e, policy: p, local: media.Local{
		ID: uint64(e.ever), Addr: "192.0.2.1", Port: 40000, Ufrag: "ourfrag" + fmt.Sprint(e.ever), Pwd: "our-password-for-ice-" + fmt.Sprint(e.ever),
		Candidates: []string{"1 1 udp 2130706431 192.0.2.1 40000 typ host"}, SSRC: 1234, CNAME: "ours",
		Fingerprint: "sha-256 0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0",
	}}
	if o != nil {
		t.failed = o.Failed
	}
	t.near, t.far = media.Pipe(p.Plan())
	e.open = append(e.open, t)
	return t, nil
}

// terminals returns those that are open.
func (e *memoryEngine) terminals() []*memoryTerminal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*memoryTerminal(nil), e.open...)
}

// only returns the one terminal that is open.
func (e *memoryEngine) only(t *testing.T) *memoryTerminal {
	t.Helper()
	open := e.terminals()
	if len(open) != 1 {
		t.Fatalf("%d terminals are open", len(open))
	}
	return open[0]
}

// memoryTerminal is a negotiation with one end of a pipe under it. The far side of the other end is the test.
type memoryTerminal struct {
	engine    *memoryEngine
	policy    *media.Policy
	local     media.Local
	near, far media.Endpoint
	failed    func(error)

	mu       sync.Mutex
	neg      media.Negotiation
	answered bool
	closed   bool
}

var _ media.Terminal = (*memoryTerminal)(nil)

// hear lets a packet arrive from the device.
func (t *memoryTerminal) hear() {
	codec := media.PCMU()
	_ = t.far.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: make([]byte, 160)})
}

func (t *memoryTerminal) Stream(k media.Kind) media.Stream { return t.near.Stream(k) }

func (t *memoryTerminal) Plan() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Agreed()
}

func (t *memoryTerminal) Far() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Far()
}

func (t *memoryTerminal) Stands(want media.Plan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Stands(t.policy, want)
}

func (t *memoryTerminal) Offer(want media.Plan) (media.Description, error) {
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

func (t *memoryTerminal) Accept(answer media.Description) error {
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

func (t *memoryTerminal) Answer(offer media.Description, want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.Description{}, media.ErrClosed
	}
	if t.engine.ports {
		return media.Description{}, fmt.Errorf("engine: no ports: %w", media.ErrFull)
	}
	neg, d, err := t.neg.Answer(t.policy, t.local, want, offer)
	if err == nil {
		t.neg = neg
	}
	return d, err
}

func (t *memoryTerminal) Signals(netip.Addr) {}

func (t *memoryTerminal) Answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = true
}

// up reports whether the device has to send from now on.
func (t *memoryTerminal) up() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered
}

func (t *memoryTerminal) Rollback() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.neg = t.neg.Rollback()
}

func (t *memoryTerminal) Inject(media.Kind, *media.Packet) {}

func (t *memoryTerminal) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	t.engine.forget(t)
	return nil
}

func (e *memoryEngine) forget(t *memoryTerminal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, have := range e.open {
		if have == t {
			e.open = append(e.open[:i], e.open[i+1:]...)
			return
		}
	}
}
