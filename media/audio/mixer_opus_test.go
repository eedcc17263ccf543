//go:build cgo && libopus

package audio_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// TestMixerOpus has two who speak Opus and a telephone talk at once, and each hear the other two, by the spectrum: Opus keeps the sound and not
// the wave, so that of the SNR only the sign is asked, and here it comes twice.
func TestMixerOpus(t *testing.T) {
	const lasts, rate = 4 * time.Second, 16000
	tb := newTable(t, nil)
	var said [3][]int16
	for i, c := range []media.Codec{media.Opus(), media.Opus(), media.PCMU()} {
		said[i] = half(sound.Speech(uint64(i), rate, lasts))
		p := tb.join(c, nil, nil)
		p.says = at(t, p.encoder.Rate(), rate, said[i])
	}
	tb.run(lasts)
	for i, p := range tb.phones {
		var others [][]int16
		for _, k := range []int{(i + 1) % 3, (i + 2) % 3} {
			sent := at(t, tb.phones[k].encoder.Rate(), rate, said[k])
			others = append(others, at(t, p.decoder.Rate(), tb.phones[k].encoder.Rate(), sent))
		}
		p.wants(t, 2, 4, 0, 6, others...)
	}
}

// TestMixerPauses has Opus, where the far side asks for it, send nothing most of the time while nobody speaks, but something now and then, and the times of what it sends go on
// as time does, with a marker after each pause (RFC 3551 section 4.1).
func TestMixerPauses(t *testing.T) {
	tb := newTable(t, &audio.MixerOptions{Codec: &codec.Options{DTX: true}})
	asks := media.Opus()
	asks.Params += ";usedtx=1"
	p := tb.join(asks, nil, nil)
	tb.join(codec.L16(16000), append(make([]int16, 80000), half(sound.Speech(1, 16000, 2*time.Second))...), nil)
	tb.run(8 * time.Second)
	var longest uint32
	sent := 0
	for i, q := range p.got {
		if i == 0 {
			continue
		}
		before := p.got[i-1]
		gap := q.Time - before.Time
		if q.Seq != before.Seq+1 || gap == 0 || gap%960 != 0 || q.Marker != (gap > 960) || q.Start {
			t.Fatalf("packet %d is %+v after %+v", i, q, before)
		}
		longest = max(longest, gap)
		if q.Time-p.got[0].Time > 2*48000 && q.Time-p.got[0].Time < 5*48000 {
			sent++
		}
	}
	if sent == 0 || sent > 50 || longest > 48000 {
		t.Errorf("%d packets in three seconds of silence, the longest pause %d ms", sent, longest/48)
	}
}
