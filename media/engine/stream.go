package engine

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	rtpHeaderSize = 12
	maxTag        = 16 // bytes that SRTP adds to a packet: the longest tag of the profiles that we offer
)

// stream is one kind of media of a terminal. What every packet needs stands first, so that it is had from memory at once.
type stream struct {
	crypt atomic.Pointer[crypt] // nil: plain
	way   atomic.Pointer[transport]
	link  atomic.Pointer[link]
	gate  atomic.Uint32 // media.Direction
	dir   atomic.Uint32 // media.Direction, as agreed
	fan   media.Fanout

	in  receiver
	out sender

	t    *terminal
	kind media.Kind
	sdes *crypt    // of keys in descriptions, once there were any; guarded by the terminal's lock
	asks *feedback // of pictures; nil: about sound nobody asks for anything
}

func newStream(t *terminal, kind media.Kind) *stream {
	s := &stream{t: t, kind: kind}
	s.gate.Store(uint32(media.SendRecv))
	if kind == media.Video {
		s.asks, s.in.reach = new(feedback), maxMisorderVideo
		s.in.heard.ofPictures()
		s.out.rewrite.sent.ofPictures()
	}
	s.out.rewrite.begin(uint16(random()>>17), random()>>1)
	s.way.Store(t.transport)
	s.crypt.Store(t.crypt)
	return s
}

// Reader implements media.Stream.
func (s *stream) Reader() *media.Reader { return s.fan.Open() }

// Gate implements media.Stream.
func (s *stream) Gate(d media.Direction) { s.gate.Store(uint32(d)) }

// Codec implements media.Stream.
func (s *stream) Codec() media.Codec { return s.out.formats.Load().first() }

// Stats implements media.Stream.
func (s *stream) Stats() media.Stats {
	now := time.Now()
	all := media.Stats{In: s.in.snapshot(), Out: s.out.snapshot()}
	all.In.Silence, all.Out.Silence = s.silenceIn(now), s.silenceOut(now)
	s.judge(&all)
	return all
}

// Write implements media.Stream.
func (s *stream) Write(p *media.Packet) error {
	switch {
	case s.t.over.Load():
		return media.ErrClosed
	case len(p.Payload) > packetSize-rtpHeaderSize-maxTag:
		return errTooLong
	}
	switch p.What {
	case media.RTP, media.Digit:
		return s.out.write(s, p)
	case media.KeyFrame:
		s.askKeyFrame()
	case media.Ceiling:
		s.cap(p.Time)
	}
	return nil
}

// passes reports whether agreement and gate let media flow one way.
func (s *stream) passes(way media.Direction) bool {
	return media.Direction(s.dir.Load()&s.gate.Load())&way != 0
}

// arrived takes one packet that came in: to the readers, and on to the stream that this one is linked to. room is p's payload with
// space for a header before it, all of which may be written over.
func (s *stream) arrived(w *worker, p *media.Packet, ssrc uint32, room []byte) {
	if !s.in.accept(p, ssrc, w.now, s.passes(media.RecvOnly)) {
		return
	}
	if p.Start {
		s.t.collide(ssrc)
	}
	s.fan.Deliver(p)
	if l := s.link.Load(); l != nil {
		l.forward(w, p, room)
	}
}

// sender is the outgoing half of a stream.
type sender struct {
	formats atomic.Pointer[outbound]

	ssrc     atomic.Uint32 // written with mu held
	refused  atomic.Uint64 // by the system, of what went out in batches
	collided atomic.Bool   // ssrc is no longer the first one: a source of the far side's had it

	mu         sync.Mutex
	rewrite    rewriter
	start      bool  // a source has begun, and nothing of it has been sent yet
	last       found // format that was looked for last
	stats      outTotals
	clock      clock
	unheard    unheard
	before     sentBefore
	repeater   *repeater // of pictures, where the far side may ask for them again
	repairSSRC uint32
	told       uint64 // packets that had been sent when the far side last reported
}

// sentBefore is what of the totals was sent under another SSRC, as reports count.
type sentBefore struct{ packets, bytes uint32 }

// write sends a packet from a goroutine of the caller's.
func (o *sender) write(s *stream, p *media.Packet) error {
	buf := s.t.engine.spare.get()
	defer s.t.engine.spare.put(buf)
	o.mu.Lock()
	defer o.mu.Unlock()
	room := append(buf[:rtpHeaderSize], p.Payload...)
	pkt, err := o.packet(s, p, room, time.Now())
	if pkt == nil {
		return err
	}
	tr := s.way.Load()
	if tr.send(pkt, tr.remote()) != nil {
		o.stats.failed++
	}
	return nil
}

// forward sends a packet from a reader, in the place where its payload lies: room begins with space for the header. It reports whether that
// is the first of a source, or the first after some that could not be sent.
func (o *sender) forward(s *stream, w *worker, p *media.Packet, room []byte) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first = o.start || p.Start
	pkt, _ := o.packet(s, p, room, w.now)
	if pkt == nil {
		return false
	}
	tr := s.way.Load()
	tr.add(w, pkt, tr.remote(), &o.refused)
	return first
}

// packet makes the RTP packet for p around the payload in room, protected where the leg is. It returns nil for what cannot be sent.
func (o *sender) packet(s *stream, p *media.Packet, room []byte, now time.Time) ([]byte, error) {
	c := s.crypt.Load()
	o.start = o.start || p.Start
	if !s.passes(media.SendOnly) || !s.way.Load().ready() || !c.ready() {
		o.start = true // what goes out next follows what went out last, however long the source went on meanwhile
		o.stats.blocked++
		return nil, nil
	}
	f, err := o.format(s, p, room[rtpHeaderSize:])
	if f == nil {
		o.start = o.start || err != nil && p.What == media.RTP // the sound beside a digit that nobody takes goes on in time
		return nil, err
	}
	seq, ts, ok := o.rewrite.next(p, f.codec.ClockRate, o.start, now)
	if !ok {
		o.stats.blocked++
		return nil, nil
	}
	o.start = false
	if f.extra != 0 {
		room = extend(room, f.extra, &p.Extra, s.kind)
	} else {
		room[0] = 2 << 6
	}
	room[1] = f.number
	if p.Marker {
		room[1] |= 0x80
	}
	binary.BigEndian.PutUint16(room[2:], seq)
	binary.BigEndian.PutUint32(room[4:], ts)
	binary.BigEndian.PutUint32(room[8:], o.ssrc.Load())
	o.count(len(p.Payload), now)
	if o.repeater != nil {
		o.repeater.sent(room, seq, now)
	}
	pkt, err := c.protect(room)
	if err != nil {
		o.stats.failed++
		return nil, fmt.Errorf("engine: %w", err)
	}
	return pkt, nil
}

// format finds the payload type for p. Digits that the far side does not take as events go to the signalling side.
func (o *sender) format(s *stream, p *media.Packet, payload []byte) (*format, error) {
	formats := o.formats.Load()
	if p.What == media.Digit {
		f := formats.event(o.rewrite.rate)
		if f == nil && s.t.digits(*p) {
			return nil, nil
		}
		if f == nil {
			return nil, media.ErrNoCommonCodec
		}
		if p.Codec != nil {
			reclock(payload, p.Codec.ClockRate, f.codec.ClockRate)
			return f, nil
		}
	} else if p.Codec != nil {
		if o.last.of != formats || o.last.codec != p.Codec && *o.last.codec != *p.Codec {
			o.last = formats.find(p.Codec)
		}
		if o.last.format != nil {
			return o.last.format, nil
		}
	}
	o.stats.mismatched++
	return nil, media.ErrNoCommonCodec
}

func (o *sender) count(n int, now time.Time) {
	o.stats.packets++
	o.stats.bytes += uint64(n)
	o.stats.last = o.clock.at(now)
	o.unheard.mismatched, o.unheard.failed = uint32(o.stats.mismatched), uint32(o.failed())
	if o.stats.first == 0 {
		o.stats.first = o.stats.last
	}
}

func (o *sender) snapshot() media.OutStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stats.stats(&o.clock)
	s.Failed = o.failed()
	return s
}
