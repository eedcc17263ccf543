package media_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

func BenchmarkParseDescription(b *testing.B) {
	for name, sdp := range map[string]string{"alexa": crlf(alexaOffer), "phone": crlf(phoneOffer)} {
		b.Run(name, func(b *testing.B) {
			text := []byte(sdp)
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := media.ParseDescription(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	for _, c := range []struct {
		p   *media.Policy
		sdp string
	}{{alexaSound(), alexaOffer}, {media.Phone(), phoneOffer}} {
		b.Run(c.p.Name, func(b *testing.B) {
			offer, l := parse(b, c.sdp), local()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := (media.Negotiation{}).Answer(c.p, l, nil, offer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
