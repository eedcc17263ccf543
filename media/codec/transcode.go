package codec

import (
	"errors"
	"strings"
	"time"

	"github.com/alexacall/alexacall/media"
)

// transcoder turns the packets of one source into packets of another codec, 20 ms each, with numbers and times of their own.
type transcoder struct {
	in      Sequencer
	now     media.Packet // what it hands out
	from    Decoder
	convert *Resampler // nil: both have one rate
	to      Encoder
	codec   media.Codec

	rise  int // samples until it is as loud as it should be
	risen int

	raw []int16 // at the decoder's rate
	pcm []int16 // at the encoder's, not yet encoded

	known bool   // there was sound
	next  uint32 // time of the source's next sample
	clock int    // of next, in Hz
	frame int    // samples in the source's last packet
	bad   int    // packets after it that could not be decoded

	seq    uint16
	at     int64 // samples encoded or passed over, at the encoder's rate: the line of what goes out
	start  bool  // what goes out next begins a source
	marker bool  // what goes out next follows a pause

	event, eventOut uint32 // time of the last event, and what it became
	pressed         bool   // there was an event
	events          bool   // there is nothing but events
	key             keying
	heard           hearing
	keyed           int // samples of tones since the last packet of sound

	out     media.Packet
	payload []byte
}

// concealMost is how much is made up at most for lost packets. What more was lost passes as a pause.
const concealMost = 100 * time.Millisecond

// riseFor is how long G.722 takes to be as loud as it should be where another encoder's packets may have gone before: its decoder knows their
// steps, not ours, until it has forgotten them, half of them every 11 ms, and too large steps are a click.
const riseFor = 60 * time.Millisecond

// slipMost is by how much the time of a packet may be off without being a pause.
const slipMost = 5 * time.Millisecond

// Relay returns the options of a relay that transcodes between all codecs that this build codes, the best first: of Join, too. Its encoders
// are made with o, but for the rate, which is that of what they get.
func Relay(o *Options) *media.RelayOptions {
	relay := &media.RelayOptions{Transcode: func(from, to media.Codec) (media.Transcoder, error) { return transcode(from, to, o) }}
	for _, c := range [...]media.Codec{media.Opus(), media.G722(), media.PCMU(), media.PCMA()} {
		if Encodes(c) && Decodes(c) {
			relay.Also = append(relay.Also, c)
		}
	}
	relay.Also = append(relay.Also, media.TelephoneEvent(telephoneRate))
	return relay
}

// Transcode returns what turns packets of one codec into packets of another, for media.RelayOptions. It has 20 ms of sound in each packet,
// whatever comes in; makes up for what is lost, and leaves pauses as they are. Digits pass, in the same sequence; to a far side that takes none
// they become tones, and telephone events may be all that it is from. What it returns is a media.KeyHearer too. The error is an *Error that wraps ErrUnknown or ErrNoEncoder.
func Transcode(from, to media.Codec) (media.Transcoder, error) { return transcode(from, to, nil) }

func transcode(from, to media.Codec, o *Options) (media.Transcoder, error) {
	if from.IsDigits() {
		e, err := NewEncoder(to, o)
		if err != nil {
			return nil, err
		}
		return &transcoder{to: e, codec: to, start: true, events: true}, nil
	}
	d, err := NewDecoder(from, nil)
	if err != nil {
		return nil, err
	}
	encode := *orDefault(o)
	encode.Rate = d.Rate()
	e, err := NewEncoder(to, &encode)
	if err != nil {
		return nil, err
	}
	if d.Rate() != e.Rate() {
		if d, err = NewDecoder(from, &Options{Rate: e.Rate()}); err != nil {
			return nil, err
		}
	}
	t := transcoder{from: d, to: e, codec: to, start: true}
	if d.Rate() != e.Rate() {
		if t.convert, err = NewResampler(d.Rate(), e.Rate()); err != nil {
			return nil, err
		}
	}
	if strings.EqualFold(to.Name, media.G722().Name) {
		t.rise = int(riseFor * time.Duration(e.Rate()) / time.Second)
		return &g722Transcoder{transcoder: t}, nil
	}
	return &t, nil
}

// Close implements media.Transcoder.
func (t *transcoder) Close() error { return nil }

// Transcode implements media.Transcoder.
func (t *transcoder) Transcode(p *media.Packet, out func(*media.Packet) error) error {
	if t.events {
		return t.press(p, out) // of events each tells all
	}
	t.in.Put(p)
	for {
		lost, ok := t.in.Next(&t.now)
		if !ok {
			return nil
		}
		if err := t.take(&t.now, lost, out); err != nil {
			return err
		}
	}
}

// take takes the next packet of the source.
func (t *transcoder) take(p *media.Packet, lost int, out func(*media.Packet) error) error {
	switch {
	case p.What == media.Digit:
		if heard, err := t.elsewhere(p, out); heard || err != nil {
			return err
		}
		return t.pass(p, out)
	case p.What != media.RTP:
		return out(p)
	case p.Codec == nil || strings.EqualFold(p.Codec.Name, noiseName):
		return nil // a pause, which its time tells
	case t.key.mutes():
		return nil // likewise
	}
	if err := t.release(out); err != nil {
		return err
	}
	if err := t.align(p, lost, out); err != nil {
		return err
	}
	t.keyed = 0
	if t.raw, _ = t.from.Decode(t.raw[:0], p.Payload); len(t.raw) == 0 {
		t.bad++ // it is as good as lost
		return nil
	}
	t.bad = 0
	t.frame = len(t.raw)
	t.next, t.clock, t.known = p.Time+t.units(t.frame, p.Codec.ClockRate), p.Codec.ClockRate, true
	t.marker = t.marker || p.Marker
	t.out.Extra = p.Extra
	return t.listen(out)
}

// units are so many samples of the decoder in units of a clock.
func (t *transcoder) units(n, clock int) uint32 { return uint32(n * clock / t.from.Rate()) }

// align fills what is missing before a packet, or passes over it.
func (t *transcoder) align(p *media.Packet, lost int, out func(*media.Packet) error) error {
	if !t.known || p.Start || p.Codec.ClockRate != t.clock {
		if t.known && p.Start {
			t.start = true
		}
		if err := t.skip(t.from.Rate(), out); err != nil { // as good as another source
			return err
		}
		return t.flush(out)
	}
	rate := t.from.Rate()
	gap := int(int32(p.Time-t.next)) * rate / max(1, t.clock) // in samples of the decoder
	gone := min(gap, (lost+t.bad)*t.frame)
	made := min(gone, int(concealMost*time.Duration(rate)/time.Second))
	pause := gap - made
	isPause := pause >= int(slipMost*time.Duration(rate)/time.Second)
	if lost > 0 || isPause {
		if err := t.skip(gap, out); err != nil {
			return err
		}
	}
	for left := made; left > 0; {
		n := left
		var after []byte
		if left > t.frame {
			n = t.frame
		} else if made == gone {
			after = p.Payload
		}
		t.raw = t.from.Conceal(t.raw[:0], n, after)
		left -= n
		if err := t.send(out); err != nil {
			return err
		}
	}
	if !isPause {
		return nil
	}
	if err := t.frames(out); err != nil {
		return err
	}
	had := len(t.pcm)
	if err := t.flush(out); err != nil {
		return err
	}
	pad := 0
	if had > 0 {
		pad = t.to.Rate()/FramesPerSecond - had
	}
	t.at += int64(max(0, pause*t.to.Rate()/rate-pad-t.keyed))
	t.marker = true
	return nil
}

// send encodes what has been decoded, frame by frame.
func (t *transcoder) send(out func(*media.Packet) error) error {
	if t.heard.key != 0 {
		clear(t.raw) // it has become an event
	}
	if t.convert == nil {
		t.pcm = append(t.pcm, t.raw...)
	} else {
		t.pcm = t.convert.Append(t.pcm, t.raw)
	}
	return t.frames(out)
}

// frames encodes all that is a whole frame.
func (t *transcoder) frames(out func(*media.Packet) error) (err error) {
	if t.heard.isWaiting() {
		return nil
	}
	size, done := t.to.Rate()/FramesPerSecond, 0
	defer func() { t.pcm = t.pcm[:copy(t.pcm, t.pcm[done:])] }()
	for ; err == nil && len(t.pcm)-done >= size; done += size {
		var sounds bool
		if sounds, err = t.sounds(out); err == nil && sounds {
			err = t.encode(t.pcm[done:done+size], out)
		} else {
			t.at += int64(size)
			t.marker = true
		}
	}
	return err
}

// flush sends what is no whole frame, filled with silence.
func (t *transcoder) flush(out func(*media.Packet) error) error {
	if err := t.frames(out); err != nil || len(t.pcm) == 0 {
		return err
	}
	for len(t.pcm) < t.to.Rate()/FramesPerSecond {
		t.pcm = append(t.pcm, 0)
	}
	err := t.encode(t.pcm, out)
	t.pcm = t.pcm[:0]
	return err
}

func (t *transcoder) encode(frame []int16, out func(*media.Packet) error) error {
	at := t.at
	t.at += int64(len(frame))
	for i := 0; i < len(frame) && t.risen < t.rise; i++ {
		frame[i] = int16(int64(frame[i]) * int64(t.risen) * int64(t.risen) / int64(t.rise) / int64(t.rise))
		t.risen++
	}
	payload, _ := t.to.Encode(t.payload[:0], frame)
	if len(payload) == 0 {
		t.marker = true // nothing is to be sent
		return nil
	}
	t.payload = payload
	t.out.What, t.out.Codec, t.out.Payload, t.out.Marker = media.RTP, &t.codec, payload, t.marker
	t.out.Time = t.time(at, t.codec.ClockRate)
	t.marker = false
	return t.write(out)
}

func (t *transcoder) write(out func(*media.Packet) error) error {
	t.out.Seq, t.out.Start = t.seq, t.start
	t.seq++
	t.start = false
	return out(&t.out)
}

// time is a place on the line of what goes out, in units of a clock.
func (t *transcoder) time(at int64, clock int) uint32 {
	return uint32(at * int64(clock) / int64(t.to.Rate()))
}

// pass sends a packet of an event, which has its place on the same line. All packets of an event bear one time.
func (t *transcoder) pass(p *media.Packet, out func(*media.Packet) error) error {
	if t.key.tone != nil && t.key.at == p.Time {
		return t.press(p, out)
	}
	if !t.pressed || p.Start || p.Time != t.event {
		if err := t.flush(out); err != nil {
			return err
		}
		at, clock := t.at, t.codec.ClockRate
		if p.Codec != nil {
			clock = p.Codec.ClockRate
		}
		if t.known && clock == t.clock {
			at += max(0, int64(int32(p.Time-t.next))*int64(t.to.Rate())/int64(max(1, t.clock)))
		}
		t.pressed, t.event, t.eventOut = true, p.Time, t.time(at, clock)
	}
	extra, start := t.out.Extra, t.start
	t.out = *p
	t.out.Time, t.start = t.eventOut, start || p.Start
	err := t.write(out)
	t.out = media.Packet{Extra: extra}
	if errors.Is(err, media.ErrNoCommonCodec) {
		t.seq--
		t.start = start
		return t.press(p, out)
	}
	return err
}
