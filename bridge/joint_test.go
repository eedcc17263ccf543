package bridge

import (
	"testing"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

func TestJointFreesCodecLists(t *testing.T) {
	in, guest := Pipe(nil)
	out, _ := Pipe(nil)
	j := newJoint(in, out, nil)
	defer j.close(t.Context(), func() {})
	for i := range 1000 {
		guest.(*pipeLeg).peer.Change(func(info *Info) {
			info.Far = media.Plan{{Codecs: []media.Codec{{Name: "X", ClockRate: 8000 + i, Channels: 1}}}}
		})
		j.seats[0].info = in.Info()
		j.step(t.Context(), join.Input{})
	}
	if len(j.lists) > 8 {
		t.Errorf("%d lists are kept", len(j.lists))
	}
}
