package audio

import (
	"errors"
	"io"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// speaker is what a turn of a Player sends with. Nothing but the turn uses it.
type speaker struct {
	codec   *media.Codec // that is sent now; a new one for each change, since streams know it by its address
	encoder codec.Encoder
	unfit   error // why there is no encoder

	pcm     []int16
	packet  media.Packet
	payload []byte
	gap     bool      // the frame before was not sent
	over    []*prompt // that end with this frame
}

// turn sends 20 ms.
func (p *Player) turn() {
	if !p.follow() {
		return
	}
	s := &p.out
	heard := p.fill(s.pcm)
	if !heard && p.o.Quiet {
		s.pass()
	} else {
		p.send(heard)
	}
	for i, q := range s.over {
		q.end(nil)
		s.over[i] = nil
	}
	s.over = s.over[:0]
}

// follow has the frame encoded for what the stream sends now, and reports whether that can be done.
func (p *Player) follow() bool {
	s := &p.out
	if c := p.to.Codec(); s.codec == nil || *s.codec != c {
		s.change(c, p.o.Encoder)
	}
	switch {
	case s.unfit != nil:
		p.endAll(playError(s.unfit))
	case s.encoder == nil && p.first() != nil && hasEnded(p.to):
		p.endAll(io.EOF)
	}
	return s.encoder != nil
}

// hasEnded reports whether the media of a stream has ended to which nothing can be written, since nothing has been negotiated.
func hasEnded(s media.Stream) bool {
	r := s.Reader()
	defer func() { _ = r.Close() }() // it has no error
	_, err := r.TryRead(nil, new(media.Packet))
	return errors.Is(err, io.EOF)
}

func (s *speaker) change(c media.Codec, o *codec.Options) {
	s.codec, s.encoder, s.unfit = &c, nil, nil
	if c == (media.Codec{}) {
		return
	}
	if s.encoder, s.unfit = codec.NewEncoder(c, o); s.unfit != nil {
		s.encoder = nil
		return
	}
	s.pcm = make([]int16, s.encoder.Rate()/codec.FramesPerSecond)
	s.packet.Start, s.packet.Codec = true, s.codec
}

// fill takes a frame of what plays, and reports whether there is any sound in it. Where a prompt ends the next begins.
func (p *Player) fill(frame []int16) (heard bool) {
	at := 0
	for at < len(frame) {
		q := p.first()
		if q == nil {
			break
		}
		n, state := q.read(frame[at:], p.out.encoder.Rate())
		at += n
		heard = heard || n > 0
		if state == promptOver {
			p.leave(q)
			p.out.over = append(p.out.over, q)
			continue
		}
		if state == promptLate {
			heard = true // and a part of it is missing
			p.underruns.Add(1)
		}
		break
	}
	clear(frame[at:])
	return heard
}

func (p *Player) first() *prompt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil
	}
	return p.queue[0]
}

// send encodes the frame and writes it. A stream that drops it, on hold, counts it itself.
func (p *Player) send(heard bool) {
	s := &p.out
	var err error
	s.payload, err = s.encoder.Encode(s.payload[:0], s.pcm)
	if err != nil || len(s.payload) == 0 { // DTX
		if err != nil {
			p.lost.Add(1)
		}
		s.pass()
		return
	}
	s.packet.Marker = s.gap || s.packet.Start // RFC 3551 section 4.1
	s.packet.Payload = s.payload
	if err = p.to.Write(&s.packet); err != nil {
		if errors.Is(err, media.ErrClosed) {
			p.endAll(io.EOF)
		}
		p.lost.Add(1)
		s.pass()
		return
	}
	if heard {
		p.frames.Add(1)
	} else {
		p.silent.Add(1)
	}
	s.gap, s.packet.Start = false, false
	s.packet.Seq++
	s.tick()
}

// pass leaves a frame out: the time goes on and the numbers do not.
func (s *speaker) pass() {
	s.gap = true
	s.tick()
}

func (s *speaker) tick() { s.packet.Time += uint32(s.codec.ClockRate / codec.FramesPerSecond) }
