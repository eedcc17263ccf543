package audio

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
)

// A DigitSource says how a digit came.
type DigitSource uint8

// The ways in which digits come.
const (
	DigitEvent  DigitSource = iota // as a telephone event (RFC 4733)
	DigitSignal                    // by signalling, such as SIP's INFO
	DigitTone                      // as a tone in the sound
	digitSources
)

// String says it for people.
func (s DigitSource) String() string {
	switch s {
	case DigitEvent:
		return "event"
	case DigitSignal:
		return "signalling"
	case DigitTone:
		return "tone"
	default:
		return "unknown"
	}
}

// A Digit is a key that was pressed or, where DigitsOptions.Ends asks for that too, let go again.
type Digit struct {
	Key      byte          // 0-9 * # A-D, or codec.KeyFlash for the hook flash
	From     DigitSource   // that told of it first
	End      bool          // it is let go
	Duration time.Duration // how long it was held, if End
}

// InBand says when digits are tones in the sound.
type InBand uint8

// When tones are used.
const (
	// InBandIfNeeded: heard while telephone events are neither agreed on nor have come, sent where the far side takes digits in no other way.
	InBandIfNeeded InBand = iota
	InBandAlways
	InBandNever
)

// DigitsOptions are the options of NewDigits; nil and every zero field are valid.
type DigitsOptions struct {
	Tones InBand // when tones are listened to; what else there is always counts
	Ends  bool   // Next returns the end of each press too
}

const (
	mostWaiting = 64   // digits that nobody has asked for
	mostPayload = 2048 // octets of a packet
)

// Digits is the flow of digits of a leg, however they come: telephone events, signalling, tones in the sound. Each press is told once, when
// the key goes down; if two ways tell of it, the second is not heard. It reads the leg's sound in a goroutine of its own, until Close.
// What nobody asks for waits, so that callers can type ahead: the first 64 digits, the others are lost and counted. Its methods are safe
// for concurrent use.
type Digits struct {
	of   media.Endpoint
	o    DigitsOptions
	from *media.Reader
	work sync.WaitGroup
	wake chan struct{} // somebody who waits in Next is to look again

	mu      sync.Mutex
	waiting []Digit
	lost    uint64
	ended   error // of what Next returns after what waits
	hears   hearing
	timer   *time.Timer // set if armed
	armed   bool
}

// NewDigits begins to take the digits of a leg, or of any other endpoint. Close it; it ends by itself when the leg's media does.
func NewDigits(of media.Endpoint, o *DigitsOptions) *Digits {
	d := &Digits{of: of, wake: make(chan struct{}, 1)}
	if o != nil {
		d.o = *o
	}
	d.hears.tones = d.o.Tones
	d.from = of.Stream(media.Audio).Reader()
	d.hears.agreed(of.Plan())
	d.work.Go(d.run)
	return d
}

// Next waits for the next digit. It returns io.EOF when the leg's media has ended, media.ErrClosed after Close, and the context's error.
func (d *Digits) Next(ctx context.Context) (Digit, error) {
	for {
		digit, ok, err := d.take()
		if ok || err != nil {
			return digit, err
		}
		select {
		case <-d.wake:
		case <-ctx.Done():
			return Digit{}, ctx.Err()
		}
	}
}

func (d *Digits) take() (digit Digit, ok bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.rouse() // there may be more than one who waits
	switch {
	case errors.Is(d.ended, media.ErrClosed):
		return Digit{}, false, d.ended
	case len(d.waiting) == 0:
		return Digit{}, false, d.ended
	}
	digit = d.waiting[0]
	d.waiting = d.waiting[:copy(d.waiting, d.waiting[1:])]
	return digit, true, nil
}

// rouse wakes who waits in Next if there is something for them. d.mu is held.
func (d *Digits) rouse() {
	if len(d.waiting) == 0 && d.ended == nil {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Clear drops what was typed ahead.
func (d *Digits) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = d.waiting[:0]
}

// Lost returns how many digits nobody asked for before there were too many, ends included.
func (d *Digits) Lost() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// Close ends it and waits for its goroutine. What waits is dropped. It is idempotent.
func (d *Digits) Close() error {
	d.mu.Lock()
	d.end(media.ErrClosed)
	d.mu.Unlock()
	err := d.from.Close()
	d.work.Wait()
	return err
}

// end notes how the flow ends; the first one counts, but Close is the last word. d.mu is held.
func (d *Digits) end(err error) {
	if d.ended == nil || errors.Is(err, media.ErrClosed) {
		d.ended = err
	}
	if d.armed && d.timer.Stop() {
		d.armed = false
		d.work.Done()
	}
	d.rouse()
}

func (d *Digits) run() {
	buf := make([]byte, mostPayload)
	for {
		var p media.Packet
		switch err := d.from.Read(buf, &p); {
		case err == nil:
			d.heard(&p)
		case errors.Is(err, media.ErrChanged):
			d.changed()
		case errors.Is(err, io.ErrShortBuffer):
		default:
			d.over()
			return
		}
	}
}

func (d *Digits) heard(p *media.Packet) {
	if p.Start {
		d.changed()
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell(d.hears.take(p, now), now)
}

// changed looks what is agreed on now.
func (d *Digits) changed() {
	plan := d.of.Plan()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hears.agreed(plan)
}

// over lets go of what is down: no more comes.
func (d *Digits) over() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.tell(d.hears.expire(now.Add(time.Hour)), now)
	d.end(io.EOF)
}

// tell queues digits, and sets the timer for what ends unless more of it comes. d.mu is held.
func (d *Digits) tell(digits []Digit, now time.Time) {
	for _, digit := range digits {
		switch {
		case digit.End && !d.o.Ends:
		case len(d.waiting) == mostWaiting:
			d.lost++
		default:
			d.waiting = append(d.waiting, digit)
		}
	}
	if len(digits) > 0 {
		d.rouse()
	}
	due := d.hears.due()
	if d.armed || d.ended != nil || due.IsZero() {
		return
	}
	d.armed = true
	d.work.Add(1)
	if d.timer == nil {
		d.timer = time.AfterFunc(due.Sub(now), d.late)
		return
	}
	d.timer.Reset(due.Sub(now))
}

func (d *Digits) late() {
	defer d.work.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = false
	if now := time.Now(); d.ended == nil {
		d.tell(d.hears.expire(now), now)
	}
}
