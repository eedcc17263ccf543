package media_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/media"
)

// hearer is an exchanger that could hear keys.
type hearer struct {
	*exchanger
	as *[]media.Codec
}

func (h *hearer) HearKeys(events media.Codec) { *h.as = append(*h.as, events) }

// TestRelayHearsKeys has the transcoder of a source without telephone events make them of its tones, at the clock of what it makes where the far
// side has that, and no other transcoder.
func TestRelayHearsKeys(t *testing.T) {
	narrow, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	ulaw, alaw, opus := media.PCMU(), media.PCMA(), media.Opus()
	for _, c := range []struct {
		why      string
		from, to []media.Codec
		want     []media.Codec
	}{
		{"the source has none", []media.Codec{ulaw}, []media.Codec{alaw, narrow}, []media.Codec{narrow}},
		{"clocks to choose from", []media.Codec{ulaw}, []media.Codec{opus, narrow, wide}, []media.Codec{wide}},
		{"no clock to choose", []media.Codec{ulaw}, []media.Codec{opus, narrow}, []media.Codec{narrow}},
		{"both have some", []media.Codec{ulaw, narrow}, []media.Codec{alaw, narrow}, nil},
		{"the far side has none", []media.Codec{ulaw}, []media.Codec{alaw}, nil},
		{"nothing is transcoded", []media.Codec{ulaw}, []media.Codec{ulaw, narrow}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			var table exchangeTable
			var got []media.Codec
			o := table.options()
			transcode := o.Transcode
			o.Transcode = func(from, to media.Codec) (media.Transcoder, error) {
				made, err := transcode(from, to)
				if err != nil {
					return nil, err
				}
				return &hearer{made.(*exchanger), &got}, nil
			}
			board := newSwitchboard(t)
			a, b := board.branch(audio(sendRecv, c.from...)), board.branch(audio(sendRecv, c.to...))
			relay(t, a, b, o)
			pass(t, c.why, a, b, 1, c.from[0], c.to[0])
			if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
				t.Errorf("%s: keys are heard as %v, want %v", c.why, got, c.want)
			}
		})
	}
}
