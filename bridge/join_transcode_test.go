package bridge_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// transcoding are the options of a join that has a transcoder between codecs.
func transcoding(codecs ...media.Codec) *bridge.JoinOptions {
	return &bridge.JoinOptions{Relay: &media.RelayOptions{
		Transcode: func(_, to media.Codec) (media.Transcoder, error) { return relabel{to}, nil },
		Also:      codecs,
	}}
}

// speaks returns a party that accepts a call with one codec, and refuses one that does not offer it.
func speaks(c media.Codec) func(bridge.Leg) {
	return func(leg bridge.Leg) {
		m, _ := leg.Info().Far.Find(media.Audio)
		if !slices.ContainsFunc(m.Codecs, c.Matches) {
			_ = leg.Hangup(context.Background(), bridge.Media)
			return
		}
		_ = leg.Ring(context.Background(), nil)
		_ = leg.Answer(context.Background(), plan(c))
	}
}

// TestToTranscodes dials a desk that has no codec of the guest's, which takes one call more, and a desk that has, which does not: sound is
// transcoded only where it has to be.
func TestToTranscodes(t *testing.T) {
	for name, v := range map[string]struct {
		desk         media.Codec
		also         []media.Codec
		calls        int
		guest, other string // agreed with them
	}{
		"a codec in common":      {desk: media.PCMA(), also: []media.Codec{media.G722(), media.PCMU(), media.PCMA()}, calls: 1, guest: "PCMA", other: "PCMA"},
		"none in common":         {desk: media.G722(), also: []media.Codec{media.G722(), media.PCMU(), media.PCMA()}, calls: 2, guest: "PCMA+PCMU", other: "G722"},
		"none for a transcoder":  {desk: media.Opus(), also: []media.Codec{media.G722(), media.PCMU()}, calls: 2},
		"and no transcoder":      {desk: media.G722(), calls: 1},
		"the guest's not either": {desk: media.G722(), also: []media.Codec{media.G722()}, calls: 2, other: "G722"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := dial(t, withDesk(speaks(v.desk)), "desk", transcoding(v.also...))
				want(t, "calls that were placed", len(s.ex.dialled), v.calls)
				if v.guest == "" {
					want(t, "the end", causeOf(t, s.guest), bridge.Media)
					s.finish(t)
					return
				}
				want(t, "agreed with the guest", agreed(s.guest), v.guest)
				want(t, "agreed with the desk", agreed(s.ex.near()), v.other)
				ear := listen(t, s.guest)
				ear.hears(t, s.ex.legs[len(s.ex.legs)-1], "understood")
				ear.close(t)
				if err := s.guest.Hangup(t.Context(), bridge.Normal); err != nil {
					t.Error(err)
				}
				s.finish(t)
			})
		})
	}
}

// TestJoinTranscodesFromNowOn has a desk that can change to a codec which the guest does not have: the guest keeps its own.
func TestJoinTranscodesFromNowOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, onlyU(), plan(media.PCMU(), media.G722())).join(transcoding(media.G722(), media.PCMU())).up(onlyU())
		c.oblige(c.guest, fixed(onlyU()))
		c.must(c.desk.Update(c.ctx(), plan(media.G722())))
		want(t, "agreed with the desk", agreed(c.desk), "G722")
		want(t, "agreed with the guest", agreed(c.guest), "PCMU")
		ear := listen(t, c.guest)
		ear.hears(t, c.desk, "understood")
		ear.close(t)
		c.hangUp()
	})
}
