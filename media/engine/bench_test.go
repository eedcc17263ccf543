//go:build unix

package engine_test

import (
	"encoding/binary"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// The figures are those of the whole process: engine, phones and the loopback between them.

func BenchmarkForwardPlain(b *testing.B) {
	e := listen(b)
	from, to := newPhone(b), newPhone(b)
	ta, tb := open(b, e, media.Phone()), open(b, e, media.Phone())
	from.offer(ta, nil)
	to.offer(tb, nil)
	relayed(b, ta, tb)
	forward(b, from, to)
}

func BenchmarkForwardSRTP(b *testing.B) {
	from, to := secureLine(b)
	forward(b, from, to)
}

// forward passes packets of 20 ms, with a few on the way at a time.
func forward(b *testing.B, from, to *phone) {
	const window = 32
	pkt, buf := make([]byte, 172), make([]byte, 2048)
	pkt[0], pkt[11] = 0x80, byte(from.ssrc)
	seq, waiting := from.seq, 0
	_ = to.conn.SetReadDeadline(time.Now().Add(5 * time.Minute))
	receive := func() {
		if _, _, err := to.conn.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
		waiting--
	}
	b.ReportAllocs()
	cpu := processTime(b)
	for b.Loop() {
		binary.BigEndian.PutUint16(pkt[2:], seq)
		binary.BigEndian.PutUint32(pkt[4:], uint32(seq)*160)
		if _, err := from.conn.WriteToUDPAddrPort(pkt, from.to); err != nil {
			b.Fatal(err)
		}
		seq++
		if waiting++; waiting == window {
			receive()
		}
	}
	b.ReportMetric(float64((processTime(b)-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
	for waiting > 0 {
		receive()
	}
}

// BenchmarkAnswer is the time from the offer of an Echo to our answer. The handshake comes after it.
func BenchmarkAnswer(b *testing.B) {
	e := listen(b)
	_, offer, err := media.Negotiation{}.Offer(media.AlexaCalling(), media.Local{
		ID: 1, Addr: "127.0.0.1", Port: 9, Ufrag: "theirufrag", Pwd: strings.Repeat("their password", 2), SSRC: 1, CNAME: "x",
		Fingerprint: "sha-256 " + strings.Repeat("00:", 31) + "00",
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	text, err := offer.AppendText(nil)
	if err != nil {
		b.Fatal(err)
	}
	answerEach(b, e, media.AlexaCalling(), text)
}

// answerEach answers an offer again and again.
func answerEach(b *testing.B, e *engine.Engine, p *media.Policy, text []byte) {
	var cpu time.Duration
	b.ReportAllocs()
	for b.Loop() {
		before := processTime(b)
		d, err := media.ParseDescription(text)
		if err != nil {
			b.Fatal(err)
		}
		term := open(b, e, p)
		answer, err := term.Answer(d, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := answer.AppendText(nil); err != nil {
			b.Fatal(err)
		}
		cpu += processTime(b) - before
		b.StopTimer()
		_ = term.Close()
		b.StartTimer()
	}
	b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkAnswerDoor is the time from the offer of an Echo with pictures, as captured, to our answer to it.
func BenchmarkAnswerDoor(b *testing.B) {
	e := listen(b)
	offer := "v=0\r\no=- 3911343731 3911343731 IN IP4 0.0.0.0\r\ns=a 2 z\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=group:BUNDLE audio0 video0\r\n" +
		doorSection("audio", "96 0 8", "a=rtpmap:96 opus/48000/2\r\n") + doorSection("video", "99", "a=rtpmap:99 H264/90000\r\na=rtcp-fb:99 nack\r\na=rtcp-fb:99 nack pli\r\na=rtcp-fb:99 ccm fir\r\n")
	answerEach(b, e, media.AlexaDoor(), []byte(offer))
}

func doorSection(kind, formats, lines string) string {
	return "m=" + kind + " 1 UDP/TLS/RTP/SAVPF " + formats + "\r\na=candidate:1 1 UDP 2013266431 192.0.2.10 60128 typ host\r\n" +
		"a=candidate:2 1 TCP 1015021823 192.0.2.10 9 typ host tcptype active\r\na=candidate:3 1 TCP 1010827519 192.0.2.10 45962 typ host tcptype passive\r\n" +
		"a=candidate:1 2 UDP 2013266430 192.0.2.10 46109 typ host\r\na=setup:actpass\r\n" + lines + "a=rtcp:9 IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=sendrecv\r\na=mid:" + kind + "0\r\n" +
		"a=ice-ufrag:gxfV\r\na=ice-pwd:KepKrlQ1+LD+RGTAFaqVck\r\na=fingerprint:sha-256 " + strings.Repeat("00:", 31) + "00\r\n"
}

// processTime is what the process has used of the processors.
func processTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
