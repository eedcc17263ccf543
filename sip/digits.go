package sip

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/media"
)

const (
	typeRelay = "application/dtmf-relay"
	typeDTMF  = "application/dtmf"

	maxDigits   = 64                     // that wait to go out
	endLostFor  = 250 * time.Millisecond // after which the end of an event is not waited for
	digitLasts  = 160 * time.Millisecond // where nobody says
	maxDuration = 6 * time.Second        // of one digit
	eventVolume = 10                     // -dBm0 (RFC 4733 section 2.3.3)
	eventEnd    = 0x80
	eventSize   = 4
	fullSegment = 0xffff // the longest that a segment of an event lasts
)

// digitNames are the events of RFC 4733 section 3.2 that keys make.
const digitNames = "0123456789*#ABCD"

// eventFlash is the hook flash.
const eventFlash = 16

// digits turns telephone events into INFO requests, one for each key. Its methods may be called from any goroutine and do not wait.
type digits struct {
	leg *Leg

	mu      sync.Mutex
	stopped bool
	now     event // under way
	ended   event // the last that ended
	timer   *time.Timer
	waiting []digit // to go out
	sending bool
}

// event is a key that is being pressed.
type event struct {
	known  bool
	number byte
	time   uint32        // RTP timestamp of its beginning, or that of its segment, by which its packets are known
	units  uint16        // of RTP time that the segment lasts
	before time.Duration // all segments before it
	lasts  time.Duration
}

// goesOn reports whether next is a further segment of e, which lasts longer than one can say (RFC 4733 section 2.5.1.3).
func (e *event) goesOn(next *event) bool {
	passed := next.time - e.time
	return e.known && e.number == next.number && passed > 0 && (passed == fullSegment || passed == uint32(e.units))
}

// digit is a key that was pressed.
type digit struct {
	number byte
	lasts  time.Duration
}

// put takes a packet of a telephone event that the far side's media does not take. A key goes out when it is let go, or when the packet
// that would say so seems lost.
func (d *digits) put(p media.Packet) {
	if len(p.Payload) < eventSize || p.Codec == nil || p.Codec.ClockRate <= 0 {
		return
	}
	e := event{known: true, number: p.Payload[0], time: p.Time, units: binary.BigEndian.Uint16(p.Payload[2:])}
	lasts := func(units uint32) time.Duration {
		return time.Duration(units) * time.Second / time.Duration(p.Codec.ClockRate)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || d.ended.known && d.ended.number == e.number && d.ended.time == e.time {
		return // the end of an event comes three times
	}
	switch {
	case d.now.goesOn(&e):
		e.before = d.now.before + lasts(e.time-d.now.time)
	case d.now.known && d.now.time == e.time && d.now.number == e.number:
		e.before = d.now.before
	case d.now.known:
		d.end()
	}
	e.lasts = e.before + lasts(uint32(e.units))
	d.now = e
	if p.Payload[1]&eventEnd != 0 {
		d.end()
		return
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(endLostFor, d.late)
		return
	}
	d.timer.Reset(endLostFor)
}

func (d *digits) late() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now.known && !d.stopped {
		d.end()
	}
}

// end queues the key that was being pressed. d.mu is held.
func (d *digits) end() {
	e := d.now
	d.now, d.ended = event{}, e
	if d.timer != nil {
		d.timer.Stop()
	}
	if len(d.waiting) >= maxDigits {
		d.leg.agent.count.digitsLost.Add(1)
		return
	}
	d.waiting = append(d.waiting, digit{e.number, e.lasts})
	if !d.sending {
		d.sending = d.leg.post(d.leg.sendDigit)
	}
}

// next takes the next key to send.
func (d *digits) next() (digit, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || len(d.waiting) == 0 {
		d.sending = false
		return digit{}, false
	}
	next := d.waiting[0]
	d.waiting = d.waiting[1:]
	return next, true
}

func (d *digits) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped, d.waiting = true, nil
	if d.timer != nil {
		d.timer.Stop()
	}
}

// sendDigit sends the next key, and those after it when that is answered, so that they arrive in order.
func (l *Leg) sendDigit() {
	for {
		next, ok := l.digits.next()
		if !ok {
			return
		}
		name, ok := digitName(next.number)
		if ok && l.sendInfo(name, next.lasts) {
			return
		}
		l.agent.count.digitsLost.Add(1)
	}
}

// sendInfo sends INFO with one key, and reports whether it is under way.
func (l *Leg) sendInfo(name string, lasts time.Duration) bool {
	if l.dialog.remoteTag == "" || l.Ended() != nil {
		return false
	}
	way, err := l.dialog.way()
	if err != nil {
		return false
	}
	req := l.dialog.request(sipmsg.INFO, 0)
	contentType := sipmsg.ContentTypeHeader(typeRelay)
	req.AppendHeader(&contentType)
	req.SetBody([]byte("Signal=" + name + "\r\nDuration=" + strconv.Itoa(int(lasts.Milliseconds())) + "\r\n"))
	return l.request(req, way, func(res *sipmsg.Response, err error) {
		if err != nil || !res.IsSuccess() {
			l.agent.count.digitsLost.Add(1)
		}
		l.sendDigit()
	}) == nil
}

func digitName(number byte) (string, bool) {
	switch {
	case int(number) < len(digitNames):
		return digitNames[number : number+1], true
	case number == eventFlash:
		return "hf", true
	}
	return "", false
}

// informed takes INFO.
func (l *Leg) informed(tx *serverTx) {
	if l.Ended() != nil {
		tx.refuse(noDialog())
		return
	}
	kind, _, _ := strings.Cut(headerText(tx.req, "content-type", "c"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	body := string(tx.req.Body())
	var pressed digit
	var ok bool
	switch {
	case kind == typeRelay:
		pressed, ok = parseRelay(body)
	case kind == typeDTMF:
		pressed, ok = parseKey(body)
	case len(body) == 0:
		_ = tx.answer(response{status: 200, phrase: "OK"}) // a sign of life
		return
	case kind == typeMediaControl:
		if !l.mediaControl(tx.req.Body()) {
			tx.refuse(refuseWith(400, "Bad Media Control"))
			return
		}
		_ = tx.answer(response{status: 200, phrase: "OK"})
		return
	default:
		tx.refuse(refuseWith(415, "Unsupported Media Type", sipmsg.NewHeader("Accept", typeRelay+", "+typeDTMF+", "+typeMediaControl)))
		return
	}
	if !ok {
		tx.refuse(refuseWith(400, "Bad Digit"))
		return
	}
	_ = tx.answer(response{status: 200, phrase: "OK"})
	l.inject(pressed)
}

// parseRelay parses "Signal=5\r\nDuration=160\r\n", with the spaces and line ends that devices put there.
func parseRelay(body string) (digit, bool) {
	pressed, ok := digit{}, false
	for line := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\r' || r == '\n' }) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			if pressed.number, ok = keyNumber(value); !ok {
				return digit{}, false
			}
		case "duration":
			if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16); err == nil {
				pressed.lasts = time.Duration(n) * time.Millisecond
			}
		}
	}
	if pressed.lasts == 0 {
		pressed.lasts = digitLasts
	}
	pressed.lasts = min(pressed.lasts, maxDuration)
	return pressed, ok
}

// parseKey parses a body that is the key alone.
func parseKey(body string) (digit, bool) {
	number, ok := keyNumber(body)
	return digit{number, digitLasts}, ok
}

// keyNumber returns the event for a key: its name, or the number that some devices write for * # A-D and the hook flash.
func keyNumber(name string) (byte, bool) {
	name = strings.ToUpper(strings.TrimSpace(name))
	if len(name) == 1 {
		if i := strings.Index(digitNames, name); i >= 0 {
			return byte(i), true
		}
		return eventFlash, name == "!"
	}
	if name == "HF" || name == "FLASH" {
		return eventFlash, true
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return byte(n), err == nil && n >= 10 && n <= eventFlash
}

// inject gives a key to the leg's readers as the telephone event that it would have been: its beginning, and its end three times
// (RFC 4733 section 2.5.1.4).
func (l *Leg) inject(pressed digit) {
	codec := media.TelephoneEvent(8000)
	now := uint32(time.Since(l.Info().Placed) * time.Duration(codec.ClockRate) / time.Second)
	units := uint16(min(pressed.lasts*time.Duration(codec.ClockRate)/time.Second, 0xffff))
	for i := range 4 {
		p := media.Packet{What: media.Digit, Marker: i == 0, Codec: &codec, Time: now, Payload: make([]byte, eventSize)}
		l.injected++
		p.Seq = l.injected
		p.Payload[0], p.Payload[1] = pressed.number, eventVolume
		if i > 0 {
			p.Payload[1] |= eventEnd
		}
		binary.BigEndian.PutUint16(p.Payload[2:], units)
		l.terminal.Inject(media.Audio, &p)
	}
}
