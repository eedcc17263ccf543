package siptest_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// raw is the other side of a phone that says exactly what a test wants it to say.
type raw struct {
	t    *testing.T
	conn net.PacketConn
	to   net.Addr
}

// newRaw returns a raw peer at conn that talks to the phone at addr.
func newRaw(t *testing.T, conn net.PacketConn, addr net.Addr) *raw {
	return &raw{t: t, conn: conn, to: addr}
}

// send sends a message whose lines may end in a bare line feed. It completes the length of the body, which follows an empty line.
func (r *raw) send(format string, args ...any) {
	r.t.Helper()
	text := strings.ReplaceAll(strings.TrimLeft(fmt.Sprintf(format, args...), "\n"), "\n", "\r\n")
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	text = fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", strings.TrimRight(head, "\r\n"), len(body), body)
	if _, err := r.conn.WriteTo([]byte(text), r.to); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the next message, nil when none comes in a minute.
func (r *raw) next() sipmsg.Message {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _, err := r.conn.ReadFrom(buf)
	if err != nil {
		return nil
	}
	msg, err := sipmsg.ParseMessage(buf[:n])
	if err != nil {
		r.t.Fatal(err)
	}
	return msg
}

// request waits for a request of the given method.
func (r *raw) request(method sipmsg.RequestMethod) *sipmsg.Request {
	r.t.Helper()
	req, ok := r.next().(*sipmsg.Request)
	if !ok || req.Method != method {
		r.t.Fatalf("%v came, want %s", req, method)
	}
	return req
}

// response waits for a response with the given status.
func (r *raw) response(status int) *sipmsg.Response {
	r.t.Helper()
	res, ok := r.next().(*sipmsg.Response)
	if !ok || res.StatusCode != status {
		r.t.Fatalf("%v came, want %d", res, status)
	}
	return res
}

// answer sends a response to req with further lines of header, and a body after an empty line.
func (r *raw) answer(req *sipmsg.Request, status, toTag, rest string) {
	r.t.Helper()
	to := req.To().Value()
	if toTag != "" {
		to += ";tag=" + toTag
	}
	r.send("SIP/2.0 %s\nVia: %s\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %s\n%s",
		status, req.Via().Value(), req.From().Value(), to, req.CallID().Value(), req.CSeq().Value(), rest)
}

// outside returns a request outside of a dialog, or in one when toTag is not empty.
func outside(method string, seq int, toTag, rest string) string {
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	return fmt.Sprintf("%s sip:desk@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-%s-%d\nMax-Forwards: 70\n"+
		"From: <sip:raw@192.0.2.2>;tag=theirs\nTo: <sip:desk@192.0.2.1>%s\nCall-ID: one\nCSeq: %d %s\n"+
		"Contact: <sip:raw@192.0.2.2:5060>\n%s", method, method, seq, toTag, seq, method, rest)
}

// bodyOf returns the header and the body that carry a session description.
func bodyOf(sdp string) string { return "Content-Type: application/sdp\n\n" + sdp }

// described returns a session description with the given audio lines.
func described(version int, media string) string {
	return fmt.Sprintf("v=0\no=- 1 %d IN IP4 192.0.2.2\ns=-\nc=IN IP4 192.0.2.2\nt=0 0\n%s", version, media)
}

// plainAudio is the audio section of an ordinary offer.
const plainAudio = "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"

// up brings up a call from the raw peer and returns the phone's tag.
func (r *raw) up(offer string) (tag, answer string) {
	r.t.Helper()
	r.send("%s", outside("INVITE", 1, "", bodyOf(offer)))
	r.response(100)
	r.response(180)
	res := r.response(200)
	tag, _ = res.To().Params.Get("tag")
	r.send("%s", outside("ACK", 1, tag, ""))
	return tag, string(res.Body())
}
