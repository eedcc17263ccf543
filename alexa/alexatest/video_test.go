package alexatest_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

var (
	spsUnit   = []byte{0x67, 0x42, 0xc0, 0x1f}
	ppsUnit   = []byte{0x68, 0xce, 0x3c, 0x80}
	idrUnit   = append([]byte{0x65}, bytes.Repeat([]byte{0xbb}, 30)...)
	sliceUnit = append([]byte{0x41}, bytes.Repeat([]byte{0xaa}, 10)...)
)

// stream writes H.264 packets.
type stream struct {
	ssrc uint32
	seq  uint16
	time uint32
}

// packet returns the next packet; last ends the frame.
func (s *stream) packet(last bool, payload ...byte) []byte {
	raw, _ := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 99, SSRC: s.ssrc, SequenceNumber: s.seq, Timestamp: s.time, Marker: last},
		Payload: payload,
	}).Marshal()
	s.seq++
	if last {
		s.time += 3000
	}
	return raw
}

// key is a key frame of three packets: the parameter sets in a STAP-A, and the picture in two fragments.
func (s *stream) key() [][]byte {
	sets := []byte{24, 0, byte(len(spsUnit))}
	sets = append(append(append(sets, spsUnit...), 0, byte(len(ppsUnit))), ppsUnit...)
	return [][]byte{
		s.packet(false, sets...),
		s.packet(false, append([]byte{0x7c, 0x85}, idrUnit[1:11]...)...),
		s.packet(true, append([]byte{0x7c, 0x45}, idrUnit[11:]...)...),
	}
}

func (s *stream) delta() [][]byte { return [][]byte{s.packet(true, sliceUnit...)} }

// byteStream is what frames look like in Annex B.
func byteStream(units ...[]byte) []byte {
	var b []byte
	for _, u := range units {
		b = append(append(b, 0, 0, 0, 1), u...)
	}
	return b
}

// asked collects what a viewer asks for.
type asked struct {
	mu      sync.Mutex
	numbers []uint16
	plis    int
}

func (a *asked) send(packets ...rtcp.Packet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				a.numbers = append(a.numbers, pair.PacketList()...)
			}
		case *rtcp.PictureLossIndication:
			a.plis++
		}
	}
}

// watching runs f in a bubble with a viewer that asks for what is missing.
func watching(t *testing.T, o *alexatest.ShowOptions, f func(t *testing.T, v alexatest.Viewer, a *asked)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &asked{}
		v := alexatest.NewViewer(o, a.send)
		done := make(chan struct{})
		go v.Watch(done)
		f(t, v, a)
		close(done)
		synctest.Wait()
	})
}

// pass lets time pass, and the viewer do what is due.
func pass(d time.Duration) {
	time.Sleep(d + 5*time.Millisecond)
	synctest.Wait()
}

// soFar returns what was asked for.
func (a *asked) soFar() (numbers []uint16, plis int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.numbers), a.plis
}

func feed(v alexatest.Viewer, groups ...[][]byte) {
	for _, g := range groups {
		for _, raw := range g {
			v.Take(raw)
		}
	}
}

func TestFramesInOrder(t *testing.T) {
	watching(t, &alexatest.ShowOptions{}, func(t *testing.T, v alexatest.Viewer, a *asked) {
		s := &stream{ssrc: 1, seq: 65534}
		feed(v, s.key(), s.delta(), s.delta())
		seen := v.Video()
		want := byteStream(spsUnit, ppsUnit, idrUnit, sliceUnit, sliceUnit)
		if seen.Frames != 3 || seen.KeyFrames != 1 || !seen.FirstKey || seen.Skipped+seen.Lost != 0 || !bytes.Equal(seen.H264, want) {
			t.Errorf("%+v\nwant %x", seen, want)
		}
		path := filepath.Join(t.TempDir(), "seen.h264")
		must(t, seen.WriteFile(path))
		var b bytes.Buffer
		if n, err := seen.WriteTo(&b); n != int64(len(want)) || err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d bytes written, %v", n, err)
		}
		pass(5 * time.Second)
		if numbers, plis := a.soFar(); plis != 0 || len(numbers) != 0 {
			t.Errorf("asked for %v and %d key frames", numbers, plis)
		}
	})
}

// TestParameterSetsApart has them in frames of their own, and only before the first key frame.
func TestParameterSetsApart(t *testing.T) {
	watching(t, &alexatest.ShowOptions{}, func(t *testing.T, v alexatest.Viewer, _ *asked) {
		s := &stream{ssrc: 1}
		feed(v, [][]byte{s.packet(true, spsUnit...), s.packet(true, ppsUnit...), s.packet(true, idrUnit...), s.packet(true, idrUnit...)})
		seen := v.Video()
		want := byteStream(spsUnit, ppsUnit, idrUnit, spsUnit, ppsUnit, idrUnit)
		if seen.Frames != 2 || !seen.FirstKey || !bytes.Equal(seen.H264, want) {
			t.Errorf("%+v", seen)
		}
	})
}

func TestOutOfOrder(t *testing.T) {
	for _, o := range []alexatest.ShowOptions{{}, {NoNACK: true}} {
		watching(t, &o, func(t *testing.T, v alexatest.Viewer, a *asked) {
			s := &stream{ssrc: 1, seq: 65535}
			k, d, e := s.key(), s.delta(), s.delta()
			feed(v, [][]byte{k[0], k[2]}, e, [][]byte{k[1]}, d, d)
			seen := v.Video()
			if numbers, plis := a.soFar(); seen.Frames != 3 || seen.Recovered != 2 || seen.Skipped+seen.Lost+plis+len(numbers) != 0 {
				t.Errorf("%+v", seen)
			}
		})
	}
}

// TestAskAgain has a packet come again when it is asked for the second time.
func TestAskAgain(t *testing.T) {
	watching(t, &alexatest.ShowOptions{}, func(t *testing.T, v alexatest.Viewer, a *asked) {
		s := &stream{ssrc: 1, seq: 100}
		k, d, e := s.key(), s.delta(), s.delta()
		feed(v, k, e)
		pass(100 * time.Millisecond)
		if numbers, _ := a.soFar(); !slices.Equal(numbers, []uint16{103, 103}) {
			t.Errorf("asked for %v", numbers)
		}
		feed(v, d)
		pass(time.Second)
		if seen := v.Video(); seen.Frames != 3 || seen.Recovered != 1 || seen.NACKs != 2 || seen.Skipped+seen.Lost+seen.PLIs != 0 {
			t.Errorf("%+v", seen)
		}
	})
}

// TestGiveUp has a packet never come: what follows is not shown until a key frame, which is asked for again and again.
func TestGiveUp(t *testing.T) {
	watching(t, &alexatest.ShowOptions{}, func(t *testing.T, v alexatest.Viewer, a *asked) {
		s := &stream{ssrc: 1}
		k, _, e := s.key(), s.delta(), s.delta()
		feed(v, k, e)
		pass(2 * time.Second)
		seen := v.Video()
		numbers, plis := a.soFar()
		if len(numbers) != 8 || seen.Lost != 1 || seen.Frames != 1 || seen.Skipped != 1 || seen.PLIs != 4 || plis != 4 {
			t.Errorf("%+v, asked for %v, %d key frames", seen, numbers, plis)
		}
		feed(v, s.delta(), s.key(), s.delta())
		pass(2 * time.Second)
		if seen := v.Video(); seen.Frames != 3 || seen.KeyFrames != 2 || seen.Skipped != 2 || seen.PLIs != 4 {
			t.Errorf("%+v", seen)
		}
	})
}

// TestLostBeginning loses the parameter sets in front of a key frame, whose picture is whole.
func TestLostBeginning(t *testing.T) {
	watching(t, &alexatest.ShowOptions{NoNACK: true}, func(t *testing.T, v alexatest.Viewer, _ *asked) {
		s := &stream{ssrc: 1}
		feed(v, s.key(), s.key()[1:], s.delta())
		pass(time.Second)
		if seen := v.Video(); seen.Frames != 1 || seen.Skipped != 2 || seen.PLIs == 0 {
			t.Errorf("%+v", seen)
		}
	})
}

// TestNewSource has another SSRC take over, and the sequence jump.
func TestNewSource(t *testing.T) {
	watching(t, &alexatest.ShowOptions{}, func(t *testing.T, v alexatest.Viewer, _ *asked) {
		s, other := &stream{ssrc: 1}, &stream{ssrc: 2, seq: 30000}
		feed(v, s.key(), other.delta(), other.key(), other.delta())
		if seen := v.Video(); seen.Frames != 3 || seen.Skipped != 1 || seen.Lost != 0 {
			t.Errorf("%+v", seen)
		}
		other.seq += 5000
		feed(v, other.delta(), other.key())
		if seen := v.Video(); seen.Frames != 4 || seen.Skipped != 2 {
			t.Errorf("%+v", seen)
		}
	})
}

// TestNothingComes asks for a key frame once the source is known; before there is nobody to ask.
func TestNothingComes(t *testing.T) {
	watching(t, &alexatest.ShowOptions{FIR: true, REMB: 1}, func(t *testing.T, v alexatest.Viewer, a *asked) {
		pass(3 * time.Second)
		seen := v.Video()
		if _, plis := a.soFar(); seen.FIRs+seen.REMBs+plis != 0 {
			t.Errorf("%+v", seen)
		}
		s := &stream{ssrc: 1}
		feed(v, s.delta())
		pass(3 * time.Second)
		if seen := v.Video(); seen.FIRs < 7 || seen.REMBs != 3 || seen.PLIs != 0 || seen.FirstKey || seen.Skipped != 1 {
			t.Errorf("%+v", seen)
		}
	})
}

// TestLossIsRepeatable loses the same packets with the same seed.
func TestLossIsRepeatable(t *testing.T) { synctest.Test(t, lossIsRepeatable) }

func lossIsRepeatable(t *testing.T) {
	lost := func(seed uint64) (shown, dropped int) {
		v := alexatest.NewViewer(&alexatest.ShowOptions{Loss: 0.1, Seed: seed, NoNACK: true}, func(...rtcp.Packet) {})
		s := &stream{ssrc: 1}
		for range 1000 {
			feed(v, s.key())
		}
		seen := v.Video()
		return seen.Frames, seen.Dropped
	}
	shown, dropped := lost(1)
	if again, d := lost(1); d != dropped || again != shown {
		t.Errorf("%d and %d lost with one seed", dropped, d)
	}
	if dropped < 200 || dropped > 400 {
		t.Errorf("%d of 3000 lost, want about 300", dropped)
	}
}

// FuzzVideo feeds packets, each with its length in front.
func FuzzVideo(f *testing.F) {
	s := &stream{ssrc: 1}
	var seed []byte
	for _, raw := range slices.Concat(s.key(), s.delta(), s.key()) {
		seed = append(append(seed, byte(len(raw))), raw...)
	}
	f.Add(seed)
	f.Add(slices.Concat([]byte{14}, s.packet(true, 24, 255), []byte{14}, s.packet(true, 28, 0x85)))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := alexatest.NewViewer(&alexatest.ShowOptions{NoNACK: true}, func(...rtcp.Packet) {})
		for len(data) > 0 {
			n := min(int(data[0]), len(data)-1)
			v.Take(data[1 : 1+n])
			data = data[1+n:]
		}
		seen := v.Video()
		if seen.KeyFrames > seen.Frames || seen.Frames > 0 && !bytes.HasPrefix(seen.H264, []byte{0, 0, 0, 1}) {
			t.Errorf("%+v", seen)
		}
	})
}
