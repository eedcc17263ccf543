package stories

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// guest adds a party, which sounds hz and rings for a while before it answers.
func (h *hotel) guest(name string, hz float64, rings time.Duration) *party {
	h.t.Helper()
	p := &party{h: h, name: name, hz: hz, rings: rings}
	if h.skill != nil {
		h.plugEcho(p)
	} else {
		h.plugPhone(p)
	}
	h.parties = append(h.parties, p)
	return p
}

// handset is a SIP phone.
type handset struct {
	p     *party
	addr  string
	agent *sip.Agent

	mu   sync.Mutex
	legs []bridge.Leg
}

func (h *hotel) plugPhone(p *party) {
	ip := fmt.Sprintf("192.0.2.%d", 11+len(h.parties))
	d := &handset{p: p, addr: ip + ":5060"}
	p.device, h.names[d.addr] = d, p.name
	policy := media.Phone()
	policy.Audio = []media.Codec{media.PCMU(), media.PCMA(), media.TelephoneEvent(8000)}
	var err error
	d.agent, err = sip.Listen(d.addr, &calltest.Engine{Addr: ip}, &sip.Options{
		Network: "udp", ListenPacket: h.socket, Policy: policy, Bridge: bridge.Func(d.rung), From: bridge.Party{URI: p.uri()},
	})
	must(h.t, err)
}

func (d *handset) keep(l bridge.Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.legs = append(d.legs, l)
}

// rung is a call to the phone.
func (d *handset) rung(ctx context.Context, l bridge.Leg) error {
	d.keep(l)
	if err := l.Ring(ctx, nil); err != nil {
		return err
	}
	select {
	case <-time.After(d.p.rings):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.Answer(ctx, nil); err != nil {
		return err
	}
	d.attend(ctx, l)
	return nil
}

// attend says yes to changes until the call is over, so that one is seen in the transcript if the server wants any.
func (d *handset) attend(ctx context.Context, l bridge.Leg) {
	for info, err := l.Info(), error(nil); err == nil; info, err = l.Next(ctx, info.Rev) {
		if info.Phase == bridge.Up && info.Pending {
			_ = l.Answer(ctx, nil)
		}
	}
}

func (d *handset) call() error {
	l, err := d.agent.Dial(d.p.h.t.Context(), "sip:100@"+serverAddr, nil)
	if err != nil {
		return err
	}
	d.keep(l)
	d.p.work.Go(func() { d.attend(context.Background(), l) })
	return nil
}

func (d *handset) reach(ctx context.Context, o *bridge.DialOptions) (bridge.Leg, error) {
	return d.p.h.agent.Dial(ctx, "sip:"+d.p.name+"@"+d.addr, o)
}

func (d *handset) hangup() error {
	d.mu.Lock()
	l := d.legs[len(d.legs)-1]
	d.mu.Unlock()
	return l.Hangup(d.p.h.t.Context(), bridge.Normal)
}

func (d *handset) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.legs {
		if l.Info().Phase != bridge.Over {
			return false
		}
	}
	return true
}

func (d *handset) close() error { return d.agent.Close() }

// echo is an Echo. Its keys are those of the simulator: devices have none.
type echo struct {
	p    *party
	echo *alexatest.Echo
}

func (h *hotel) plugEcho(p *party) {
	e, err := h.cloud.NewEcho(p.name, &alexatest.EchoOptions{
		NoMedia: true, AnswerAfter: p.rings,
		Codecs: []string{alexatest.CodecOpus, alexatest.CodecPCMU, alexatest.CodecPCMA, alexatest.CodecTelephoneEvent},
	})
	must(h.t, err)
	p.device = &echo{p, e}
	who := alexa.KnownAddress{ID: alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: e.ProfileID()}, Party: bridge.Party{URI: p.uri()}}
	book := h.skill.Addresses.(*alexa.Addressing)
	book.Known = append(book.Known, who)
}

func (d *echo) call() error {
	_, err := d.echo.Call(d.p.h.t.Context(), "100")
	return err
}

func (d *echo) reach(ctx context.Context, o *bridge.DialOptions) (bridge.Leg, error) {
	return d.p.h.skill.Dial(ctx, d.p.uri(), o)
}

func (d *echo) hangup() error {
	var errs []error
	for _, c := range d.echo.Calls() {
		errs = append(errs, c.Hangup(d.p.h.t.Context()))
	}
	return errors.Join(errs...)
}

func (d *echo) over() bool {
	for _, c := range d.echo.Calls() {
		if c.State() != alexatest.StateEnded {
			return false
		}
	}
	return true
}

func (*echo) close() error { return nil }
