package codec_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// words reads a file of the ITU's tools: words of 16 bits, little-endian.
func words(t *testing.T, name string) []int16 {
	t.Helper()
	dir := os.Getenv("ALEXACALL_CORPORA")
	if dir == "" {
		t.Skip("ALEXACALL_CORPORA is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "codec", name))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int16, len(data)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return out
}

// TestG711Vectors compares every sample with the reference of the ITU's tools (G.191), which hold a law's octet right-justified in a word.
func TestG711Vectors(t *testing.T) {
	for _, v := range []struct {
		c               media.Codec
		octets, samples string
	}{
		{media.PCMU(), "itu-g711/sweep-r.u", "itu-g711/sweep-r.reu"},
		{media.PCMA(), "itu-g711/sweep-r.a", "itu-g711/sweep-r.rea"},
	} {
		t.Run(v.c.Name, func(t *testing.T) {
			source, octets, samples := words(t, "itu-g711/sweep.src"), words(t, v.octets), words(t, v.samples)
			e, err := codec.NewEncoder(v.c, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := codec.NewDecoder(v.c, nil)
			if err != nil {
				t.Fatal(err)
			}
			coded, err := e.Encode(nil, source)
			if err != nil {
				t.Fatal(err)
			}
			for i, octet := range coded {
				if int16(octet) != octets[i] {
					t.Fatalf("sample %d, %d, is %#x, want %#x", i, source[i], octet, octets[i])
				}
			}
			heard, err := d.Decode(nil, coded)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range heard {
				if x != samples[i] {
					t.Fatalf("sample %d, octet %#x, is %d, want %d", i, coded[i], x, samples[i])
				}
			}
		})
	}
}
