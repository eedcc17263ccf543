package bridge

import (
	"math/rand/v2"
	"testing"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

func audioPlan(d media.Direction, codecs ...media.Codec) media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: d, Codecs: codecs}}
}

func TestDigest(t *testing.T) {
	var l codecLists
	both := []media.Codec{media.PCMU(), media.PCMA()}
	plans := []media.Plan{
		audioPlan(media.SendRecv, both...), audioPlan(media.Inactive, both...), audioPlan(media.SendOnly, media.PCMA()),
		audioPlan(media.RecvOnly, media.PCMA(), media.PCMU()), audioPlan(media.SendRecv),
		{{Kind: media.Audio, Dir: media.SendRecv, Codecs: both}, {Kind: media.Video, Dir: media.RecvOnly, Codecs: []media.Codec{{Name: "H264", ClockRate: 90000, Channels: 1}}}},
	}
	digests := map[join.Plan]int{}
	for i, p := range plans {
		d := l.digest(p)
		if same, twice := digests[d]; twice {
			t.Errorf("plans %v and %v have one digest", p, plans[same])
		}
		digests[d] = i
		if again := l.digest(p.Clone()); again != d {
			t.Errorf("%v has the digests %v and %v", p, d, again)
		}
		if got := l.plan(d); got.String() != p.String() {
			t.Errorf("got %v back, want %v", got, p)
		}
	}
	for d, i := range digests {
		if got := l.plan(d); got.String() != plans[i].String() {
			t.Errorf("later got %v back, want %v", got, plans[i])
		}
	}
	if d := l.digest(nil); d.Said() || l.plan(d) != nil {
		t.Errorf("got %v, %v for nothing", d, l.plan(d))
	}
}

func TestCodecListsFit(t *testing.T) {
	events := media.TelephoneEvent(8000)
	for _, test := range []struct {
		why        string
		have, want []media.Codec
		fit        bool
	}{
		{"the same", []media.Codec{media.PCMU()}, []media.Codec{media.PCMU()}, true},
		{"fewer", []media.Codec{media.PCMU()}, []media.Codec{media.PCMA(), media.PCMU()}, true},
		{"more", []media.Codec{media.PCMA(), media.PCMU()}, []media.Codec{media.PCMU()}, false},
		{"other", []media.Codec{media.PCMA()}, []media.Codec{media.PCMU()}, false},
		{"digits do not count", []media.Codec{media.PCMU(), events}, []media.Codec{media.PCMU()}, true},
		{"a receiver's wish does not count", []media.Codec{media.Opus()}, []media.Codec{{Name: "OPUS", ClockRate: 48000, Channels: 2}}, true},
		{"nothing", nil, []media.Codec{media.PCMU()}, true},
	} {
		t.Run(test.why, func(t *testing.T) {
			var l codecLists
			if got := l.fits(l.number(test.have), l.number(test.want)); got != test.fit {
				t.Errorf("got %v, want %v", got, test.fit)
			}
		})
	}
}

func TestCodecListsDoNotGrow(t *testing.T) {
	// A far side that names other codecs for ever must not fill the memory, and what is kept must keep its number.
	var l codecLists
	kept := audioPlan(media.SendRecv, media.PCMU())
	told := [2]join.Plan{l.digest(kept)}
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		l.keep(told[:]...)
		l.digest(audioPlan(media.SendRecv, media.Codec{Name: "X", ClockRate: 8000 + i, Channels: 1}))
		if chance.IntN(2) == 0 {
			told[1] = l.digest(audioPlan(media.SendOnly, media.Codec{Name: "Y", ClockRate: 8000 + i, Channels: 1}))
		}
		if got := l.plan(told[0]); got.String() != kept.String() {
			t.Fatalf("after %d lists got %v, want %v", i, got, kept)
		}
	}
	if len(l) > 8 {
		t.Errorf("%d lists are kept", len(l))
	}
}
