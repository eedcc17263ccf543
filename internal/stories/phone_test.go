package stories

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// phone is a SIP phone with a camera: G.711 and H.264. It says yes to every change that the other side wants.
type phone struct {
	agent  *sip.Agent
	engine *calltest.Engine
	came   chan bridge.Leg

	mu   sync.Mutex
	legs []bridge.Leg
	errs []error // of calls that came to nothing
}

// videoPhone is what the phone has.
func videoPhone() *media.Policy {
	p := media.VideoPhone()
	p.Audio = []media.Codec{media.PCMU(), media.PCMA()}
	p.Video = []media.Codec{media.H264("42e01f", 1)}
	return p
}

func newPhone(t *testing.T, listen func(network, addr string) (net.PacketConn, error)) *phone {
	t.Helper()
	p := &phone{engine: &calltest.Engine{Addr: "192.0.2.2"}, came: make(chan bridge.Leg, 1)}
	var err error
	p.agent, err = sip.Listen(phoneAddr, p.engine, &sip.Options{
		Network: "udp", ListenPacket: listen, Policy: videoPhone(), Bridge: bridge.Func(p.takes), From: bridge.Party{URI: "sip:desk@" + phoneAddr},
	})
	must(t, err)
	return p
}

// takes hands a call to the story, and stays until it ends.
func (p *phone) takes(ctx context.Context, in bridge.Leg) error {
	p.keep(in)
	p.came <- in
	p.attend(ctx, in)
	return nil
}

func (p *phone) keep(l bridge.Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.legs = append(p.legs, l)
}

func (p *phone) all() []bridge.Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]bridge.Leg(nil), p.legs...)
}

// failed notes how a call of the phone's failed.
func (p *phone) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// attend says yes to changes until the call is over.
func (p *phone) attend(ctx context.Context, l bridge.Leg) {
	for rev := uint64(0); ; {
		info, err := l.Next(ctx, rev)
		if err != nil {
			return
		}
		if info.Phase == bridge.Up && info.Pending {
			_ = l.Answer(ctx, nil)
		}
		rev = info.Rev
	}
}

// next returns the call that rings.
func (p *phone) next(t *testing.T) bridge.Leg {
	t.Helper()
	select {
	case l := <-p.came:
		return l
	case <-time.After(time.Minute):
		t.Fatal("the phone does not ring")
		return nil
	}
}

// dial calls somebody, and returns at the first sign of life.
func (p *phone) dial(t *testing.T, to string) bridge.Leg {
	t.Helper()
	l, err := p.agent.Dial(t.Context(), to, nil)
	must(t, err)
	p.keep(l)
	go p.attend(t.Context(), l)
	return l
}

// turned is what the phone wants of what it has in a call when it does not talk, or listen, as usual.
func turned(l bridge.Leg, d media.Direction) (p media.Plan) {
	agreed := l.Media().Plan()
	for _, m := range videoPhone().Plan() {
		if _, ok := agreed.Find(m.Kind); ok {
			m.Dir = d
			p = append(p, m)
		}
	}
	return p
}
