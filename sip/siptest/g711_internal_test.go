package siptest

import (
	"math"
	"testing"
)

func TestCompanding(t *testing.T) {
	for name, c := range map[string]struct {
		samples map[byte]int16 // known values of ITU-T G.711
		worst   float64        // error of a sample, as a share of its size
		zero    int16
	}{
		"PCMU": {map[byte]int16{0xFF: 0, 0x7F: 0, 0x00: -32124, 0x80: 32124, 0xEF: 132, 0xF0: 120, 0xFE: 8, 0x7E: -8}, 1.0 / 32, 0},
		"PCMA": {map[byte]int16{0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0x80: 5504, 0xD4: 24}, 1.0 / 32, 8},
	} {
		t.Run(name, func(t *testing.T) {
			codec, ok := law(name)
			if !ok {
				t.Fatal("unknown")
			}
			for code, want := range c.samples {
				if got := codec.decode(code); got != want {
					t.Errorf("decode(%#02x) = %d, want %d", code, got, want)
				}
			}
			for code := range 256 {
				sample := codec.decode(byte(code))
				if got := codec.encode(sample); got != byte(code) && codec.decode(got) != sample {
					t.Errorf("encode(decode(%#02x)) = %#02x", code, got)
				}
			}
			last := math.MinInt32
			for s := math.MinInt16; s <= math.MaxInt16; s++ {
				got := int(codec.decode(codec.encode(int16(s))))
				if got < last {
					t.Fatalf("%d decodes to %d, less than the one before it", s, got)
				}
				last = got
				if off := math.Abs(float64(got - s)); off > math.Abs(float64(s))*c.worst+16 && s > -32200 && s < 32200 {
					t.Fatalf("%d comes back as %d", s, got)
				}
			}
			if got := codec.decode(codec.silence); got != c.zero {
				t.Errorf("silence decodes to %d", got)
			}
		})
	}
	if _, ok := law("opus"); ok {
		t.Error("opus is a companding law")
	}
}
