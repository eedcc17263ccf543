package alexa

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

func TestRenegotiationTypes(t *testing.T) {
	audio := func(d media.Direction) media.Plan {
		return media.Plan{{Kind: media.Audio, Dir: d, Codecs: []media.Codec{media.PCMU()}}}
	}
	// agreed is what the device says, as far as it is agreed; want is what we say of the other party.
	for _, tt := range []struct {
		why    string
		agreed media.Plan
		want   media.Plan
		is     RenegotiationType
	}{
		{"the other party stops listening", audio(media.SendRecv), audio(media.SendOnly), RenegotiateHold},
		{"and speaking", audio(media.SendRecv), audio(media.Inactive), RenegotiateHold},
		{"it is muted, and listens", audio(media.SendRecv), audio(media.RecvOnly), RenegotiateUpdate},
		{"it comes back", audio(media.RecvOnly), audio(media.SendRecv), RenegotiateResume},
		{"from silence both ways", audio(media.Inactive), audio(media.SendRecv), RenegotiateResume},
		{"still held", audio(media.RecvOnly), audio(media.SendOnly), RenegotiateUpdate},
		{"other codecs", audio(media.SendRecv), audio(media.SendRecv), RenegotiateUpdate},
		{"whatever the policy allows", audio(media.SendRecv), nil, RenegotiateUpdate},
		{"nothing agreed", nil, audio(media.SendOnly), RenegotiateUpdate},
	} {
		if got := renegotiation(tt.agreed, tt.want); got != tt.is {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.is)
		}
	}
}
