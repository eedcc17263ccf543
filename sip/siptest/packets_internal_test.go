package siptest

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func TestRTPAgreesWithPion(t *testing.T) {
	sent := packet{payloadType: 101, marker: true, seq: 65535, timestamp: 1 << 31, ssrc: 0xDEADBEEF, payload: []byte{1, 2, 3, 4}}
	var theirs rtp.Packet
	if err := theirs.Unmarshal(appendRTP(nil, sent)); err != nil {
		t.Fatal(err)
	}
	if theirs.PayloadType != sent.payloadType || theirs.Marker != sent.marker || theirs.SequenceNumber != sent.seq ||
		theirs.Timestamp != sent.timestamp || theirs.SSRC != sent.ssrc || !bytes.Equal(theirs.Payload, sent.payload) {
		t.Errorf("pion reads %v", theirs)
	}
	theirs.CSRC = []uint32{1, 2}
	if err := theirs.SetExtension(1, []byte{9, 9}); err != nil {
		t.Fatal(err)
	}
	theirs.Padding, theirs.PaddingSize = true, 4
	b, err := theirs.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRTP(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.ssrc != sent.ssrc || got.seq != sent.seq || !got.marker || !bytes.Equal(got.payload, sent.payload) {
		t.Errorf("with sources, extension and padding: %+v", got)
	}
}

func TestReportAgreesWithPion(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC)
	b := report{
		ssrc: 7, sentAt: at, timestamp: 8000, packets: 50, octets: 8000,
		about: &reception{ssrc: 9, fraction: 64, lost: 3, highest: 1<<16 + 5, lastSR: 0x12345678, delay: 1500 * time.Millisecond},
	}.marshal()
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(packets) != 2 {
		t.Fatalf("%d packets in the compound, want 2", len(packets))
	}
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok || sr.SSRC != 7 || sr.NTPTime != ntp(at) || sr.RTPTime != 8000 || sr.PacketCount != 50 || sr.OctetCount != 8000 || len(sr.Reports) != 1 {
		t.Fatalf("sender report: %v", packets[0])
	}
	if want := (rtcp.ReceptionReport{SSRC: 9, FractionLost: 64, TotalLost: 3, LastSequenceNumber: 1<<16 + 5, LastSenderReport: 0x12345678, Delay: 98304}); sr.Reports[0] != want {
		t.Errorf("reception: %+v, want %+v", sr.Reports[0], want)
	}
	if sdes, ok := packets[1].(*rtcp.SourceDescription); !ok || len(sdes.Chunks) != 1 || sdes.Chunks[0].Source != 7 {
		t.Errorf("source description: %v", packets[1])
	}
	lastSR, err := parseRTCP(b)
	if err != nil || lastSR != uint32(ntp(at)>>16) {
		t.Errorf("parseRTCP: %#x, %v", lastSR, err)
	}
	if seconds := ntp(at) >> 32; seconds != 3976311845 || uint32(ntp(at)) != 1<<31 {
		t.Errorf("NTP time %d.%d", seconds, uint32(ntp(at)))
	}
}

func FuzzRTP(f *testing.F) {
	f.Add(appendRTP(nil, packet{payload: []byte{1, 2, 3}}))
	f.Add([]byte{0xB1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xBE, 0xDE, 0, 1, 0x10, 1, 0, 0, 9, 1})
	f.Add([]byte{0xA0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 200})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseRTP(b)
		if err != nil {
			return
		}
		if len(p.payload) > len(b)-12 {
			t.Fatalf("%d bytes of payload in %d", len(p.payload), len(b))
		}
		again, err := parseRTP(appendRTP(nil, p))
		if err != nil || again.seq != p.seq || again.timestamp != p.timestamp || again.marker != p.marker || !bytes.Equal(again.payload, p.payload) {
			t.Fatalf("%+v comes back as %+v, %v", p, again, err)
		}
		var r recorder
		r.sound(p, decodeMu, time.Time{})
		r.digit(p, time.Time{})
		r.unknown(p, time.Time{})
		if rec := r.recording(); rec.Packets != 3 || rec.Lost != 0 {
			t.Fatalf("recording of one packet: %d packets, %d lost", rec.Packets, rec.Lost)
		}
	})
}

func FuzzRTCP(f *testing.F) {
	f.Add(report{sentAt: time.Unix(0, 0)}.marshal())
	f.Add(report{sentAt: time.Unix(0, 0), about: &reception{}}.marshal())
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseRTCP(b); err != nil {
			return
		}
		// Whatever passes is made of whole packets.
		for len(b) > 0 {
			b = b[4+4*(int(b[2])<<8|int(b[3])):]
		}
	})
}

// toneFrames returns n packets of a tone of 440 Hz.
func toneFrames(n int) []packet {
	play := sine(440)
	all := make([]packet, n)
	for i := range all {
		var frame [frameSamples]int16
		play(frame[:])
		p := packet{seq: uint16(65530 + i), timestamp: math.MaxUint32 - 500 + uint32(i)*frameSamples, ssrc: 1}
		for _, s := range frame {
			p.payload = append(p.payload, encodeMu(s))
		}
		all[i] = p
	}
	return all
}

func TestRecordingOfLossAndReorder(t *testing.T) {
	var r recorder
	frames := toneFrames(100)
	now := time.Unix(1, 0)
	for i, p := range frames {
		switch i {
		case 20, 21, 50: // lost
		case 30: // comes after packet 31
		case 31:
			r.sound(p, decodeMu, now)
			r.sound(frames[30], decodeMu, now)
		default:
			r.sound(p, decodeMu, now)
		}
	}
	rec := r.recording()
	if rec.Packets != 97 || rec.Lost != 3 || rec.Reordered != 1 || len(rec.PCM) != 100*frameSamples || rec.First != now {
		t.Errorf("%d packets, %d lost, %d reordered, %d samples", rec.Packets, rec.Lost, rec.Reordered, len(rec.PCM))
	}
	for i, p := range frames {
		got := rec.PCM[i*frameSamples : (i+1)*frameSamples]
		for k, b := range p.payload {
			want := decodeMu(b)
			if i == 20 || i == 21 || i == 50 {
				want = 0
			}
			if got[k] != want {
				t.Fatalf("sample %d of packet %d is %d, want %d", k, i, got[k], want)
			}
		}
	}
	if share := rec.ToneShare(460, 0); share > 0.05 {
		t.Errorf("share of a tone that is not there: %g", share)
	}
	block := r.reception(now)
	if block.ssrc != 1 || block.lost != 3 || block.fraction != 3*256/100 || block.highest != 1<<16+93 {
		t.Errorf("reception: %+v", block)
	}
	// Nothing lost since: the fraction is of the last interval only, the count of all.
	more := toneFrames(110)[100:]
	for _, p := range more {
		r.sound(p, decodeMu, now)
	}
	if block := r.reception(now); block.lost != 3 || block.fraction != 0 {
		t.Errorf("reception later: %+v", block)
	}
}

func TestRecordingOfSeveralSources(t *testing.T) {
	var r recorder
	now := time.Unix(1, 0)
	for _, p := range toneFrames(10) {
		r.sound(p, decodeMu, now)
	}
	for i, p := range toneFrames(12) {
		p.ssrc, p.timestamp, p.seq = 2, p.timestamp+12345678, p.seq+777
		if i != 5 && i != 6 {
			r.sound(p, decodeMu, now)
		}
	}
	rec := r.recording()
	if rec.Lost != 2 || rec.Packets != 20 || len(rec.PCM) != 22*frameSamples {
		t.Errorf("%d packets, %d lost, %d samples", rec.Packets, rec.Lost, len(rec.PCM))
	}
}

func TestRecordingKeepsTheEnd(t *testing.T) {
	var r recorder
	p := packet{ssrc: 1, payload: make([]byte, frameSamples)}
	level := encodeMu(1000)
	for i := range maxRecording/frameSamples + 20_000 {
		p.seq, p.timestamp = uint16(i), uint32(i)*frameSamples
		p.payload[0] = encodeMu(0)
		if i%100 == 99 {
			p.payload[0] = level
		}
		r.sound(p, decodeMu, time.Time{})
	}
	rec := r.recording()
	if len(rec.PCM) != maxRecording || rec.Lost != 0 {
		t.Fatalf("%d samples kept, %d lost", len(rec.PCM), rec.Lost)
	}
	if got := rec.PCM[maxRecording-frameSamples]; got != decodeMu(level) {
		t.Errorf("the last packet is not where it belongs: %d", got)
	}
	if c := cap(r.rec.PCM); c > 2*maxRecording {
		t.Errorf("room for %d samples is held", c)
	}
}

func TestDigitsAreCountedOnce(t *testing.T) {
	var r recorder
	now := time.Unix(1, 0)
	feed := func(code uint8, timestamp uint32, end bool) {
		r.digit(packet{ssrc: 1, timestamp: timestamp, payload: appendDigit(nil, digitEvent{code: code, end: end, duration: 800})}, now)
	}
	feed(1, 1000, false)
	feed(1, 1000, false)
	feed(1, 1000, true)
	feed(1, 1000, true)
	feed(1, 3000, true) // all but the end lost
	feed(1, 1000, true) // late
	feed(11, 5000, false)
	feed(16, 7000, false) // flash: no digit
	if got := r.heardDigits(); got != "11#" {
		t.Errorf("digits %q, want 11#", got)
	}
}

func TestPaceDoesNotDrift(t *testing.T) {
	start := time.Unix(1000, 0)
	clock := pace{due: start, every: frameTime}
	for i := range 500 {
		// Each timer fires 7 ms late.
		skipped, due := clock.next(start.Add(time.Duration(i)*frameTime + 7*time.Millisecond))
		if want := start.Add(time.Duration(i+1) * frameTime); skipped != 0 || due != want {
			t.Fatalf("frame %d: %d skipped, the next is due %s after the first, want %s", i, skipped, due.Sub(start), want.Sub(start))
		}
	}
	// A second late: nothing is sent in a burst, and the grid stays.
	skipped, due := clock.next(start.Add(11*time.Second + 5*time.Millisecond))
	if skipped != 50 || due != start.Add(11*time.Second+frameTime) {
		t.Errorf("after a second's delay: %d skipped, the next is due after %s", skipped, due.Sub(start))
	}
}
