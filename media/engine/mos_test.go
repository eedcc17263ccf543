package engine

import (
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// The expected scores follow from the rating by annex B of G.107: R 93.2 is 4.41, and the like; loss and delay by its section 3.5.
func TestOpinion(t *testing.T) {
	g729 := media.Codec{Name: "G729", ClockRate: 8000, Channels: 1}
	for _, c := range []struct {
		why   string
		codec media.Codec
		loss  float64
		delay time.Duration
		want  float64
	}{
		{"nothing is wrong", media.PCMU(), 0, 0, 4.41},
		{"a delay that nobody notices", media.PCMU(), 0, 100 * time.Millisecond, 4.41},
		{"a satellite", media.PCMU(), 0, 400 * time.Millisecond, 3.56},
		{"5 % are lost", media.PCMU(), 0.05, 0, 3.92},
		{"5 % of another codec are lost", media.Opus(), 0.05, 0, 3.92},
		{"a codec that takes something away", g729, 0, 0, 4.10},
		{"and loses more", g729, 0.05, 0, 3.34},
		{"everything is lost", media.PCMU(), 1, 0, 1.18},
		{"more than everything", media.PCMU(), 7, time.Hour, 1},
	} {
		if got := opinion(c.codec, c.loss, c.delay); math.Abs(got-c.want) > 0.02 {
			t.Errorf("%s: %.2f, want %.2f", c.why, got, c.want)
		}
	}
}

// A score is never better for more loss or delay, and stays within its scale.
func TestOpinionFalls(t *testing.T) {
	for loss := 0.0; loss <= 1; loss += 0.01 {
		before := 5.0
		for delay := time.Duration(0); delay < 2*time.Second; delay += 20 * time.Millisecond {
			got := opinion(media.PCMU(), loss, delay)
			if got < 1 || got > 4.5 || got > before+1e-9 || got > opinion(media.PCMU(), loss-0.01, delay)+1e-9 {
				t.Fatalf("loss %.2f, delay %v: %.3f", loss, delay, got)
			}
			before = got
		}
	}
}
