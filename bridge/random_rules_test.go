package bridge_test

import (
	"slices"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// atRest checks a call in which nobody has done anything for long.
func atRest(t *testing.T, guest, desk *actor, in bridge.Leg, out *spy) {
	t.Helper()
	if desk == nil || out == nil {
		t.Error("the call stands and nobody was dialled")
		return
	}
	for name, leg := range map[string]bridge.Leg{"guest": guest.leg, "in": in, "out": out, "desk": desk.leg} {
		info := leg.Info()
		want(t, name+" is up", info.Phase, bridge.Up)
		want(t, name+" has no offer that waits", info.Pending, false)
	}
	a, _ := in.Media().Plan().Find(media.Audio)
	b, _ := out.Media().Plan().Find(media.Audio)
	if !slices.ContainsFunc(a.Codecs, func(c media.Codec) bool { return slices.ContainsFunc(b.Codecs, c.Matches) }) {
		t.Errorf("no common codec in %v and %v", a.Codecs, b.Codecs)
	}
	knows(t, "the desk", desk.leg, out, in)
	knows(t, "the guest", guest.leg, in, out)
}

// knows checks that a party knows what the other one says of itself, as far as it left the other a choice: who does not receive
// cannot know whether the other would send.
func knows(t *testing.T, who string, party, near, other bridge.Leg) {
	t.Helper()
	choice := dir(near.Info().Far).Reverse()
	want(t, "what "+who+" knows of the other", dir(party.Info().Far)&choice, dir(other.Info().Far)&choice)
}

// endsAgree checks that both parties saw one end, and that each was told once.
func endsAgree(t *testing.T, guest, desk *actor, end bridge.Cause, in, out *spy) {
	t.Helper()
	if n := in.count("hang up"); n > 2 { // by Join and, in any case, by the intake
		t.Errorf("the guest was hung up %d times", n)
	}
	if out != nil {
		if n := out.count("hang up"); n > 2 { // by Join and, in any case, by To
			t.Errorf("the desk was hung up %d times", n)
		}
	}
	if desk == nil {
		want(t, "nobody was dialled, so the guest had given up", end, bridge.Cancelled)
		return
	}
	told := causeOf(t, desk.leg)
	switch {
	case told == end:
	case out == nil && told == bridge.Cancelled && end == bridge.NoAnswer: // the attempt was withdrawn
	case slices.Contains(guest.said, end) && slices.Contains(desk.said, told): // both hung up at one moment
	case slices.Contains(guest.said, end) && told == bridge.Media: // no common codec was found at the moment at which a party hung up
	case slices.Contains(desk.said, told) && end == bridge.Media:
	default:
		t.Errorf("the guest saw %v, the desk %v", end, told)
	}
}
