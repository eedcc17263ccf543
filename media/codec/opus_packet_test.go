package codec_test

import (
	"bytes"
	"testing"

	"github.com/alexacall/alexacall/media/codec"
)

// TestOpusSamples goes through the forms of RFC 6716 section 3.2 and the rules of section 3.4.
func TestOpusSamples(t *testing.T) {
	const silk20, silk60, hybrid10, celt2, celt20 = 1 << 3, 3 << 3, 12 << 3, 16 << 3, 31 << 3
	packet := func(head ...byte) func(size int) []byte {
		return func(size int) []byte { return append(head, make([]byte, size)...) }
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   int
	}{
		{"nothing at all", nil, 0},
		{"one frame of SILK", packet(silk20)(50), 960},
		{"one long frame of SILK", packet(silk60)(50), 2880},
		{"one frame of hybrid", packet(hybrid10)(50), 480},
		{"one frame of CELT", packet(celt2)(50), 120},
		{"the first octet alone", packet(celt20)(0), 960},
		{"the largest frame", packet(celt20)(1275), 960},
		{"a frame too large (R2)", packet(celt20)(1276), 0},
		{"two frames alike", packet(celt20 | 1)(100), 1920},
		{"two frames alike of odd size (R3)", packet(celt20 | 1)(101), 0},
		{"two frames alike, too large (R2)", packet(celt20 | 1)(2552), 0},
		{"two frames", packet(celt20|2, 40)(100), 1920},
		{"two frames, the second of nothing", packet(celt20|2, 100)(100), 1920},
		{"two frames, the first beyond the end (R4)", packet(celt20|2, 101)(100), 0},
		{"two frames without a size (R4)", packet(celt20 | 2)(0), 0},
		{"two frames, half a size (R4)", packet(celt20|2, 252)(0), 0},
		{"two frames, a size of two octets", packet(celt20|2, 252, 1)(256), 1920},
		{"two frames, the second too large (R2)", packet(celt20|2, 1)(1277), 0},
		{"many frames without their number (R6)", packet(celt20 | 3)(0), 0},
		{"no frame (R5)", packet(celt20|3, 0)(10), 0},
		{"48 frames, 120 ms", packet(celt2|3, 48)(96), 5760},
		{"49 frames (R5)", packet(celt2|3, 49)(98), 0},
		{"three long frames (R5)", packet(silk60|3, 3)(9), 0},
		{"three frames alike that are not (R6)", packet(celt20|3, 3)(10), 0},
		{"three frames of many sizes", packet(celt20|3, 0x80|3, 3, 4)(10), 2880},
		{"three frames of many sizes, too few octets (R7)", packet(celt20|3, 0x80|3, 3, 8)(10), 0},
		{"three frames without sizes (R7)", packet(celt20|3, 0x80|3)(0), 0},
		{"padding", packet(celt20|3, 0x40|1, 5)(10), 960},
		{"padding of all there is", packet(celt20|3, 0x40|1, 10)(10), 960},
		{"padding beyond the end (R6)", packet(celt20|3, 0x40|1, 11)(10), 0},
		{"long padding", packet(celt20|3, 0x40|1, 255, 5)(300), 960},
		{"long padding beyond the end (R6)", packet(celt20|3, 0x40|1, 255, 255, 5)(300), 0},
		{"long padding without its end (R6)", packet(celt20|3, 0x40|1, 255)(0), 0},
		{"padding without its length (R6)", packet(celt20|3, 0x40|1)(0), 0},
	} {
		if got := codec.OpusSamples(c.packet); got != c.want {
			t.Errorf("%s: %d samples, want %d", c.name, got, c.want)
		}
	}
}

// FuzzOpusDecode decodes packet after packet with one decoder, as a source may send them: what is well-formed has to give the samples that
// it says, and what is not to leave the samples as they were.
func FuzzOpusDecode(f *testing.F) {
	const split = "\xFF\x00\xFE"
	f.Add(byte(0), []byte("\x08abcdefgh"+split+"\x0B\x02ijklmnopqr"+split+"\x08"+split+"\xF8stuvwxyz"+split+"\x63\x81ab"))
	f.Add(byte(4), []byte("\xFC\xFF\xFE"+split+"\x7C\x00\x00\x00"+split+"\x4C\x55\xAA\x55"+split+"\xFB\x82\x01\x02\x03"))
	f.Fuzz(func(t *testing.T, rate byte, all []byte) {
		d := opusDecoder(t, &codec.Options{Rate: opusRateTable[int(rate)%len(opusRateTable)]})
		pcm := []int16{1, 2, 3}
		for packet := range bytes.SplitSeq(all, []byte(split)) {
			samples := codec.OpusSamples(packet) * d.Rate() / 48000
			got, err := d.Decode(pcm[:3], packet)
			switch {
			case (err == nil) != (samples > 0):
				t.Fatalf("%x of %d samples: %v", packet, samples, err)
			case len(got) != 3+samples || got[0] != 1 || got[1] != 2 || got[2] != 3:
				t.Fatalf("%x: %d samples were appended, want %d", packet, len(got)-3, samples)
			}
			pcm = d.Conceal(got, d.Rate()/codec.FramesPerSecond, packet)
			if len(pcm) != len(got)+d.Rate()/codec.FramesPerSecond {
				t.Fatalf("%d samples were made up", len(pcm)-len(got))
			}
		}
	})
}
