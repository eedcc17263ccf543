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
	for _, p := range []*media.Policy{media.Phone(), secure, either, media.AlexaCalling(), media.Browser()} {
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
