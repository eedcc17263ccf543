package engine_test

import (
	"slices"
	"testing"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestCollision lets the far side send under the number of our source: ours says goodbye and goes on under another one, without a gap.
// When the new number comes back as well, it is an echo, and heard as one.
func TestCollision(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	r := newReporter(t, term, false)
	write(t, term, 3)
	var last uint16
	for range 3 {
		last, _, _ = r.receive()
	}
	old := engine.SSRC(term)
	r.ssrc = old
	r.send([]byte("under your number"))
	eventually(t, "ours is another one", func() bool { return engine.SSRC(term) != old })
	bye := goodbye(t, r)
	if !slices.Equal(bye.Sources, []uint32{old}) {
		t.Errorf("says goodbye for %v, want %v", bye.Sources, old)
	}
	now := engine.SSRC(term)
	codec := media.PCMU()
	if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Seq: 3, Time: 480, Payload: []byte("on")}); err != nil {
		t.Fatal(err)
	}
	if seq, _, payload := r.receive(); seq != last+1 || string(payload) != "on" {
		t.Errorf("goes on with %d after %d: %q", seq, last, payload)
	}
	engine.Report(term)
	if sr, ok := r.reported()[0].(*rtcp.SenderReport); !ok || sr.SSRC != now || sr.PacketCount != 1 || sr.OctetCount != 2 {
		t.Errorf("reports %+v, want one packet of source %d", sr, now)
	}

	r.ssrc = now
	for range 3 {
		r.send([]byte("echo"))
	}
	eventually(t, "the echo is heard", func() bool { return incoming(term).Packets == 4 })
	if got := engine.SSRC(term); got != now {
		t.Errorf("an echo made %d of source %d", got, now)
	}
}

// goodbye waits for one.
func goodbye(t *testing.T, r *reporter) *rtcp.Goodbye {
	t.Helper()
	for {
		for _, p := range r.reported() {
			if bye, ok := p.(*rtcp.Goodbye); ok {
				return bye
			}
		}
	}
}

// TestCollisionInReports finds the number of ours in the far side's report.
func TestCollisionInReports(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	r := newReporter(t, term, true)
	old := engine.SSRC(term)
	r.report(&rtcp.SenderReport{SSRC: old})
	eventually(t, "ours is another one", func() bool { return engine.SSRC(term) != old })
}
