package audio

import (
	"slices"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// line turns a mix into the payloads of one codec.
type line struct {
	encoder codec.Encoder
	rate    *codec.Resampler
	limit   limiter

	mix, pcm []int16 // at the mix's rate, and at the encoder's
	payload  []byte
}

// newLine returns a line from a rate in Hz to c. The error wraps a *codec.Error.
func newLine(c media.Codec, rate int, o *codec.Options) (*line, error) {
	var with codec.Options
	if o != nil {
		with = *o
	}
	with.Rate = rate
	e, err := codec.NewEncoder(c, &with)
	if err != nil {
		return nil, err
	}
	r, err := codec.NewResampler(rate, e.Rate())
	if err != nil {
		return nil, err
	}
	return &line{encoder: e, rate: r}, nil
}

// encode sets payload to a frame of a mix; it is empty where nothing has to be sent.
func (l *line) encode(sum []int32) {
	l.mix = l.limit.apply(l.mix[:0], sum)
	l.pcm = l.rate.Append(l.pcm[:0], l.mix)
	l.payload = l.payload[:0]
	if b, err := l.encoder.Encode(l.payload, l.pcm); err == nil {
		l.payload = b
	}
}

// follow has a line go on from what another one has sent, so that the far side's decoder meets nothing new: filters and predictors find
// their way in some frames.
func (l *line) follow(p *past) {
	for i := range p.frames {
		l.encode(p.frames[(p.oldest+i)%len(p.frames)])
	}
}

// past is the latest frames of the whole mix.
type past struct {
	frames [pastFrames][]int32
	oldest int
}

const pastFrames = 3

func newPast(frame int) past {
	var p past
	for i := range p.frames {
		p.frames[i] = make([]int32, frame)
	}
	return p
}

func (p *past) add(sum []int32) {
	copy(p.frames[p.oldest], sum)
	p.oldest = (p.oldest + 1) % pastFrames
}

// shared is the line of all members with one codec who hear the whole mix.
type shared struct {
	codec media.Codec
	*line
	users int // members with the codec; guarded by Mixer.mu

	wanted bool   // by a member, this turn
	last   uint64 // turn that was encoded
}

// tap is the whole mix for readers.
type tap struct {
	codec media.Codec
	line  *line
	fan   media.Fanout
	last  uint64
}

// deliver hands the mix to the readers, if there are any.
func (t *tap) deliver(m *Mixer) {
	if !t.fan.Active() {
		return
	}
	if t.last+1 != m.count {
		t.line.follow(&m.before)
	}
	t.last = m.count
	t.line.encode(m.sum)
	m.encoded.Add(1)
	t.fan.Deliver(&media.Packet{
		Codec: &t.codec, Seq: uint16(m.count), Time: uint32(m.count) * uint32(m.frame), Payload: t.line.payload,
	})
}

// obtain returns the line of a codec, which is made for its first member. The error wraps a *codec.Error.
func (m *Mixer) obtain(c media.Codec) (*shared, error) {
	if l := m.use(c, nil); l != nil {
		return l, nil
	}
	l, err := newLine(c, m.o.Rate, m.o.Codec) // which may take its time
	if err != nil {
		return nil, err
	}
	return m.use(c, l), nil
}

// use returns the line of a codec. One that is not there is made of l; if that is nil there is none.
func (m *Mixer) use(c media.Codec, l *line) *shared {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.lines {
		if have.codec == c {
			have.users++
			return have
		}
	}
	if l == nil {
		return nil
	}
	one := &shared{codec: c, line: l, users: 1}
	m.lines = append(slices.Clip(m.lines), one)
	return one
}

// release gives a line back; mu is held.
func (m *Mixer) release(l *shared) {
	if l == nil {
		return
	}
	if l.users--; l.users == 0 {
		m.lines = without(m.lines, l)
	}
}
