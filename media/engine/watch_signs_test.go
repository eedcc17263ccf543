package engine

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// TestSignsOfLife says which reports of a far side of which nothing is heard are a sign of life.
func TestSignsOfLife(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	codec := media.PCMU()
	sr := func(ssrc, sent uint32) rtcp.Packet { return &rtcp.SenderReport{SSRC: ssrc, PacketCount: sent} }
	rr := &rtcp.ReceiverReport{SSRC: 7}
	for _, c := range []struct {
		name    string
		heard   int // packets, one a second, at the beginning
		reports []rtcp.Packet
		last    int // the report that was the last sign, from 1 on; 0: none
		lost    bool
	}{
		{"receiver reports alone", 0, []rtcp.Packet{rr, rr, rr}, 3, false},
		{"one sender report", 0, []rtcp.Packet{sr(7, 100)}, 1, false},
		{"sends nothing", 3, []rtcp.Packet{sr(7, 100), sr(7, 100), sr(7, 100)}, 3, false},
		{"sends, and nothing comes", 0, []rtcp.Packet{sr(7, 100), sr(7, 350), sr(7, 600)}, 1, true},
		{"goes on sending, and nothing comes any more", 3, []rtcp.Packet{sr(7, 100), sr(7, 350)}, 1, true},
		{"then it stops", 3, []rtcp.Packet{sr(7, 100), sr(7, 350), rr}, 3, false},
		{"another stream's", 3, []rtcp.Packet{sr(8, 100), sr(8, 350)}, 0, false},
		{"another source's each time", 0, []rtcp.Packet{sr(7, 100), sr(8, 350)}, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r receiver
			at := begin
			for i := range c.heard {
				at = at.Add(time.Second)
				r.accept(&media.Packet{Codec: &codec, Seq: uint16(i), Payload: []byte{1}}, 7, at, true)
			}
			want := at
			if c.heard == 0 {
				want = time.Time{}
			}
			for i, p := range c.reports {
				at = at.Add(5 * time.Second)
				r.reported(p, at)
				if i+1 == c.last {
					want = at
				}
			}
			heard, last := r.signs()
			if heard != (c.heard > 0) || !last.Equal(want) {
				t.Errorf("heard: %v, last sign %v; want %v", heard, last.Sub(begin), want.Sub(begin))
			}
			if why := r.silence(at, time.Time{}); (why == media.SilentLost) != c.lost {
				t.Errorf("silent for %q", why)
			}
		})
	}
}
