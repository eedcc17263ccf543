package codec_test

import (
	"testing"

	"github.com/pion/opus"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestOpusInteropStereo compares both channels of pion's decoder, before they are mixed down, with opusdec's, by the measure of RFC 6716. In a mix
// of a stream of SILK nothing may be left below 200 Hz but what each decoder rounds in its own way, which the measure was not made for.
func TestOpusInteropStereo(t *testing.T) {
	testutil.Need(t, "opusdec")
	for _, s := range opusStreams(t) {
		if s.Channels != 2 {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			want := opusdec(t, 2, s.packets(t))
			d, err := opus.NewDecoderWithOutput(48000, 2)
			if err != nil {
				t.Fatal(err)
			}
			var got []int16
			frame := make([]int16, 2*5760)
			for _, p := range s.packets(t) {
				n, err := d.DecodeToInt16(p, frame)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, frame[:2*n]...)
			}
			if quality := opusQuality(channels(want), channels(got), 48000); quality < 0 {
				t.Errorf("quality %.1f, want 0 or more (RFC 6716 section 6)", quality)
			}
		})
	}
}

// channels takes two channels apart.
func channels(pcm []int16) [][]int16 {
	two := [][]int16{make([]int16, len(pcm)/2), make([]int16, len(pcm)/2)}
	for i := range pcm {
		two[i%2][i/2] = pcm[i]
	}
	return two
}
