package siptest

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	videoClock = 90000 // RTP's for H.264 (RFC 6184 section 5.1)
	// maxHistory is how many of the last packets can be sent again.
	maxHistory = 512
)

// videoStream is the RTP session of the pictures of one call. It receives from the moment it is opened and sends once it is told where.
type videoStream struct {
	camera    *camera
	rtp, rtcp *net.UDPConn
	seen      recorder // of packets; it hears nothing
	done      chan struct{}
	running   sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	paced     bool // the sender runs
	terms     videoTerms
	expected  map[uint8]bool // payload types that may come
	wantKey   bool           // the next picture is to be a key frame
	counts    VideoCounts
	dice      *rand.Rand
	firs      map[uint32]uint8 // the number of the last FIR, by who asked
	seenAny   bool
	seenStamp uint32 // RTP time of the picture that came last
	seenKey   bool   // it is known to be a key frame
	history   [maxHistory]packet
	sent      uint64 // packets, of which history has the last
	octets    uint32

	// What follows belongs to the sender; of seq the next packet's, of timestamp the next picture's.
	reel      reel
	ssrc      uint32
	seq       uint16
	timestamp uint32
}

// openVideo returns a session on a fresh pair of ports of ip.
func openVideo(ip netip.Addr, c *camera) (*videoStream, error) {
	rtp, rtcp, err := openPorts(ip)
	if err != nil {
		return nil, err
	}
	v := &videoStream{
		camera: c, rtp: rtp, rtcp: rtcp, done: make(chan struct{}), reel: c.film.start(), firs: make(map[uint32]uint8),
		expected: make(map[uint8]bool), wantKey: !c.NoKeyFrames, dice: rand.New(rand.NewPCG(1, 2)),
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), timestamp: rand.Uint32(),
	}
	v.running.Go(v.receive)
	v.running.Go(v.receiveControl)
	return v, nil
}

// expect makes the session take in pictures of a payload type, before it is told where to send.
func (v *videoStream) expect(payloadType uint8) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expected[payloadType] = true
}

// apply makes the session send as t says. Nothing is sent before the first call. What is shown after a pause begins with a key frame.
func (v *videoStream) apply(t videoTerms) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t.send && !v.terms.send {
		v.wantKey = !v.camera.NoKeyFrames
	}
	v.terms = t
	if t.agreed {
		v.expected[t.payloadType] = true
	}
	if t.send && !v.paced && !v.closed {
		v.paced = true
		v.running.Go(v.send)
	}
}

// close stops the session, frees its ports and waits until nothing of it runs. Closing twice is harmless.
func (v *videoStream) close() {
	v.mu.Lock()
	first := !v.closed
	v.closed = true
	v.mu.Unlock()
	if first {
		close(v.done)
		_ = v.rtp.Close()
		_ = v.rtcp.Close()
	}
	v.running.Wait()
}

// report returns what has been sent and seen.
func (v *videoStream) report() VideoCounts {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, seen := v.counts, v.seen.recording()
	all.SeenPackets, all.SeenLost = seen.Packets-seen.Unknown, seen.Lost
	return all
}

// send sends at an even pace until the session is closed.
func (v *videoStream) send() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	clock := pace{due: time.Now(), every: time.Second / time.Duration(v.camera.Rate)}
	report := clock.due.Add(firstReport)
	for {
		select {
		case <-v.done:
			return
		case <-timer.C:
		}
		now := time.Now()
		skipped, due := clock.next(now)
		v.timestamp += uint32(skipped) * v.step()
		v.frame()
		if !now.Before(report) {
			v.sendReport(now)
			report = report.Add(reportEvery)
		}
		timer.Reset(time.Until(due))
	}
}

// step is the RTP time from one picture to the next.
func (v *videoStream) step() uint32 { return videoClock / uint32(v.camera.Rate) }

// frame sends the picture that is due, if one is to be sent, and moves RTP time on.
func (v *videoStream) frame() {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := v.timestamp
	v.timestamp += v.step()
	if !v.terms.send {
		return
	}
	picture := v.next()
	v.counts.Frames++
	if picture.key {
		v.counts.KeyFrames++
		v.wantKey = false
	}
	all := payloads(picture, v.camera.Aggregate)
	for i, payload := range all {
		p := packet{payloadType: v.terms.payloadType, marker: i == len(all)-1, seq: v.seq, timestamp: at, ssrc: v.ssrc, payload: payload}
		v.history[p.seq%maxHistory] = p
		v.seq++
		v.sent++
		v.octets += uint32(len(payload))
		v.counts.Packets++
		v.write(p)
	}
}

// next returns the next picture. v.mu is held.
func (v *videoStream) next() accessUnit {
	picture := v.reel.next(v.wantKey)
	for v.camera.NoKeyFrames && picture.key {
		picture = v.reel.next(false)
	}
	if v.camera.Sets == SetsOutside {
		picture.sets = nil
	}
	return picture
}

// write sends a packet, or loses it. v.mu is held.
func (v *videoStream) write(p packet) {
	if v.dice.Float64() < v.camera.Loss {
		v.counts.Lost++
		return
	}
	// A lost packet is what RTP expects: an error to send is one.
	_, _ = v.rtp.WriteToUDPAddrPort(appendRTP(make([]byte, 0, 12+len(p.payload)), p), v.terms.to)
}

// sendReport sends a sender report.
func (v *videoStream) sendReport(now time.Time) {
	v.mu.Lock()
	to, r := v.terms.controlTo, report{ssrc: v.ssrc, sentAt: now, timestamp: v.timestamp, packets: uint32(v.sent), octets: v.octets}
	v.mu.Unlock()
	if !to.IsValid() || to.Addr().IsUnspecified() {
		return
	}
	r.about = v.seen.reception(now)
	_, _ = v.rtcp.WriteToUDPAddrPort(r.marshal(), to)
}

// receive takes in RTP until the session is closed.
func (v *videoStream) receive() {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := v.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error about something that was sent
		}
		if p, err := parseRTP(buf[:n]); err == nil {
			v.see(p, time.Now())
		}
	}
}

// see takes note of a packet of pictures.
func (v *videoStream) see(p packet, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.expected[p.payloadType] {
		v.seen.unknown(p, at)
		return
	}
	v.seen.mute(p, at)
	if !v.seenAny || int32(p.timestamp-v.seenStamp) > 0 {
		v.seenAny, v.seenStamp, v.seenKey = true, p.timestamp, false
		v.counts.SeenFrames++
	}
	if p.timestamp == v.seenStamp && !v.seenKey && startsKey(p.payload) {
		v.seenKey = true
		v.counts.SeenKeyFrames++
	}
}

// receiveControl takes in RTCP until the session is closed.
func (v *videoStream) receiveControl() {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := v.rtcp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		lastSR, err := parseRTCP(buf[:n])
		if err != nil {
			continue
		}
		v.seen.control(lastSR, time.Now())
		v.asked(parseFeedback(buf[:n], v.ssrc))
	}
}
