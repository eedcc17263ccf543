package engine

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// An error of the system does not end a reader: the calls that stand go on when it has passed.
func TestReaderSurvives(t *testing.T) {
	var log testutil.Output
	e, err := Listen("127.0.0.1:0", &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.shards[0].rtp.conn.SetReadDeadline(time.Now()); err != nil { // every read fails now
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(log.String(), "reading from the media socket"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("nothing is said of it")
		}
	}
	if err := e.shards[0].rtp.conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	conn := socketOf(t)
	for deadline := time.Now().Add(5 * time.Second); e.Stats().Strays == 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the reader does not read any more")
		}
		if _, err := conn.WriteToUDPAddrPort([]byte("hello"), e.Addr()); err != nil {
			t.Fatal(err)
		}
	}
}

// After unlink has returned nothing is forwarded, not by a reader either that has looked up the link before.
func TestUnlinkIsTheEnd(t *testing.T) {
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	a, b := newTerminal(e, e.shards[0], media.Phone(), nil).sound, newTerminal(e, e.shards[0], media.Phone(), nil).sound
	codec := media.PCMU()
	p := &media.Packet{Codec: &codec, Payload: []byte("x")}
	unlink, ok := a.Link(b, nil)
	if !ok {
		t.Fatal("not linked")
	}
	l := a.link.Load()
	l.forward(nil, p, nil)
	unlink()
	l.forward(nil, p, nil)
	if n := b.out.snapshot().Blocked; n != 1 {
		t.Errorf("%d packets have come to the other stream, want 1", n)
	}
}

// Reports come every five seconds on average, never in step, and never after the end.
func TestReportTimes(t *testing.T) {
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	opened, err := e.Open(media.Phone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	term, sink := opened.(*terminal), socketOf(t)
	at := sink.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
	_, offer, err := media.Negotiation{}.Offer(media.Phone(), media.Local{ID: 1, Addr: "127.0.0.1", Port: 9, RTCPPort: at.Port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.Answer(offer, nil); err != nil {
		t.Fatal(err)
	}
	e.forget(term) // from the engine's own ticker: this test has the clock
	now := time.Now()
	var gaps []time.Duration
	var last time.Time
	var next time.Duration
	for ; len(gaps) < 200; now = now.Add(reportTick) {
		term.reports.tick(now)
		if term.reports.next != next {
			if next != 0 { // the first look only sets the time
				if b := receive(t, sink); b[1] != 201 {
					t.Fatalf("got %v", b)
				}
				gaps = append(gaps, now.Sub(last))
			}
			last, next = now, term.reports.next
		}
	}
	var sum time.Duration
	different := map[time.Duration]bool{}
	for _, gap := range gaps {
		if gap < reportEvery/2 || gap > reportEvery*3/2+reportTick {
			t.Errorf("a report after %v", gap)
		}
		sum += gap
		different[gap] = true
	}
	if mean := sum / time.Duration(len(gaps)); mean < 4*time.Second || mean > 6*time.Second || len(different) < 5 {
		t.Errorf("every %v on average, %d different times", mean, len(different))
	}
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	term.reports.tick(now.Add(time.Minute))
	_ = sink.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, _, err := sink.ReadFromUDPAddrPort(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes after the end", n)
	}
}

// The time of a round trip is that of RFC 3550 section 6.4.1, also across the turn of its sixteen bits of seconds.
func TestRoundTrip(t *testing.T) {
	var o sender
	o.rewrite.rate = 8000
	now := time.Unix(1<<16*27000-2208988800%(1<<16)+1, 0) // a second after such a turn
	sent := now.Add(-3 * time.Second)
	for _, c := range []struct {
		delay uint32
		want  time.Duration
	}{
		{2 << 16, time.Second},
		{3 << 16, 0},
		{4 << 16, 0}, // more than has passed: a clock has jumped
		{1 << 15, 2500 * time.Millisecond},
	} {
		o.stats.trip = 0
		o.heard([]rtcp.ReceptionReport{{LastSenderReport: uint32(ntp(sent) >> 16), Delay: c.delay, Jitter: 1<<32 - 1}}, now)
		if got := o.stats.trip; got != c.want {
			t.Errorf("delay %d: %v, want %v", c.delay, got, c.want)
		}
		if o.stats.jitter < 0 {
			t.Errorf("jitter %v", o.stats.jitter)
		}
	}
}
