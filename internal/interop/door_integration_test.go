package interop

import (
	"regexp"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestInteropAiortcDoor has a leg of aiortc offer a talk with the door as an Echo writes it, with H.264, and another one be the door.
func TestInteropAiortcDoor(t *testing.T) {
	t.Parallel()
	testutil.NeedPython(t, "aiortc")
	j := &joined{p: startScript(t, "aiortc", testutil.Python, "testdata/aiortc_peer.py")}
	e, err := engine.Listen("127.0.0.1:0", nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	j.first, err = e.Open(media.AlexaDoor(), nil)
	must(t, err)
	j.second, err = e.Open(media.Browser(), nil)
	must(t, err)
	offer := asEcho(j.p.do(order{Op: "offer", Leg: "first", Hz: firstTone, Video: "video/H264"}).SDP)
	answer, err := j.first.Answer(parse(t, offer), nil)
	must(t, err)
	if sdp := text(t, answer); strings.Count(sdp, "a=rtpmap:") != 2 || !strings.Contains(sdp, "opus") || !strings.Contains(sdp, "H264") {
		t.Errorf("answers\n%s", sdp)
	}
	j.p.do(order{Op: "accept", Leg: "first", SDP: text(t, answer)})
	offer2, err := j.second.Offer(j.first.Plan())
	must(t, err)
	must(t, j.second.Accept(parse(t, j.p.do(order{Op: "answer", Leg: "second", Hz: secondTone, Video: "video/H264", SDP: text(t, offer2)}).SDP)))
	relay, err := media.NewRelay(j.first, j.second, nil)
	must(t, err)
	t.Cleanup(func() { must(t, relay.Close()) })
	j.heard(t)
	j.seen(t)
}

// asEcho writes an offer as the documentation shows it: port 1, no rtpmap of G.711, bandwidth after attributes, no address in a section, nothing of trickle.
func asEcho(offer string) string {
	offer = strings.ReplaceAll(offer, "UDP/TLS/RTP/SAVPF", "RTP/SAVPF")
	for _, r := range []struct{ old, planted string }{
		{`(m=\w+) \d+ `, "$1 1 "},
		{`a=rtpmap:[08] .*\r\n`, ""},
		{`a=(msid|ice-options|msid-semantic|end-of-candidates).*\r\n`, ""},
		{`c=.*\r\n`, ""},
		{`s=-\r\n`, "s=a 2 z\r\nc=IN IP4 0.0.0.0\r\n"},
		{`(a=mid:\w+\r\n)`, "${1}b=AS:2500\r\n"},
	} {
		offer = regexp.MustCompile(r.old).ReplaceAllString(offer, r.planted)
	}
	return offer
}
