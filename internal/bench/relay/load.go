//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

const (
	headerSize = 12
	idSize     = 10 // bytes of a payload that say whose it is: two for H.264's sake, the leg, and the packet
)

// load is the generator: one goroutine that sends what is due in each slot and reads what has come back.
type load struct {
	*rig
	fds    []int
	outs   [2]*batch // by side: callers, called
	ins    [2]*batch
	queued [2][]queued // what is in outs
	header rtp.Header
	filler [packetRoom]byte

	counts bool // what is sent now counts
	came   int  // of what counts
	result figures
}

// queued is a packet that waits for its batch to be sent.
type queued struct {
	l *leg
	k int
}

// newLoad opens the sockets for a number of calls.
func newLoad(m mode, calls int) (*load, error) {
	g := &load{rig: &rig{mode: m, legs: make([]leg, 2*calls)}}
	from := uint16(firstPort + rand.IntN(lastPort-firstPort-1000))
	for side := range g.ports {
		port, fd, rtcp, err := openPair(from)
		if err != nil {
			g.close()
			return nil, err
		}
		from = port + 2
		g.fds = append(g.fds, fd, rtcp)
		g.ports[side], g.outs[side], g.ins[side] = port, newBatch(fd), newBatch(fd)
	}
	for i := range g.filler {
		g.filler[i] = byte(i * 37)
	}
	return g, nil
}

func (g *load) close() {
	for _, fd := range g.fds {
		_ = unix.Close(fd)
	}
}

// run sends for a number of slots, of which those from first on count, and waits for the last packets. begin is called before the first
// packet that counts, end after the last one.
func (g *load) run(first, slots int, drain time.Duration, begin, end func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g.prepare(slots)
	due := g.timetable()
	start := time.Now()
	for now := range slots {
		if now == first {
			g.count()
			if err := begin(); err != nil {
				return err
			}
		}
		if err := g.await(start.Add(time.Duration(now) * slot)); err != nil {
			return err
		}
		for side := range due {
			for _, l := range due[side][now%g.mode.every] {
				g.sendFrame(l, side)
			}
			g.flush(side)
		}
	}
	if err := end(); err != nil {
		return err
	}
	g.counts = false
	for last := time.Now().Add(drain); time.Now().Before(last) && g.came < g.result.sent; {
		if err := g.await(time.Now().Add(slot)); err != nil {
			return err
		}
	}
	g.result.lost = g.result.sent - g.came
	if g.mode.transcodes() {
		g.result.lost = max(0, g.result.lost-len(g.legs)) // a transcoder may hold a frame of each back
		return g.judge()
	}
	return nil
}

// timetable returns which legs begin a frame in which slot of a period, by side.
func (g *load) timetable() (due [2][][]*leg) {
	for side := range due {
		due[side] = make([][]*leg, g.mode.every)
	}
	for i := range g.legs {
		l := &g.legs[i]
		due[i%2][l.phase] = append(due[i%2][l.phase], l)
	}
	return due
}

// count lets what is sent from now on count.
func (g *load) count() {
	g.counts = true
	for i := range g.legs {
		g.legs[i].first, g.legs[i].counts = len(g.legs[i].sent), true
	}
}

// await reads until a moment, and sleeps where nothing has come: the kernel stamps what comes meanwhile.
func (g *load) await(until time.Time) error {
	for {
		if err := g.hear(); err != nil {
			return err
		}
		left := time.Until(until)
		if left <= 0 {
			if g.counts {
				g.result.behind = max(g.result.behind, -left)
			}
			return nil
		}
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil)
	}
}

// sendFrame queues a leg's next frame.
func (g *load) sendFrame(l *leg, side int) {
	n := g.mode.burst(l.frame)
	for i := range n {
		if g.outs[side].n == batchSize {
			g.flush(side)
		}
		g.queue(l, side, i == n-1 && n > 1)
	}
	l.frame++
	l.time += g.mode.stepOf(side)
}

// queue makes a leg's next packet in the batch of its side.
func (g *load) queue(l *leg, side int, marker bool) {
	b, k := g.outs[side], len(l.sent)
	pkt := b.buf[b.n][:headerSize+g.mode.sizeOf(side, l.frame)]
	pkt[0], pkt[1] = 2<<6, l.pt
	if marker {
		pkt[1] |= 0x80
	}
	binary.BigEndian.PutUint16(pkt[2:], l.seq+uint16(k))
	binary.BigEndian.PutUint32(pkt[4:], l.time)
	binary.BigEndian.PutUint32(pkt[8:], l.number+1)
	if payload := pkt[headerSize:]; g.mode.transcodes() {
		copy(payload, g.mode.talk[side].frame(l.frame))
	} else {
		copy(payload, g.filler[:])
		payload[0], payload[1] = 0x7c, 0x05 // the middle of a fragmented slice (RFC 6184 section 5.8)
		binary.BigEndian.PutUint32(payload[2:], l.number)
		binary.BigEndian.PutUint32(payload[6:], uint32(k))
	}
	if l.out != nil {
		sealed, err := l.out.EncryptRTP(pkt, pkt, &g.header)
		if err == nil {
			pkt = sealed
		}
	}
	b.iovs[b.n].SetLen(len(pkt))
	b.address(address(int(l.number)/2), l.far)
	b.n++
	l.sent = append(l.sent, 0) // flush knows when
	g.queued[side] = append(g.queued[side], queued{l, k})
	if g.counts {
		g.result.sent++
	}
}

// flush sends the batch of a side. The kernel takes one packet after the other, so each has the time in proportion.
func (g *load) flush(side int) {
	b, before := g.outs[side], time.Now().UnixNano()
	if b.n == 0 {
		return
	}
	b.send()
	took, n := time.Now().UnixNano()-before, int64(len(g.queued[side]))
	for i, q := range g.queued[side] {
		q.l.sent[q.k] = before + took*int64(i)/n
	}
	g.queued[side] = g.queued[side][:0]
}

// hear reads all that has come.
func (g *load) hear() error {
	for side, b := range g.ins {
		for n := batchSize; n == batchSize; {
			var err error
			if n, err = b.receive(); err != nil {
				return err
			}
			for i := range n {
				data, to, at := b.datagram(i)
				g.take(side, data, to, at)
			}
		}
	}
	return nil
}

// take counts one datagram that a phone of one side has heard.
func (g *load) take(side int, data []byte, to [4]byte, at int64) {
	call := callOf(to)
	if call < 0 || 2*call >= len(g.legs) {
		return // of some other program of the machine: a relay knows none but the addresses of our phones
	}
	listener, speaker := &g.legs[2*call+side], &g.legs[2*call+1-side]
	if g.mode.transcodes() {
		g.hearTalk(listener, speaker, data, at)
		return
	}
	if len(data) < headerSize+idSize || data[0]>>6 != 2 {
		g.result.wrong++
		return
	}
	if listener.in != nil {
		plain, err := listener.in.DecryptRTP(data[:0], data, &g.header)
		if err != nil {
			g.result.wrong++
			return
		}
		data = plain
	}
	payload := data[headerSize:]
	k := int(binary.BigEndian.Uint32(payload[6:]))
	if binary.BigEndian.Uint32(payload[2:]) != speaker.number || k >= len(speaker.sent) ||
		len(payload) != g.mode.size || !bytes.Equal(payload[idSize:], g.filler[idSize:len(payload)]) {
		g.result.wrong++
		return
	}
	if speaker.came[k] {
		g.result.twice++
		return
	}
	speaker.came[k] = true
	offset := binary.BigEndian.Uint16(data[2:]) - uint16(k)
	if speaker.newest >= 0 && offset != speaker.offset {
		g.result.wrong++
	}
	speaker.offset = offset
	if k < speaker.newest {
		g.result.late++
	}
	speaker.newest = max(k, speaker.newest)
	if speaker.counts && k >= speaker.first {
		g.came++
		g.result.delay.add(time.Duration(at - speaker.sent[k]))
	}
}
