package siptest

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// filmFor returns what a phone with these options shows.
func filmFor(t *testing.T, o VideoOptions) *camera {
	t.Helper()
	c, err := o.prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unpack returns the NAL units in the payloads of one picture, and fails the test for what RFC 6184 does not allow.
func unpack(t *testing.T, all [][]byte) [][]byte {
	t.Helper()
	var units [][]byte
	var fragments []byte
	for _, p := range all {
		if len(p) > maxPayload {
			t.Fatalf("a payload of %d bytes", len(p))
		}
		switch kind := unitType(p); {
		case kind == unitFUA:
			switch started := p[1]&0x80 != 0; {
			case started == (fragments != nil):
				t.Fatalf("fragments out of order: header %#x after %d bytes", p[1], len(fragments))
			case started:
				fragments = []byte{p[0]&0xE0 | p[1]&0x1F}
			}
			if fragments = append(fragments, p[2:]...); p[1]&0x40 != 0 {
				units, fragments = append(units, fragments), nil
			}
		case fragments != nil:
			t.Fatal("fragments without an end")
		case kind == unitSTAPA:
			for rest := p[1:]; len(rest) > 0; {
				n := int(rest[0])<<8 | int(rest[1])
				units = append(units, rest[2:2+n])
				rest = rest[2+n:]
			}
		default:
			units = append(units, p)
		}
	}
	return units
}

func TestPayloadsHoldTheirUnits(t *testing.T) {
	for name, o := range map[string]VideoOptions{
		"fragments": {}, "aggregated sets": {Aggregate: true}, "single units": {SingleNAL: true}, "large": {Source: Pictures(256, 256)},
	} {
		t.Run(name, func(t *testing.T) {
			c := filmFor(t, o)
			reel := c.film.start()
			for i := range 70 {
				u := reel.next(i%20 == 0)
				all := payloads(u, c.Aggregate)
				if got, want := unpack(t, all), slices.Concat(u.sets, u.units); !slices.EqualFunc(got, want, bytes.Equal) {
					t.Fatalf("picture %d: %d units come out of %d, or others", i, len(got), len(want))
				}
				if c.SingleNAL && slices.ContainsFunc(all, func(p []byte) bool { return unitType(p) > 23 }) {
					t.Fatalf("picture %d: not only single units in mode 0", i)
				}
				if n := len(slices.DeleteFunc(all, func(p []byte) bool { return !startsKey(p) })); (n > 0) != u.key || n > 1 && !c.SingleNAL {
					t.Fatalf("picture %d, key frame %t: %d payloads begin one", i, u.key, n)
				}
			}
		})
	}
}

// TestUnitsHoldNoStartCode looks for the three zeros of a start code in all that is drawn, and finds the units again in a byte stream.
func TestUnitsHoldNoStartCode(t *testing.T) {
	reel := filmFor(t, VideoOptions{}).film.start()
	var stream []byte
	var units [][]byte
	for i := range 600 { // frame_num turns over twice
		u := reel.next(i == 0)
		for _, unit := range slices.Concat(u.sets, u.units) {
			stream = append(append(stream, 0, 0, 0, 1), unit...)
			units = append(units, unit)
		}
	}
	found, err := splitAnnexB(append(stream, 0, 0))
	if err != nil || !slices.EqualFunc(found, units, bytes.Equal) {
		t.Errorf("%d units in a stream of %d: %v", len(found), len(units), err)
	}
	all, err := group(found)
	if err != nil || len(all) != 600 || !all[0].key || len(all[0].sets) != 2 || all[1].key {
		t.Errorf("%d pictures in a stream of 600: %v", len(all), err)
	}
}

// TestEmulationPrevention writes what must not stand in a NAL unit (H.264 table 7-1).
func TestEmulationPrevention(t *testing.T) {
	w := bitWriter{b: []byte{0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 4, 0}}
	if got, want := w.unit(0x61), []byte{0x61, 0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 3, 0, 0, 4, 0, 0x80}; !bytes.Equal(got, want) {
		t.Errorf("unit % x, want % x", got, want)
	}
}

// watcher is the other side of a video stream.
type watcher struct {
	t         *testing.T
	rtp, rtcp *net.UDPConn
	stream    *videoStream
}

// watch begins to show what o says to a watcher.
func watch(t *testing.T, o VideoOptions, feedback ...string) *watcher {
	t.Helper()
	c, local := filmFor(t, o), netip.MustParseAddr("127.0.0.1")
	v, err := openVideo(local, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.close)
	w := &watcher{t: t, stream: v}
	if w.rtp, w.rtcp, err = openPorts(local); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = w.rtp.Close(), w.rtcp.Close() })
	v.apply(videoTerms{agreed: true, send: true, payloadType: 99, to: portOf(w.rtp), controlTo: portOf(w.rtcp), feedback: feedback})
	return w
}

// next returns the next packet that ok likes.
func (w *watcher) next(what string, ok func(p *rtp.Packet) bool) *rtp.Packet {
	w.t.Helper()
	buf := make([]byte, maxPacket)
	if err := w.rtp.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	for {
		n, _, err := w.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(bytes.Clone(buf[:n])); err != nil {
			w.t.Fatal(err)
		}
		if p.PayloadType != 99 {
			w.t.Fatalf("payload type %d", p.PayloadType)
		}
		if ok(&p) {
			return &p
		}
	}
}

// asks sends RTCP to the stream.
func (w *watcher) asks(packets ...rtcp.Packet) {
	w.t.Helper()
	b, err := rtcp.Marshal(append([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}}, packets...))
	if err == nil {
		_, err = w.rtcp.WriteToUDPAddrPort(b, portOf(w.stream.rtcp))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// counts waits until the stream has counted something.
func (w *watcher) counts(what string, ok func(VideoCounts) bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(w.stream.report()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not in time: %s: %+v", what, w.stream.report())
		}
	}
}

// begins reports whether p is the first of a key frame's slices.
func begins(p *rtp.Packet) bool { return startsKey(p.Payload) }

// TestKeyFramesOnRequest asks for key frames by PLI and FIR, of the right source and of another.
func TestKeyFramesOnRequest(t *testing.T) {
	w := watch(t, VideoOptions{Rate: 60, Feedback: []string{"nack pli", "ccm fir"}}, "nack pli", "ccm fir")
	first := w.next("a key frame", begins)
	w.asks(&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: first.SSRC + 1}, // of another source
		&rtcp.FullIntraRequest{SenderSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: first.SSRC + 1, SequenceNumber: 1}}},
		&rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: first.SSRC, Nacks: []rtcp.NackPair{{PacketID: first.SequenceNumber}}})
	w.counts("what was not agreed", func(v VideoCounts) bool { return v.Unagreed == 1 })
	if v := w.stream.report(); v.KeyFrames != 1 || v.PLI != 0 || v.FIR != 0 || v.Nacked != 0 {
		t.Errorf("counts %+v after requests that are none", v)
	}
	w.asks(&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: first.SSRC})
	second := w.next("a key frame after PLI", begins)
	fir := &rtcp.FullIntraRequest{SenderSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: first.SSRC, SequenceNumber: 5}}}
	w.asks(fir)
	third := w.next("a key frame after FIR", begins)
	if second.Timestamp == first.Timestamp || third.Timestamp == second.Timestamp || (third.Timestamp-first.Timestamp)%(videoClock/60) != 0 {
		t.Errorf("RTP times %d, %d, %d", first.Timestamp, second.Timestamp, third.Timestamp)
	}
	w.asks(fir) // repeated
	w.asks(&rtcp.FullIntraRequest{SenderSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: first.SSRC, SequenceNumber: 6}}})
	w.counts("the second FIR alone", func(v VideoCounts) bool { return v.FIR == 2 && v.KeyFrames == 4 })
	if v := w.stream.report(); v.PLI != 1 || v.FIR != 2 {
		t.Errorf("counts %+v", v)
	}
}

// TestPacketsAreSentAgain asks for packets that were lost.
func TestPacketsAreSentAgain(t *testing.T) {
	w := watch(t, VideoOptions{Feedback: []string{"nack"}}, "nack")
	first := w.next("a packet", func(*rtp.Packet) bool { return true })
	third := w.next("two more", func(p *rtp.Packet) bool { return p.SequenceNumber == first.SequenceNumber+2 })
	w.asks(&rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: first.SSRC, Nacks: []rtcp.NackPair{
		{PacketID: first.SequenceNumber, LostPackets: 2}, {PacketID: first.SequenceNumber - 100},
	}})
	again := w.next("the first one again", func(p *rtp.Packet) bool { return p.SequenceNumber == first.SequenceNumber })
	if !bytes.Equal(again.Payload, first.Payload) || again.Timestamp != first.Timestamp {
		t.Error("the first packet comes back as another one")
	}
	again = w.next("the third one again", func(p *rtp.Packet) bool { return p.SequenceNumber == third.SequenceNumber })
	if !bytes.Equal(again.Payload, third.Payload) {
		t.Error("the third packet comes back as another one")
	}
	w.counts("what was sent again", func(v VideoCounts) bool { return v.Nacked == 3 && v.Resent == 2 })
}

// TestPicturesOnTheWire looks at the markers and times of the packets of some pictures, and at a report.
func TestPicturesOnTheWire(t *testing.T) {
	w := watch(t, VideoOptions{Rate: 50})
	last := w.next("a key frame", begins)
	for range 60 {
		p := w.next("a packet", func(*rtp.Packet) bool { return true })
		if p.SequenceNumber != last.SequenceNumber+1 || p.SSRC != last.SSRC {
			t.Fatalf("packet %d of %d after %d of %d", p.SequenceNumber, p.SSRC, last.SequenceNumber, last.SSRC)
		}
		if moved := p.Timestamp - last.Timestamp; last.Marker != (moved > 0) || moved%(videoClock/50) != 0 {
			t.Fatalf("RTP time moves by %d after marker %t", moved, last.Marker)
		}
		last = p
	}
	buf := make([]byte, maxPacket)
	if err := w.rtcp.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, _, err := w.rtcp.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	if sr, ok := packets[0].(*rtcp.SenderReport); !ok || sr.SSRC != last.SSRC || sr.PacketCount == 0 || sr.OctetCount == 0 {
		t.Errorf("report %v", packets[0])
	}
}

func FuzzFeedback(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: 1}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1, SequenceNumber: 2}}},
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0x8001}}},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseRTCP(b); err != nil {
			return
		}
		if r := parseFeedback(b, 1); len(r.nack) > 17*len(b)/4 || len(r.fir) > len(b)/8 || r.pli > len(b)/12 {
			t.Fatalf("%d bytes ask for %d packets, %d FIRs, %d PLIs", len(b), len(r.nack), len(r.fir), r.pli)
		}
	})
}

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67\x42\xe0\x1f\x00\x00\x01\x68\xce\x00\x00\x01\x65\x88\x00\x00\x01\x41\x9a"))
	f.Add([]byte("\x00\x00\x01\x67\x42\xe0\x1f\x00\x00\x01\x68\x00\x00\x01\x06\x01\x00\x00\x01\x65\x88\x00\x00\x01\x65\x08\x00\x00\x01\x09\xf0"))
	// Units that RTP would take for fragments and aggregates.
	f.Add([]byte("\x00\x00\x01\x67\x42\xe0\x1f\x00\x00\x01\x68\x00\x00\x01\x65\x88\x00\x00\x01\x7c\x00\x00\x01\x78\x00\x01\x00\x00\x01\x60"))
	f.Fuzz(func(t *testing.T, b []byte) {
		film, err := filmOf(b, 0)
		if err != nil {
			return
		}
		reel := film.start()
		for i := range 10 {
			u := reel.next(i%5 == 0)
			if i%5 == 0 && (!u.key || len(u.sets) != 2) || len(u.units) == 0 {
				t.Fatalf("picture %d: key frame %t, %d sets, %d units", i, u.key, len(u.sets), len(u.units))
			}
			if got := unpack(t, payloads(accessUnit{units: u.units}, false)); !slices.EqualFunc(got, u.units, bytes.Equal) {
				t.Fatalf("picture %d: %d units come out of %d, or others", i, len(got), len(u.units))
			}
		}
	})
}

func FuzzStartsKey(f *testing.F) {
	f.Add([]byte{0x78, 0, 1, 0x67, 0, 2, 0x65, 0x88})
	f.Add([]byte{0x7C, 0x85, 0})
	f.Fuzz(func(_ *testing.T, b []byte) { startsKey(b) })
}
