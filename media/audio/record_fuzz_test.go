package audio_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// FuzzRecordOpus records what a peer may send, at any time. The file is well-formed whatever it was, and holds all the time there was.
func FuzzRecordOpus(f *testing.F) {
	f.Add([]byte{})
	for _, toc := range []byte{silkNarrow, silkWide, hybridFull, celtFull, celtFull | 3, 0xFF} {
		var b []byte
		for i := range 30 {
			b = append(b, 20, 20, byte(i%2), 3, toc, 3, byte(i))
		}
		f.Add(b)
		f.Add(append(append(b, 255, 0, 1, 1, toc), b...))
		f.Add(append(append(b, 1, 255, 0x41, 2, toc, 1), b...))
	}
	opus := media.Opus()
	f.Fuzz(func(t *testing.T, b []byte) {
		var in []audio.OpusArrival
		at := uint32(0)
		for len(b) >= 4 && len(in) < 1000 {
			size := min(int(b[3]), len(b)-4)
			at += uint32(b[1]) * 48 // milliseconds, as in the first octet
			p := media.Packet{Codec: &opus, Seq: uint16(len(in)), Time: at, Start: b[2]&0x80 != 0, Payload: b[4:][:size]}
			if b[2]&0x40 != 0 {
				p.Time *= 0x10001
			}
			in = append(in, audio.OpusArrival{After: int(b[0]) * 48, Packet: p, Flushes: b[2]&1 != 0})
			b = b[4+size:]
		}
		file := &memFile{}
		now := audio.OpusFile(file, in)
		o := readOgg(t, file.data)
		if !o.last || o.end < now-120 || o.end > now+48000*2 {
			t.Errorf("the file ends at %d of %d, last %v", o.end, now, o.last)
		}
		for i := 1; i < len(o.at); i++ {
			if o.at[i] <= o.at[i-1] {
				t.Errorf("a packet at %d after one at %d", o.at[i], o.at[i-1])
			}
		}
	})
}
