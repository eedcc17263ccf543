package audio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// DialOptions are the options of Dial; nil and every zero field are valid. Times are rounded up to frames of 20 ms.
type DialOptions struct {
	Press  time.Duration // that each key is held; 0: 100 ms; from 40 ms to 10 s
	Gap    time.Duration // after each key; 0: 100 ms; from 40 ms to 10 s
	Volume int           // of the low tone, 1 to 36, in -dBm0; 0: 10. The high one is 2 dB louder.
	Tones  InBand        // when keys are sent as tones in the sound
}

const (
	shortestPress = 40 * time.Millisecond // that every receiver takes (ITU-T Q.24)
	longestPress  = 10 * time.Second
	usualPress    = 100 * time.Millisecond
	usualVolume   = 10
	mostVolume    = 36 // beyond which a tone is too soft for most receivers
	highOverLow   = codec.KeyHigh - codec.KeyLow

	mostDialled = 256 // keys and pauses
	shortWait   = 500 * time.Millisecond
	longWait    = 2 * time.Second
)

// Dial presses keys for the far side of a stream, and returns when they are out: 0-9 * # A-D a-d, ! for the hook flash; w waits for half a
// second and a comma for two, spaces and hyphens say nothing. They go as telephone events (RFC 4733) at the clock of the leg's sound, or by
// signalling where the leg has that instead, or else as tones; which of them is found by the first key, and DialOptions.Tones may say
// otherwise. Nothing else writes to the stream meanwhile. What direction and gate do not let pass is lost, as all that is written then.
//
// If the context ends before, the key that is down is let go and the context's error is wrapped. Keys that are none, codec.ErrNoEncoder,
// media.ErrNoCommonCodec, and media.ErrClosed when the stream ends before, are errors too. The clock has to run.
func Dial(ctx context.Context, c *Clock, to media.Stream, digits string, o *DialOptions) error {
	d, err := newDialler(to, digits, o)
	if err == nil {
		err = d.run(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("audio: dial: %w", err)
	}
	return nil
}

// step is a key that is pressed, or a pause.
type step struct {
	key    byte // 0: a pause
	frames int
}

var (
	errDialled = errors.New("too many keys")
	errTimes   = errors.New("a press or a gap is too short or too long")
	errVolume  = errors.New("the volume is none")
)

func newDialler(to media.Stream, digits string, o *DialOptions) (*dialler, error) {
	if o == nil {
		o = new(DialOptions)
	}
	press, errPress := inFrames(o.Press)
	gap, errGap := inFrames(o.Gap)
	switch {
	case errPress != nil || errGap != nil:
		return nil, errTimes
	case o.Volume < 0 || o.Volume > mostVolume:
		return nil, errVolume
	case len(digits) > mostDialled:
		return nil, errDialled
	}
	d := &dialler{to: to, tones: o.Tones, volume: o.Volume, done: make(chan struct{})}
	if d.volume == 0 {
		d.volume = usualVolume
	}
	for i := range len(digits) {
		switch key := digits[i]; key {
		case ' ', '-':
		case 'w':
			d.steps = append(d.steps, step{frames: int(shortWait / FrameTime)})
		case ',':
			d.steps = append(d.steps, step{frames: int(longWait / FrameTime)})
		default:
			if _, ok := codec.KeyCode(key); !ok {
				return nil, fmt.Errorf("character %d is no key", i+1)
			}
			d.steps = append(d.steps, step{key, press}, step{frames: gap})
		}
	}
	return d, nil
}

func inFrames(d time.Duration) (int, error) {
	if d == 0 {
		d = usualPress
	}
	if d < shortestPress || d > longestPress {
		return 0, errTimes
	}
	return int((d + FrameTime - 1) / FrameTime), nil
}

func (d *dialler) run(ctx context.Context, c *Clock) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := c.Every(d.turn)
	select {
	case <-d.done:
		stop()
		return d.err
	case <-ctx.Done():
		stop()
		d.letGo()
		return ctx.Err()
	}
}
