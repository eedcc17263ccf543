package engine_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// eventually waits for what another goroutine does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if done() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}

func incoming(m media.Terminal) media.InStats  { return m.Stream(media.Audio).Stats().In }
func outgoing(m media.Terminal) media.OutStats { return m.Stream(media.Audio).Stats().Out }

// transportOf reads where a plain description takes media.
func transportOf(t testing.TB, d media.Description) media.Transport {
	t.Helper()
	n, _, err := media.Negotiation{}.Answer(media.Phone(), media.Local{ID: 2, Addr: "127.0.0.1", Port: 9}, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	return n.Sections()[0].Transport
}

// reporter is a phone that speaks RTCP too, from a port of its own or from that of RTP.
type reporter struct {
	*phone
	rtcp *net.UDPConn
	at   netip.AddrPort // where the engine takes RTCP
}

func newReporter(t testing.TB, term media.Terminal, mux bool) *reporter {
	t.Helper()
	r := &reporter{phone: newPhone(t)}
	r.rtcp = r.conn
	if !mux {
		r.rtcp = loopback(t)
	}
	p := pcmu()
	p.Mux = mux
	_, offer, err := media.Negotiation{}.Offer(p, media.Local{
		ID: 1, Addr: "127.0.0.1", Port: r.port(), RTCPPort: portOf(r.rtcp).Port(),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	far := transportOf(t, answer)
	if far.Mux != mux {
		t.Fatalf("multiplexing: got %v, want %v", far.Mux, mux)
	}
	r.to, r.at = far.Addr, far.RTCP
	return r
}

// report sends RTCP.
func (r *reporter) report(packets ...rtcp.Packet) {
	r.t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		r.t.Fatal(err)
	}
	r.raw(b)
}

func (r *reporter) raw(b []byte) {
	r.t.Helper()
	if _, err := r.rtcp.WriteToUDPAddrPort(b, r.at); err != nil {
		r.t.Fatal(err)
	}
}

// reported waits for the next RTCP packet, passing over RTP.
func (r *reporter) reported() []rtcp.Packet {
	r.t.Helper()
	b := make([]byte, 2048)
	_ = r.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		n, _, err := r.rtcp.ReadFromUDPAddrPort(b)
		if err != nil {
			r.t.Fatal(err)
		}
		if n > 1 && b[1] >= 192 && b[1] <= 223 {
			packets, err := rtcp.Unmarshal(b[:n])
			if err != nil {
				r.t.Fatal(err)
			}
			return packets
		}
	}
}

// write sends sound through a terminal.
func write(t testing.TB, term media.Terminal, n int) {
	t.Helper()
	codec := media.PCMU()
	for i := range n {
		p := media.Packet{Codec: &codec, Seq: uint16(i), Start: i == 0, Time: uint32(i) * 160, Payload: make([]byte, 160)}
		if err := term.Stream(media.Audio).Write(&p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReports(t *testing.T) {
	for _, mux := range []bool{false, true} {
		name := map[bool]string{false: "own port", true: "multiplexed"}[mux]
		t.Run(name, func(t *testing.T) {
			term := open(t, listen(t), media.Phone())
			r := newReporter(t, term, mux)
			write(t, term, 5)
			for i := range 10 {
				if i == 3 || i == 4 {
					r.seq++ // lost on the way
					continue
				}
				r.send(make([]byte, 160))
			}
			eventually(t, "all 8 packets arrive", func() bool { return incoming(term).Packets == 8 })
			sr, sentAt := checkSenderReport(t, r, term)
			checkHeard(t, r, term, sr, sentAt)
			checkDelay(t, r, term)
			checkGoodbye(t, r, term)
		})
	}
}

// checkSenderReport looks at what the engine says of both directions.
func checkSenderReport(t *testing.T, r *reporter, term media.Terminal) (*rtcp.SenderReport, time.Time) {
	t.Helper()
	engine.Report(term)
	now := time.Now()
	packets := r.reported()
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok || len(packets) != 2 {
		t.Fatalf("got %v, want a sender report and a description", packets)
	}
	if sr.SSRC != engine.SSRC(term) || sr.PacketCount != 5 || sr.OctetCount != 800 {
		t.Errorf("sender report: %+v", sr)
	}
	seconds := float64(sr.NTPTime)/(1<<32) - 2208988800 // RFC 3550 section 4: since 1900
	if d := seconds - float64(now.UnixMicro())/1e6; d < -1 || d > 1 {
		t.Errorf("NTP time is off by %v s", d)
	}
	if len(sr.Reports) != 1 {
		t.Fatalf("%d reception reports, want 1", len(sr.Reports))
	}
	rr := sr.Reports[0]
	if rr.SSRC != r.ssrc || rr.TotalLost != 2 || rr.LastSequenceNumber != uint32(r.seq-1) || rr.FractionLost != 2*256/10 || rr.LastSenderReport != 0 {
		t.Errorf("reception report: %+v", rr)
	}
	if got := incoming(term).Lost; got != 2 {
		t.Errorf("statistics: %d lost, want 2", got)
	}
	sdes, ok := packets[1].(*rtcp.SourceDescription)
	if !ok || len(sdes.Chunks) != 1 || sdes.Chunks[0].Source != sr.SSRC {
		t.Fatalf("source description: %+v", packets[1])
	}
	if item := sdes.Chunks[0].Items[0]; item.Type != rtcp.SDESCNAME || item.Text == "" {
		t.Errorf("name: %+v", item)
	}
	return sr, now
}

// checkHeard reports loss, jitter and the time of a round trip to the engine.
func checkHeard(t *testing.T, r *reporter, term media.Terminal, sr *rtcp.SenderReport, sentAt time.Time) {
	t.Helper()
	const held, trip = 3 << 14, 1 << 14 // 750 ms and 250 ms in units of 2^-16 s
	r.report(&rtcp.ReceiverReport{SSRC: r.ssrc, Reports: []rtcp.ReceptionReport{
		{SSRC: 99, TotalLost: 1000},
		{SSRC: sr.SSRC, TotalLost: 3, Jitter: 80, LastSenderReport: uint32(sr.NTPTime>>16) - held - trip, Delay: held},
	}})
	eventually(t, "the loss is known", func() bool { return outgoing(term).RemoteLost == 3 })
	out := outgoing(term)
	if out.RemoteJitter != 10*time.Millisecond {
		t.Errorf("jitter: got %v, want 10ms", out.RemoteJitter)
	}
	// The report's own time is a little older than when it was seen here.
	if most := 250*time.Millisecond + time.Since(sentAt) + 100*time.Millisecond; out.RoundTrip < 249*time.Millisecond || out.RoundTrip > most {
		t.Errorf("round trip: got %v, want 250ms to %v", out.RoundTrip, most)
	}
}

// checkDelay lets the engine answer a sender report, by which the far side computes the round trip.
func checkDelay(t *testing.T, r *reporter, term media.Terminal) {
	t.Helper()
	at := time.Now()
	r.report(&rtcp.SenderReport{SSRC: r.ssrc, NTPTime: 0x1234_5678_9abc_def0, PacketCount: 8})
	for before := incoming(term).Packets; ; before++ {
		r.send(make([]byte, 160)) // a report speaks of what is new
		eventually(t, "a packet arrives", func() bool { return incoming(term).Packets > before })
		engine.Report(term)
		rr := r.reported()[0].(*rtcp.SenderReport).Reports[0]
		if rr.LastSenderReport == 0 { // RTCP has a reader of its own, which may be behind
			continue
		}
		if most := uint32(time.Since(at)<<16/time.Second) + 1; rr.LastSenderReport != 0x5678_9abc || rr.Delay > most {
			t.Errorf("reception report: %+v, want a delay of at most %d", rr, most)
		}
		return
	}
}

// checkGoodbye closes the terminal.
func checkGoodbye(t *testing.T, r *reporter, term media.Terminal) {
	t.Helper()
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	packets := r.reported()
	bye, ok := packets[len(packets)-1].(*rtcp.Goodbye)
	if _, first := packets[0].(*rtcp.ReceiverReport); !first || !ok || len(bye.Sources) != 1 || bye.Sources[0] != engine.SSRC(term) {
		t.Errorf("got %v, want a report, a description and a goodbye", packets)
	}
}

// A leg that is held goes on reporting, so that its far side knows that it is there.
func TestReportsWhileHeld(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	r := newReporter(t, term, false)
	engine.Report(term)
	packets := r.reported()
	if rr, ok := packets[0].(*rtcp.ReceiverReport); !ok || rr.SSRC != engine.SSRC(term) || len(rr.Reports) != 0 || len(packets) != 2 {
		t.Errorf("got %v, want an empty report and a description", packets)
	}
}

func TestReportsHostile(t *testing.T) {
	sr, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{
		"cut":                sr[:len(sr)-4],
		"length too long":    append([]byte{0x81, 200, 0xff, 0xff}, sr[4:]...),
		"31 reports, none":   {0x9f, 201, 0, 1, 0, 0, 0, 7},
		"31 goodbyes, one":   {0x9f, 203, 0, 1, 0, 0, 0, 7},
		"31 chunks, none":    {0x9f, 202, 0, 1, 0, 0, 0, 7},
		"second one is torn": append(append([]byte(nil), sr...), 0x81, 200, 0),
		"odd length":         append(append([]byte(nil), sr...), 1),
		"feedback, too many": {0x8f, 205, 0, 4, 0, 0, 0, 7, 0, 0, 0, 7, 0, 1, 0xff, 0xff, 0, 0, 0, 0},
	}
	for _, mux := range []bool{false, true} {
		term := open(t, listen(t), media.Phone())
		r := newReporter(t, term, mux)
		count := uint64(0)
		for name, b := range bad {
			r.raw(b)
			count++
			eventually(t, name+" is counted", func() bool { return incoming(term).Bad == count })
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			b := make([]byte, 8+rnd.IntN(120))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			b[0], b[1] = 0x80|b[0]&0x3f, 192+b[1]&31
			if rnd.IntN(2) == 0 { // some with a length that is right
				b = b[:len(b)&^3]
				b[2], b[3] = 0, byte(len(b)/4-1)
			}
			r.raw(b)
		}
		for range 5 {
			r.send([]byte("still here"))
		}
		eventually(t, "the call goes on", func() bool { return incoming(term).Packets >= 5 })
		if out := outgoing(term); out.RemoteLost != 0 || out.RoundTrip != 0 {
			t.Errorf("garbage was believed: %+v", out)
		}
	}
}
