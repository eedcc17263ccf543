package media_test

import (
	"errors"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestForesee holds what is foreseen of an offer against what comes of it.
func TestForesee(t *testing.T) {
	secure, either := sdes(media.SDES), sdes(media.SDESOptional)
	offers := map[string]string{
		"phone": phoneOffer, "alexa": alexaOffer, "browser": browserOffer, "keys": keyed("RTP/SAVP", "1 "+cm80), "no keys": keyed("RTP/SAVP"),
		"a codec of its own": "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 9 RTP/AVP 18\r\n",
		"no m-line":          "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n",
	}
	for _, p := range []*media.Policy{media.Phone(), secure, either, media.AlexaCalling(), media.AlexaDoor(), media.Browser()} {
		l := local()
		l.Keys = p.NewKeys()
		for name, sdp := range offers {
			offer := parse(t, sdp)
			_, _, want := media.Negotiation{}.Answer(p, l, nil, offer)
			got := p.Foresee(offer)
			if (got == nil) != (want == nil) || want != nil && got.Error() != want.Error() {
				t.Errorf("%s, %v, offer of %s: foreseen %v, Answer: %v", p.Name, p.Security, name, got, want)
			}
		}
	}
	if err := secure.Foresee(parse(t, offers["keys"])); err != nil {
		t.Errorf("an offer with keys to who wants them: %v", err)
	}
	if bad, ok := errors.AsType[*media.DescriptionError](media.Phone().Foresee(media.Description{})); !ok || bad.Reason != "empty" {
		t.Errorf("no offer at all: %v", bad)
	}
}

// TestForeseePass foresees that a codec which the policy only passes on may be wanted by another leg, in whichever section it stands.
func TestForeseePass(t *testing.T) {
	const amr = "m=audio 4000 RTP/AVP 96\na=rtpmap:96 AMR/8000\n"
	const head = "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
	p := media.Phone()
	p.Pass = []string{"AMR"}
	for name, sdp := range map[string]string{"alone": head + amr, "behind keys": head + "m=audio 4002 RTP/SAVP 0\n" + amr} {
		offer := parse(t, sdp)
		want := audio(sendRecv, media.Codec{Name: "AMR", ClockRate: 8000, Channels: 1})
		if _, _, err := (media.Negotiation{}).Answer(p, local(), want, offer); err != nil {
			t.Fatalf("%s: the plan of a leg that has it: %v", name, err)
		}
		if err := p.Foresee(offer); err != nil {
			t.Errorf("%s: foreseen %v, though a plan with it is agreed on", name, err)
		}
		if err := media.Phone().Foresee(offer); !errors.Is(err, media.ErrNoCommonCodec) && !errors.Is(err, media.ErrRefused) {
			t.Errorf("%s, not passed on: foreseen %v", name, err)
		}
	}
}
