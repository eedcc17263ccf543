package codec_test

import (
	"fmt"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// octets reads a file of the ITU's tools that has an octet in a word.
func octets(t *testing.T, name string) []byte {
	t.Helper()
	var out []byte
	for _, x := range words(t, name) {
		out = append(out, byte(x))
	}
	return out
}

// TestG722Vectors compares every octet and every sample with those of the ITU's tools (G.191), at the three bit rates of the decoder.
func TestG722Vectors(t *testing.T) {
	source, coded := words(t, "itu-g722/inpsp.bin"), octets(t, "itu-g722/codspw.cod")
	e, err := codec.NewEncoder(media.G722(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for frame := 0; frame < len(source); frame += 320 {
		if got, err = e.Encode(got, source[frame:min(frame+320, len(source))]); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != len(coded) {
		t.Fatalf("%d octets, want %d", len(got), len(coded))
	}
	for i, octet := range got {
		if octet != coded[i] {
			t.Fatalf("octet %d is %#x, want %#x", i, octet, coded[i])
		}
	}
	for i, rate := range []int{64, 56, 48} {
		want := words(t, fmt.Sprintf("itu-g722/outsp%d.bin", i+1))
		d := codec.NewG722Decoder(rate)
		var got []int16
		for frame := 0; frame < len(coded); frame += 160 {
			if got, err = d.Decode(got, coded[frame:min(frame+160, len(coded))]); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d kbit/s: %d samples, want %d", rate, len(got), len(want))
		}
		for i, x := range got {
			if x != want[i] {
				t.Fatalf("%d kbit/s: sample %d is %d, want %d", rate, i, x, want[i])
			}
		}
	}
}
