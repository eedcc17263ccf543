package siptest

import (
	"math/rand/v2"
	"net/netip"
)

// randomID returns the number that names a call's descriptions. Half the range is left for versions to grow into.
func randomID() uint32 { return rand.Uint32N(1 << 31) }

// mediaAddr returns where the descriptions of a phone without media say that media goes.
func mediaAddr(sip netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(sip.Addr(), discardPort) }

// wanted returns the direction that the phone offers. It goes on sending while it holds, as a phone with music does.
func wanted(held bool) direction { return direction{send: true, recv: !held} }

// makeOffer returns an offer and makes ready for what may come before its answer.
func (c *Call) makeOffer(held bool) string {
	c.state.Lock()
	defer c.state.Unlock()
	c.state.local = c.state.terms.offer(wanted(held))
	c.expect(c.state.terms.offered())
	return c.state.local
}

// takeAnswer takes the answer to the last offer.
func (c *Call) takeAnswer(body []byte, held bool) error {
	d, err := parseSDP(body)
	if err != nil {
		return err
	}
	c.state.Lock()
	defer c.state.Unlock()
	o, err := c.state.terms.accept(d, wanted(held))
	if err != nil {
		return err
	}
	c.state.remote = string(body)
	c.state.held = held
	c.applyOutcome(o)
	return nil
}

// takeOffer returns the answer to an offer, and what comes of it once the answer is sent.
func (c *Call) takeOffer(body []byte) (string, outcome, error) {
	d, err := parseSDP(body)
	if err != nil {
		return "", outcome{}, err
	}
	c.state.Lock()
	defer c.state.Unlock()
	answer, o, err := c.state.terms.answer(d, wanted(c.state.held))
	if err != nil {
		return "", outcome{}, err
	}
	c.state.local, c.state.remote = answer, string(body)
	c.expect(o)
	return answer, o, nil
}

// expect makes ready for what o says may come.
func (c *Call) expect(o outcome) {
	if c.media != nil {
		c.media.expect(o)
	}
	if c.video != nil && o.video.agreed {
		c.video.expect(o.video.payloadType)
	}
}

// applyOutcome begins to send as o says.
func (c *Call) applyOutcome(o outcome) {
	if c.media != nil {
		c.media.apply(o)
	}
	if c.video != nil {
		c.video.apply(o.video)
	}
}

// openVideo gives a new call the phone's pictures.
func (c *Call) openVideo() error {
	port := uint16(discardPort)
	if !c.p.NoMedia {
		v, err := openVideo(c.p.addr.Addr(), c.p.camera)
		if err != nil {
			return err
		}
		c.video, port = v, portOf(v.rtp).Port()
	}
	c.state.terms.lens = newLens(c.p.camera, port)
	return nil
}
