package audio

import (
	"errors"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	endsAgain    = 2      // times that the last packet of an event is sent again (RFC 4733 section 2.5.1.4)
	fullDuration = 0xffff // of a segment of an event (RFC 4733 section 2.5.1.3)
)

// dialler presses keys, a frame at each turn of a clock.
type dialler struct {
	to     media.Stream
	tones  InBand
	volume int
	steps  []step
	at     int // of the step under way, in frames

	sounds bool // tones, not events
	p      media.Packet
	codec  media.Codec // of p
	time   uint32      // of this frame, in units of the codec's clock

	// events
	event codec.Event
	began bool // the key of this step is down
	again int  // times that the last packet has to go out again

	// tones
	encoder codec.Encoder
	tone    *codec.KeyTone // nil: none has sounded
	pcm     []int16
	payload []byte

	err  error
	over bool
	done chan struct{} // closed when all is out, or err is set
}

// turn takes a turn of the clock.
func (d *dialler) turn() {
	if d.over {
		return
	}
	if len(d.steps) == 0 {
		d.end(nil)
		return
	}
	err := d.frame()
	if errors.Is(err, media.ErrNoCommonCodec) && !d.sounds && d.tones == InBandIfNeeded {
		if err = d.sound(); err == nil {
			err = d.soundFrame()
		}
	}
	if err != nil {
		d.end(err)
		return
	}
	d.time += uint32(d.codec.ClockRate / codec.FramesPerSecond)
	if d.at++; d.at == d.steps[0].frames {
		d.steps, d.at = d.steps[1:], 0
	}
}

func (d *dialler) end(err error) {
	d.over, d.err = true, err
	close(d.done)
}

// begin chooses the clock, that of the leg's sound, and a time at which no Dial before has sent anything.
func (d *dialler) begin() error {
	rate := d.to.Codec().ClockRate
	if rate <= 0 {
		rate = 8000
	}
	d.codec = media.TelephoneEvent(rate)
	d.time = uint32(time.Now().UnixMilli() * int64(rate) / 1000)
	d.p = media.Packet{What: media.Digit, Start: true, Codec: &d.codec}
	if d.tones == InBandAlways {
		return d.sound()
	}
	return nil
}

// sound changes to tones.
func (d *dialler) sound() error {
	c := d.to.Codec()
	if c == (media.Codec{}) {
		return media.ErrNoCommonCodec
	}
	encoder, err := codec.NewEncoder(c, nil)
	if err != nil {
		return err
	}
	d.sounds, d.encoder, d.codec = true, encoder, c
	d.p.What, d.p.Start = media.RTP, true
	return nil
}

func (d *dialler) frame() error {
	if d.codec == (media.Codec{}) {
		if err := d.begin(); err != nil {
			return err
		}
	}
	if d.sounds {
		return d.soundFrame()
	}
	return d.eventFrame()
}

// eventFrame sends what there is to send of an event in this frame. A report tells how long the key will have been down at the frame's end.
func (d *dialler) eventFrame() error {
	if d.steps[0].key == 0 {
		if d.again == 0 {
			return nil
		}
		d.again--
		return d.send(d.event.Append(nil))
	}
	unit := uint32(d.codec.ClockRate / codec.FramesPerSecond)
	if !d.began {
		code, _ := codec.KeyCode(d.steps[0].key)
		d.event = codec.Event{Code: code, Volume: uint8(d.volume)}
		d.p.Time, d.p.Marker, d.began = d.time, true, true
	}
	lasts := d.time + unit - d.p.Time
	if lasts > fullDuration {
		d.event.Duration = fullDuration
		if err := d.send(d.event.Append(nil)); err != nil {
			return err
		}
		d.p.Time += fullDuration
		lasts -= fullDuration
	}
	d.event.Duration = uint16(lasts)
	if d.at == d.steps[0].frames-1 {
		d.event.End, d.began, d.again = true, false, endsAgain
	}
	return d.send(d.event.Append(nil))
}

// soundFrame sends a frame of sound.
func (d *dialler) soundFrame() error {
	n := d.encoder.Rate() / codec.FramesPerSecond
	d.pcm = d.pcm[:0]
	switch {
	case d.steps[0].key == codec.KeyFlash:
		return errFlash
	case d.steps[0].key != 0 && d.at == 0:
		low := -float64(d.volume)
		tone, err := codec.NewKeyTone(d.steps[0].key, d.encoder.Rate(), low, low+highOverLow)
		if err != nil {
			return err
		}
		d.tone = tone
	case d.steps[0].key == 0 && d.tone != nil:
		d.tone.Stop()
	}
	if d.tone != nil {
		d.pcm = d.tone.Append(d.pcm, n)
	} else {
		d.pcm = append(d.pcm, make([]int16, n)...)
	}
	payload, err := d.encoder.Encode(d.payload[:0], d.pcm)
	if d.payload = payload; err != nil || len(payload) == 0 {
		return err
	}
	d.p.Time, d.p.Marker = d.time, d.p.Start
	return d.send(payload)
}

var errFlash = errors.New("the hook flash has no tone")

func (d *dialler) send(payload []byte) error {
	d.p.Payload = payload
	err := d.to.Write(&d.p)
	if err == nil {
		d.p.Seq++
		d.p.Start, d.p.Marker = false, false
	}
	return err
}

// letGo ends the event of a key that is down, or that has not been said often enough to have ended. The turns are over.
func (d *dialler) letGo() {
	if d.over || d.sounds || !d.began && d.again == 0 {
		return
	}
	if d.began {
		d.event.End, d.again = true, 1+endsAgain
	}
	for ; d.again > 0; d.again-- {
		if d.send(d.event.Append(nil)) != nil {
			return
		}
	}
}
