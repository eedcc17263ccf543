package siptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	frameTime    = 20 * time.Millisecond // of one RTP packet
	frameSamples = sampleRate / 50
	// maxLate is how far the sender may fall behind before it leaves frames out instead of sending them in a burst.
	maxLate = 200 * time.Millisecond
	// Reports go out once this long after sending began, then every other interval.
	firstReport = time.Second
	reportEvery = 2 * time.Second
	// discardPort is the port in the descriptions of a phone without media (RFC 863).
	discardPort = 9
)

// A Digit lasts digitFrames packets, is ended by endPackets, and is followed by gapFrames packets of sound.
const (
	digitFrames = 5
	endPackets  = 3 // RFC 4733 section 2.5.1.4
	gapFrames   = 3
)

// media is the RTP session of one call. It receives from the moment it is opened and sends once it is told where.
type media struct {
	rtp, rtcp *net.UDPConn
	heard     recorder
	done      chan struct{}
	running   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	paced  bool // the sender runs
	out    outcome
	talk   bool // the next packet of sound begins a talk spurt
	digits []*digitRun
	player player

	// What follows belongs to the sender.
	ssrc            uint32
	seq             uint16
	timestamp       uint32
	packets, octets uint32
}

// digitRun is a string of digits on its way.
type digitRun struct {
	codes []uint8
	next  int           // packet of the current digit
	began uint32        // RTP time of the current digit
	sent  chan struct{} // closed when all are sent
}

// openMedia returns a session on a fresh pair of ports of ip.
func openMedia(ip netip.Addr, play player) (*media, error) {
	rtp, rtcp, err := openPorts(ip)
	if err != nil {
		return nil, err
	}
	m := &media{
		rtp: rtp, rtcp: rtcp, player: play, talk: true, done: make(chan struct{}),
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), timestamp: rand.Uint32(),
	}
	m.running.Go(m.receive)
	m.running.Go(m.receiveControl)
	return m, nil
}

// expect makes the session take in what o says may come, next to what may come already, before it is told where to send.
func (m *media) expect(o outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sounds := maps.Clone(o.sounds)
	for number, codec := range m.out.sounds {
		if _, ok := sounds[number]; !ok {
			sounds[number] = codec
		}
	}
	m.out.sounds = sounds
	if o.hasDigitsIn {
		m.out.digitsIn, m.out.hasDigitsIn = o.digitsIn, true
	}
}

// apply makes the session send and receive as o says. Nothing is sent before the first call.
func (m *media) apply(o outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.send && !m.out.send {
		m.talk = true
	}
	m.out = o
	if !m.paced && !m.closed {
		m.paced = true
		m.running.Go(m.send)
	}
}

// close stops the session, frees its ports and waits until nothing of it runs. Closing twice is harmless.
func (m *media) close() {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	m.mu.Unlock()
	if first {
		close(m.done)
		_ = m.rtp.Close()
		_ = m.rtcp.Close()
	}
	m.running.Wait()
}

// receive takes in RTP until the session is closed.
func (m *media) receive() {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := m.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error about something that was sent
		}
		now := time.Now()
		p, err := parseRTP(buf[:n])
		if err != nil {
			continue
		}
		m.mu.Lock()
		codec, isSound := m.out.sounds[p.payloadType]
		isDigit := m.out.hasDigitsIn && m.out.digitsIn == p.payloadType
		m.mu.Unlock()
		switch {
		case isDigit:
			m.heard.digit(p, now)
		case isSound:
			m.heard.sound(p, codec.decode, now)
		default:
			m.heard.unknown(p, now)
		}
	}
}

// receiveControl takes in RTCP until the session is closed.
func (m *media) receiveControl() {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := m.rtcp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if lastSR, err := parseRTCP(buf[:n]); err == nil {
			m.heard.control(lastSR, time.Now())
		}
	}
}

// pace is when frames are due.
type pace struct {
	due   time.Time
	every time.Duration // one frame
}

// next takes note that the frame which is due goes out now. It returns how many frames before it are left out, because the sender is too
// late for them, and when the next frame is due: n frames' time after the first, whatever happened to those between.
func (p *pace) next(now time.Time) (skipped int, due time.Time) {
	if late := now.Sub(p.due); late > maxLate {
		skipped = int(late / p.every)
		p.due = p.due.Add(time.Duration(skipped) * p.every)
	}
	p.due = p.due.Add(p.every)
	return skipped, p.due
}

// send sends at an even pace until the session is closed.
func (m *media) send() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	clock := pace{due: time.Now(), every: frameTime}
	report := clock.due.Add(firstReport)
	for {
		select {
		case <-m.done:
			return
		case <-timer.C:
		}
		now := time.Now()
		skipped, due := clock.next(now)
		m.timestamp += uint32(skipped) * frameSamples
		m.frame()
		if !now.Before(report) {
			m.report(now)
			report = report.Add(reportEvery)
		}
		timer.Reset(time.Until(due))
	}
}

// frame sends the packet that is due, if one is to be sent, and moves RTP time on.
func (m *media) frame() {
	m.mu.Lock()
	o, talk := m.out, m.talk
	var event *digitEvent
	var began uint32
	if o.send {
		event, began = m.nextDigit()
		m.talk = event != nil
	}
	var samples [frameSamples]int16
	m.player(samples[:])
	m.mu.Unlock()

	p := packet{ssrc: m.ssrc, timestamp: m.timestamp}
	m.timestamp += frameSamples
	if !o.send {
		return
	}
	switch {
	case event != nil:
		p.payloadType, p.timestamp = o.digits, began
		p.marker = event.duration == frameSamples && !event.end
		p.payload = appendDigit(make([]byte, 0, 4), *event)
	default:
		p.payloadType, p.marker = o.payloadType, talk
		p.payload = make([]byte, frameSamples)
		for i, s := range samples {
			p.payload[i] = o.codec.encode(s)
		}
	}
	p.seq = m.seq
	m.seq++
	m.packets++
	m.octets += uint32(len(p.payload))
	// A lost packet is what RTP expects: an error to send is one.
	_, _ = m.rtp.WriteToUDPAddrPort(appendRTP(make([]byte, 0, 12+len(p.payload)), p), o.to)
}

// nextDigit returns the telephone event of the frame that is due, nil for a frame of sound. m.mu is held.
func (m *media) nextDigit() (*digitEvent, uint32) {
	if len(m.digits) == 0 {
		return nil, 0
	}
	run := m.digits[0]
	if run.next == 0 {
		run.began = m.timestamp
	}
	n := run.next
	run.next++
	switch {
	case n < digitFrames:
		return &digitEvent{code: run.codes[0], duration: uint16(n+1) * frameSamples}, run.began
	case n < digitFrames+endPackets:
		return &digitEvent{code: run.codes[0], end: true, duration: digitFrames * frameSamples}, run.began
	case n < digitFrames+endPackets+gapFrames:
		return nil, 0
	}
	run.next = 0
	if run.codes = run.codes[1:]; len(run.codes) == 0 {
		m.digits = m.digits[1:]
		close(run.sent)
	}
	return nil, 0
}

// report sends a sender report. It says what RTP time it is now, whether or not anything is being sent.
func (m *media) report(now time.Time) {
	m.mu.Lock()
	to := m.out.controlTo
	m.mu.Unlock()
	if !to.IsValid() || to.Addr().IsUnspecified() {
		return
	}
	r := report{
		ssrc: m.ssrc, sentAt: now, timestamp: m.timestamp, packets: m.packets, octets: m.octets, about: m.heard.reception(now),
	}
	_, _ = m.rtcp.WriteToUDPAddrPort(r.marshal(), to)
}

// sendDigits sends digits and waits until they are out.
func (m *media) sendDigits(ctx context.Context, digits string) error {
	run := &digitRun{sent: make(chan struct{})}
	for _, d := range strings.ToUpper(digits) {
		code := strings.IndexRune(digitNames, d)
		if code < 0 {
			return errors.New("siptest: only 0-9, *, # and A-D can be sent as digits")
		}
		run.codes = append(run.codes, uint8(code))
	}
	if len(run.codes) == 0 {
		return nil
	}
	m.mu.Lock()
	switch {
	case m.closed:
		m.mu.Unlock()
		return errEnded
	case !m.out.hasDigits || !m.out.send:
		m.mu.Unlock()
		return errors.New("siptest: digits cannot be sent: telephone-event is not agreed, or nothing may be sent now")
	}
	m.digits = append(m.digits, run)
	m.mu.Unlock()
	select {
	case <-run.sent:
		return nil
	case <-m.done:
		return errEnded
	case <-ctx.Done():
		return fmt.Errorf("siptest: digits: %w", ctx.Err())
	}
}
