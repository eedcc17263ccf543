package codec

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	keyLeast = 60 * time.Millisecond  // how long a key is heard at least: a detector wants 40
	keyMost  = 500 * time.Millisecond // how much of a tone one packet makes at most
)

// keying is a key whose tone goes out in place of its event.
type keying struct {
	tone *KeyTone // nil: none does
	at   uint32   // time of the event
	made int      // samples so far
	over bool     // and all its packets that are still to come are repeated ones
	mute int      // packets of sound that are left out yet: some devices send sound beside an event
}

// keyMutes is how many packets of sound without one of the event tell that its end was lost.
const keyMutes = 5

// mutes reports whether a packet of sound has to give way to a tone.
func (k *keying) mutes() bool {
	if k.tone == nil || k.over || k.mute == 0 {
		return false
	}
	k.mute--
	return true
}

// press makes, of a packet of an event, the part of the key's tone that is due.
func (t *transcoder) press(p *media.Packet, out func(*media.Packet) error) error {
	e, ok := ReadEvent(p.Payload)
	if !ok || p.What != media.Digit || p.Codec == nil || p.Codec.ClockRate <= 0 {
		return nil
	}
	if t.events && t.key.tone != nil && !p.Start && int32(p.Time-t.key.at) < 0 {
		return nil // it has been overtaken
	}
	if t.key.tone == nil || t.key.at != p.Time {
		if err := t.release(out); err != nil {
			return err
		}
		key, _ := e.Key()
		tone, err := NewKeyTone(key, t.to.Rate(), KeyLow, KeyHigh)
		if tone == nil || err != nil { // the flash, or a modem's tone
			t.key.tone = nil
			return t.flush(out)
		}
		t.key = keying{tone: tone, at: p.Time}
		t.start = t.start || t.events // what is between two keys has another way
	}
	if t.key.over {
		return nil
	}
	t.key.mute = keyMutes
	t.start = t.start || p.Start && t.events
	rate := t.to.Rate()
	want := int(int64(e.Duration) * int64(rate) / int64(p.Codec.ClockRate))
	want = min(want, t.key.made+int(keyMost*time.Duration(rate)/time.Second))
	if e.End {
		want = max(want, int(keyLeast*time.Duration(rate)/time.Second))
	}
	if err := t.sound(want-t.key.made, out); err != nil || !e.End {
		return err
	}
	return t.release(out)
}

// sound sends n more samples of the tone.
func (t *transcoder) sound(n int, out func(*media.Packet) error) error {
	if n <= 0 {
		return nil
	}
	t.pcm = t.key.tone.Append(t.pcm, n)
	t.key.made += n
	t.keyed += n
	return t.frames(out)
}

// release lets the tone fade, to the end of a frame.
func (t *transcoder) release(out func(*media.Packet) error) error {
	if t.key.tone == nil || t.key.over {
		return nil
	}
	t.key.over = true
	t.key.tone.Stop()
	size := t.to.Rate() / FramesPerSecond
	n := size - len(t.pcm)%size
	if n < size/4 {
		n += size
	}
	return t.sound(n, out)
}
