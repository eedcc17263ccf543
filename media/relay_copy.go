package media

import (
	"errors"
	"slices"
	"sync/atomic"
)

// copying is a lane with a goroutine of its own, which stop ends and joins.
type copying struct {
	from      *Reader
	to        Stream
	write     func(*Packet) error // of to
	sends     func() []Codec      // what the source sends
	takes     func() []Codec      // what the far side takes, preferred first
	transcode func(from, to Codec) (Transcoder, error)
	changed   func()
	done      chan struct{}

	using         Transcoder
	source, first Codec // of using: what it takes; and what the far side liked best when it was made
	target        Codec // and what it makes
	stale         bool  // the codecs of the source have changed since
	start         bool  // the next packet follows on a transcoder's and has to be joined to it

	leading Leader      // is done with, but for leading over to packets of target; nil: none is
	leads   atomic.Bool // there is one, or using is one

	keys              Transcoder // of events to their tones, where sound passes as it is
	keysOf, keysFirst Codec
	spoken            bool // sound has passed since the last event
	mute              int  // packets of sound that give way to a tone yet: some devices send it beside an event
}

func (c *copying) stop() {
	_ = c.from.Close()
	<-c.done
}

// maxPayload is more than a datagram on any usual path carries.
const maxPayload = 2048

func (c *copying) run() {
	defer close(c.done)
	defer c.dropKeys()
	defer c.led()
	defer c.drop()
	buf := make([]byte, maxPayload)
	for {
		var p Packet
		switch err := c.from.Read(buf, &p); {
		case err == nil:
			c.forward(&p)
		case errors.Is(err, ErrChanged):
			c.stale, c.start = true, c.start || c.using != nil
			if _, ok := c.using.(Leader); !ok {
				c.drop()
			}
			c.changed()
		default:
			return
		}
	}
}

// forward writes p as it is or, if the far side does not take its codec, transcoded. What cannot be sent is counted by the stream.
func (c *copying) forward(p *Packet) {
	if p.What != RTP && p.What != Digit || p.Codec == nil {
		_ = c.to.Write(p)
		return
	}
	if c.transcodes(p) {
		_ = c.using.Transcode(p, c.write)
		return
	}
	c.leave(p)
	if p.What == RTP && c.mute > 0 {
		c.mute--
		c.start = true
		return
	}
	c.spoken = c.spoken || p.What == RTP
	c.lead(p)
	p.Start = p.Start || c.start
	err := c.to.Write(p)
	c.start = false
	switch {
	case c.transcode == nil || p.Codec.isNoise() || !errors.Is(err, ErrNoCommonCodec):
	case p.What == Digit:
		c.press(p)
	default:
		c.begin(p)
	}
	c.tell()
}

// transcodes reports whether p is for the transcoder in use.
func (c *copying) transcodes(p *Packet) bool {
	return c.using != nil && !c.stale && c.to.Codec() == c.first && (p.What == Digit || *p.Codec == c.source || p.Codec.isNoise())
}

// begin transcodes from p on.
func (c *copying) begin(p *Packet) {
	c.led()
	if c.using, c.target = c.find(*p.Codec); c.using == nil {
		return
	}
	c.source, c.first, c.stale = *p.Codec, c.to.Codec(), false
	c.hearKeys()
	p.Start = true
	_ = c.using.Transcode(p, c.write)
}

// hearKeys has the transcoder in use make events of the tones of keys, where the far side takes events and the source sends none.
func (c *copying) hearKeys() {
	hearer, ok := c.using.(KeyHearer)
	if !ok || slices.ContainsFunc(c.sends(), Codec.IsDigits) {
		return
	}
	taken := c.takes()
	best := slices.IndexFunc(taken, func(e Codec) bool { return e.IsDigits() && e.ClockRate == c.target.ClockRate })
	if best < 0 {
		best = slices.IndexFunc(taken, Codec.IsDigits)
	}
	if best >= 0 {
		hearer.HearKeys(taken[best])
	}
}

// leave drops the transcoder in use, which is not for p. A Leader waits for the sound that comes next, and goes on if that is what it has made.
func (c *copying) leave(p *Packet) {
	leader, ok := c.using.(Leader)
	switch {
	case !ok || c.to.Codec() != c.first || p.What == RTP && *p.Codec != c.target && !p.Codec.isNoise():
		c.drop()
	case p.What == RTP && *p.Codec == c.target:
		c.led()
		c.leading, c.using, c.start = leader, nil, true
	}
}

// lead has a transcoder that is done with change p, until it need not.
func (c *copying) lead(p *Packet) {
	switch {
	case c.leading == nil || p.What != RTP || p.Codec.isNoise():
	case *p.Codec != c.target || c.to.Codec() != c.first || c.leading.Lead(p.Payload):
		c.led()
	}
}

// tell says what has come of a Leader: the lane goes another way, if it is to, once there is none any more.
func (c *copying) tell() {
	_, leads := c.using.(Leader)
	leads = leads || c.leading != nil
	if c.leads.Swap(leads) && !leads {
		c.changed()
	}
}

// keyMutes is how many packets of sound without one of an event tell that its end was lost.
const keyMutes = 5

// press sends the tone of a key in place of its event.
func (c *copying) press(p *Packet) {
	if first := c.to.Codec(); c.keys == nil || c.keysOf != *p.Codec || c.keysFirst != first {
		c.dropKeys()
		c.keys, _ = c.find(*p.Codec)
		c.keysOf, c.keysFirst = *p.Codec, first
	}
	if c.keys == nil || len(p.Payload) < 2 {
		return
	}
	p.Start = p.Start || c.spoken // its numbers are not those of the sound
	c.spoken, c.start, c.mute = false, true, keyMutes
	if p.Payload[1]&0x80 != 0 { // its end (RFC 4733 section 2.3)
		c.mute = 0
	}
	_ = c.keys.Transcode(p, c.write)
}

// find makes a transcoder to the first codec that can be made of another; nil: there is none.
func (c *copying) find(source Codec) (t Transcoder, target Codec) {
	for _, target := range c.takes() {
		if target.IsDigits() || target.isNoise() {
			continue
		}
		if t, err := c.transcode(source, target); err == nil {
			return t, target
		}
	}
	return nil, Codec{}
}

func (c *copying) drop() {
	if c.using != nil {
		_ = c.using.Close()
		c.using, c.start = nil, true
	}
}

// led ends the leading of a transcoder.
func (c *copying) led() {
	if c.leading != nil {
		_ = c.leading.Close()
		c.leading = nil
	}
}

func (c *copying) dropKeys() {
	if c.keys != nil {
		_ = c.keys.Close()
		c.keys = nil
	}
}
