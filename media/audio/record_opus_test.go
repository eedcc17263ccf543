package audio_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// oggSound is an Ogg Opus file: packets of sound, and when each begins, in samples at 48 kHz after the pre-skip.
type oggSound struct {
	channels int
	lead     [][]byte // packets before the pre-skip is over
	packets  [][]byte
	at       []int64
	end      int64   // granule of the last page, after the pre-skip
	last     bool    // the last page says that it is
	pages    []int64 // granule of each
}

// readOgg reads the whole pages of a file by the rules of RFC 3533 and RFC 7845.
func readOgg(t *testing.T, b []byte) (o oggSound) {
	t.Helper()
	le := binary.LittleEndian
	total, skip := int64(0), int64(0)
	for n := uint32(0); ; n++ {
		if len(b) < 27 || len(b) < 27+int(b[26]) {
			return o
		}
		lacing := b[27:][:b[26]]
		size := 27 + len(lacing)
		for _, x := range lacing {
			size += int(x)
		}
		if len(b) < size {
			return o
		}
		if string(b[:5]) != "OggS\x00" || le.Uint32(b[18:]) != n || audio.OggSum(b[:size]) != le.Uint32(b[22:]) || (b[5] == 2) != (n == 0) || o.last {
			t.Fatalf("page %d % x", n, b[:27])
		}
		granule, body := int64(le.Uint64(b[6:])), b[27+len(lacing):size]
		o.last = b[5] == 4
		b = b[size:]
		switch n {
		case 0:
			if len(body) != 19 || string(body[:9]) != "OpusHead\x01" || granule != 0 || body[18] != 0 {
				t.Fatalf("head %q", body)
			}
			o.channels, skip = int(body[9]), int64(le.Uint16(body[10:]))
			continue
		case 1:
			if !bytes.HasPrefix(body, []byte("OpusTags")) || granule != 0 {
				t.Fatalf("tags %q", body)
			}
			continue
		}
		for _, p := range unlace(lacing, body) {
			time := int64(audio.OpusTime(p))
			if time == 0 {
				t.Fatalf("packet % x", p)
			}
			if total >= skip {
				o.packets, o.at = append(o.packets, p), append(o.at, total-skip)
			} else {
				o.lead = append(o.lead, p)
			}
			total += time
		}
		if granule != total && (!o.last || granule > total) {
			t.Fatalf("granule %d after %d samples", granule, total)
		}
		o.end = granule - skip
		o.pages = append(o.pages, o.end)
	}
}

func unlace(lacing, body []byte) (packets [][]byte) {
	size := 0
	for _, n := range lacing {
		if size += int(n); n < 255 {
			packets = append(packets, body[:size])
			body, size = body[size:], 0
		}
	}
	return packets
}

// Frames of 20 ms of the kinds that Opus has.
const (
	silkNarrow, silkMedium = 1 << 3, 5 << 3
	silkWide, hybridFull   = 9 << 3, 15 << 3
	celtFull               = 31 << 3
)

// opusPacket makes a packet that can be told from others.
func opusPacket(toc byte, n int) []byte { return []byte{toc, 1, byte(n), byte(n >> 8), 7, 7, 7, 7} }

// TestRecordOpus has every packet in the file as it came, at its time, and in place of those that did not come what makes a player
// conceal a short gap, and silence after that.
func TestRecordOpus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
		time.Sleep(time.Second) // nothing comes
		for i := range 200 {
			switch {
			case i >= 20 && i < 23, i >= 100 && i < 150: // lost, and a hold
				call.skip(0, media.Opus())
			default:
				call.send(0, media.Opus(), opusPacket(silkWide, i))
			}
			time.Sleep(audio.FrameTime)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		o, e := readOgg(t, f.data), ended(t, r)
		if !o.last || o.channels != 1 || e.Bytes != int64(len(f.data)) || e.Duration != sampleTime(o.end) || (e.Duration-5*time.Second).Abs() > 40*time.Millisecond {
			t.Errorf("%v in %d channels, last %v, %+v", sampleTime(o.end), o.channels, o.last, e)
		}
		begin := int64(-1)
		for i, p := range o.packets {
			n := int(o.at[i]-begin) / 960
			switch {
			case begin < 0 && bytes.Equal(p, opusPacket(silkWide, 0)):
				begin = o.at[i]
			case begin < 0, n >= 121 && n < 150:
				if !bytes.Equal(p, []byte{celtFull, 0xFF, 0xFE}) {
					t.Errorf("at %d: % x, want silence", o.at[i], p)
				}
			case n >= 20 && n < 23, n >= 100 && n < 121:
				if !bytes.Equal(p, []byte{silkWide}) {
					t.Errorf("packet %d: % x, want the frame of a lost one", n, p)
				}
			case !bytes.Equal(p, opusPacket(silkWide, n)):
				t.Errorf("packet %d: % x", n, p)
			}
		}
		if want := (audio.RecordSide{Packets: 147, Concealed: 3*960 + 420*48, Silent: uint64(begin) + 29*960}); e.Sides[0] != want {
			t.Errorf("%+v, want %+v", e.Sides[0], want)
		}
		if at := sampleTime(begin); at < 960*time.Millisecond || at > 1020*time.Millisecond {
			t.Errorf("what was said after a second is at %v", at)
		}
		for i, at := range o.pages[1:] {
			if sampleTime(at-o.pages[i]) > 400*time.Millisecond {
				t.Errorf("a page of %v", sampleTime(at-o.pages[i]))
			}
		}
	})
}

func sampleTime(n int64) time.Duration { return time.Duration(n) * time.Second / 48000 }

// TestRecordOpusGaps fills gaps of every length of every kind of frame with lost frames of that kind, for as long as they fit.
func TestRecordOpusGaps(t *testing.T) {
	for _, c := range []struct {
		before byte
		ms10   int // tenths of a millisecond
		want   []byte
	}{
		{silkWide, 950, []byte{silkWide, silkWide, silkWide, silkWide, silkWide - 8, 21 << 3}}, // the example of RFC 7845 section 4.1
		{silkMedium, 225, []byte{silkMedium, 20 << 3}},                                         // CELT has no medium band
		{silkNarrow, 75, []byte{17 << 3, 16 << 3}},
		{hybridFull, 350, []byte{hybridFull, hybridFull - 8, 29 << 3}},
		{hybridFull - 16, 25, []byte{24 << 3}},
		{celtFull | 4, 1175, []byte{celtFull | 4, celtFull | 4, celtFull | 4, celtFull | 4, celtFull | 4, 30<<3 | 4, 29<<3 | 4, 28<<3 | 4}},
		{11 << 3, 1300, []byte{11 << 3, 11 << 3, 8 << 3}}, // frames of 60 ms
		{silkWide, 24, nil}, // less than there are frames for
	} {
		if got := audio.OpusGap(c.before, c.ms10*48/10); !bytes.Equal(got, c.want) {
			t.Errorf("after %#x, %d/10 ms: % x, want % x", c.before, c.ms10, got, c.want)
		}
	}
}

// TestRecordOpusDisorder has packets come late and out of order, within and beyond what a recorder waits for.
func TestRecordOpusDisorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
		opus := media.Opus()
		write := func(i int) {
			_ = call.says[0].Write(&media.Packet{Codec: &opus, Seq: uint16(i), Time: uint32(i * 960), Payload: opusPacket(celtFull, i)})
		}
		for i := range 150 {
			switch i {
			case 40: // comes after 45
			case 45:
				write(45)
				write(40)
			case 60: // comes after 90
			case 90:
				write(90)
				write(60)
			case 70: // twice
				write(70)
				write(70)
			default:
				write(i)
			}
			time.Sleep(audio.FrameTime)
		}
		_ = r.Close()
		o := readOgg(t, f.data)
		var heard []int
		for _, p := range o.packets {
			if len(p) > 3 {
				heard = append(heard, int(p[2])|int(p[3])<<8)
			}
		}
		var want []int
		for i := range 150 {
			if i != 60 {
				want = append(want, i)
			}
		}
		if !slices.Equal(heard, want) {
			t.Errorf("the file has %v", heard)
		}
		if s := ended(t, r).Sides[0]; s.Discarded != 2*960 || s.Concealed != 960 {
			t.Errorf("%+v, want one too late, one twice, one concealed", s)
		}
	})
}

// TestRecordOpusDrift holds a source whose clock is 1000 ppm fast, or slow, to the time on the wall, for two minutes.
func TestRecordOpusDrift(t *testing.T) {
	for name, ppm := range map[string]int{"fast": 1000, "slow": -1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f := newRecordCall(t), &memFile{}
				r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
				const lasts = 2 * time.Minute
				began := time.Now()
				for i := 0; time.Since(began) < lasts; i++ {
					call.send(0, media.Opus(), opusPacket(celtFull, i))
					time.Sleep(time.Until(began.Add(time.Duration(i+1) * (audio.FrameTime - audio.FrameTime*time.Duration(ppm)/1_000_000))))
				}
				_ = r.Close()
				e := ended(t, r)
				if off := e.Duration - lasts; off.Abs() > 100*time.Millisecond {
					t.Errorf("%v, want %v", e.Duration, lasts)
				}
				off := lasts * time.Duration(ppm) / 1_000_000 // 120 ms, of which 60 to 80 are borne
				if s := e.Sides[0]; ppm > 0 && sampleTime(int64(s.Discarded)) > off || ppm < 0 && sampleTime(int64(s.Concealed)) > -off || s.Discarded+s.Concealed < 2*960 {
					t.Errorf("%+v for %v", s, off)
				}
			})
		})
	}
}

// TestRecordOpusForeign records a source that changes its codec, stops, begins anew, and sends what is no packet.
func TestRecordOpusForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
		for i := range 100 {
			switch {
			case i < 40:
				call.send(0, media.Opus(), opusPacket(silkWide|4, i))
			case i < 50:
				call.send(0, media.PCMU(), make([]byte, 160))
			case i == 50:
				call.time[0] += 1 << 30
				call.send(0, media.Opus(), opusPacket(silkWide, i))
			case i < 60:
				call.send(0, media.Opus(), opusPacket(silkWide, i))
			case i < 70:
				call.send(0, media.Opus(), [][]byte{{}, {3}, {3, 0}, {3, 63}, {0xFB, 49}}[i%5])
			default:
				call.send(0, media.Opus(), opusPacket(silkWide, i))
			}
			time.Sleep(audio.FrameTime)
		}
		_ = r.Close()
		o, e := readOgg(t, f.data), ended(t, r)
		real := 0
		for _, p := range o.packets {
			if len(p) > 3 {
				real++
			}
		}
		if real != 80 || e.Sides[0].Foreign != 20 || e.Sides[0].Packets != 100 || e.Duration.Round(100*time.Millisecond) != 2*time.Second || o.channels != 2 {
			t.Errorf("%d packets in %d channels, %+v", real, o.channels, e)
		}
	})
}

// TestRecordOpusStalls has the path stand still and bring all at once, become longer for good, and a sender hold without counting the time.
// What is said afterwards is where it belongs.
func TestRecordOpusStalls(t *testing.T) {
	const stop, goesOn = 100, 200 // packets
	for name, c := range map[string]struct {
		stands time.Duration // nothing arrives
		later  time.Duration // by which everything arrives from then on
		frozen bool          // the sender's time stands, too: nothing was said
		lost   int           // packets, at most
	}{
		"short":         {stands: 250 * time.Millisecond, lost: 1},
		"long":          {stands: 900 * time.Millisecond, lost: 32},
		"very long":     {stands: 1500 * time.Millisecond, lost: 65},
		"longer path":   {stands: 400 * time.Millisecond, later: 400 * time.Millisecond, lost: 18},
		"hold":          {stands: 700 * time.Millisecond, frozen: true, lost: 18},
		"hold and wait": {stands: 30 * time.Second, frozen: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f := newRecordCall(t), &memFile{}
				r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
				began, said := time.Now(), map[int]time.Duration{}
				for i := range stop + goesOn {
					due, arrives := time.Duration(i)*audio.FrameTime, time.Duration(i)*audio.FrameTime
					if i >= stop {
						switch {
						case c.frozen:
							due += c.stands
							arrives = due
						case c.later > 0:
							arrives += c.later
						default:
							arrives = max(arrives, stop*audio.FrameTime+c.stands)
						}
					}
					if said[i] = due; c.later > 0 {
						said[i] = arrives
					}
					time.Sleep(time.Until(began.Add(arrives)))
					call.send(0, media.Opus(), opusPacket(celtFull, i))
				}
				_ = r.Close()
				o, got := readOgg(t, f.data), 0
				for n, p := range o.packets {
					if len(p) <= 3 {
						continue
					}
					got++
					i := int(p[2]) | int(p[3])<<8
					if off := sampleTime(o.at[n]) - said[i]; (i < stop || i > stop+150) && (off < -30*time.Millisecond || off > 90*time.Millisecond) {
						t.Fatalf("packet %d is %v from where it belongs", i, off)
					}
				}
				if lost := stop + goesOn - got; lost > c.lost {
					t.Errorf("%d packets are not in the file, want %d at most: %+v", lost, c.lost, ended(t, r).Sides[0])
				} else {
					t.Logf("%d packets are not in the file", lost)
				}
			})
		})
	}
}
