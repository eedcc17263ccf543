package engine

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// trace is what RFC 3550 says of packets as they came, computed here from their arrivals alone.
type trace struct {
	came   map[uint16]int
	late   uint64
	next   int // after the highest number
	jitter float64
	before float64
	begin  time.Time
}

// take notes the n-th packet of PCMU.
func (tr *trace) take(n uint16, now time.Time) {
	if tr.came[n]++; tr.came[n] > 1 {
		return
	}
	if int(n) < tr.next {
		tr.late++
	}
	tr.next = max(tr.next, int(n)+1)
	transit := now.Sub(tr.begin).Seconds()*8000 - float64(int(n)*160)
	if len(tr.came) > 1 {
		tr.jitter += (math.Abs(transit-tr.before) - tr.jitter) / 16
	}
	tr.before = transit
}

// near reports whether two counts are within 2 % of each other.
func near(got, want float64) bool { return math.Abs(got-want) <= 0.02*want }

// TestImpairedStatistics sends sound through networks that lose, repeat, delay and reorder packets, and holds the statistics of the leg
// against what the network says that it has done, and the jitter against RFC 3550 section A.8 computed from the arrivals.
func TestImpairedStatistics(t *testing.T) {
	const packets = 10_000
	for _, c := range []struct {
		name string
		what testutil.Impairment
	}{
		{"clean", testutil.Impairment{}},
		{"5 % loss", testutil.Impairment{Loss: 0.05}},
		{"20 % loss", testutil.Impairment{Loss: 0.2}},
		{"duplicates", testutil.Impairment{Duplicate: 0.05}},
		{"reorder", testutil.Impairment{Reorder: 0.1, ReorderBy: 90 * time.Millisecond}},
		{"jitter", testutil.Impairment{Jitter: 100 * time.Millisecond}},
		{"all", testutil.Impairment{Loss: 0.05, Duplicate: 0.05, Reorder: 0.1, Delay: 40 * time.Millisecond, Jitter: 60 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := Listen("127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			m, from := legAt(t, e, "192.0.2.1:5004")
			c.what.Seed = 7
			var tr trace
			var done testutil.ImpairCounts
			synctest.Test(t, func(t *testing.T) { tr, done = playThrough(t, e.shards[0], from, c.what, packets) })
			in := m.Stream(media.Audio).Stats().In
			if in.Lost != uint64(tr.next)-in.Packets || !near(float64(in.Lost), float64(done.Lost)) {
				t.Errorf("lost: got %d, the network has lost %d", in.Lost, done.Lost)
			}
			if arrived := packets - done.Lost; in.Packets != arrived || in.Duplicate != twice(&tr) || in.Late != tr.late {
				t.Errorf("got %+v; want %d packets, %d duplicates, %d late", in, arrived, twice(&tr), tr.late)
			}
			if jitter := tr.jitter / 8000; !near(in.Jitter.Seconds(), jitter) && math.Abs(in.Jitter.Seconds()-jitter) > 3.0/8000 {
				t.Errorf("jitter: got %v, want %.3f ms", in.Jitter, jitter*1000)
			}
			rr := m.streams[media.Audio].in.report(time.Now())[0]
			if want := max(0, int(in.Lost)-int(twice(&tr))); int(rr.TotalLost) != want {
				t.Errorf("reports %d lost, want %d (RFC 3550 section 6.4.1 takes duplicates for received)", rr.TotalLost, want)
			}
			loss := float64(done.Lost) / packets
			if want := opinion(media.PCMU(), loss, mouthToEar(0, in.Jitter)); math.Abs(in.MOS-want) > 0.02 {
				t.Errorf("MOS %.2f, want %.2f", in.MOS, want)
			}
		})
	}
}

func twice(tr *trace) (n uint64) {
	for _, times := range tr.came {
		n += uint64(times - 1)
	}
	return n
}

// legAt opens a leg of plain PCMU whose far side is at an address where nobody is.
func legAt(t testing.TB, e *Engine, addr string) (*terminal, netip.AddrPort) {
	t.Helper()
	m, err := e.Open(media.Phone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(addr)
	p := media.Phone()
	p.Audio = []media.Codec{media.PCMU()}
	_, d, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: at.Addr().String(), Port: at.Port(), RTCPPort: at.Port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Answer(d, nil); err != nil {
		t.Fatal(err)
	}
	return m.(*terminal), at
}

// playThrough sends packets of 20 ms through an impaired network, and hands what comes out to the shard as its reader does.
func playThrough(t *testing.T, s *shard, from netip.AddrPort, what testutil.Impairment, packets int) (trace, testutil.ImpairCounts) {
	near, far := testutil.PacketPipe(t)
	conn := testutil.Impair(far, what)
	go func() {
		b := make([]byte, 172)
		b[0], b[11] = 0x80, 7
		for i := range packets {
			binary.BigEndian.PutUint16(b[2:], uint16(i))
			binary.BigEndian.PutUint32(b[4:], uint32(i)*160)
			_, _ = conn.WriteTo(b, near.LocalAddr())
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Second)
		_ = near.Close()
	}()
	tr, w, b := trace{came: map[uint16]int{}, begin: time.Now()}, new(worker), make([]byte, packetSize)
	for {
		n, _, err := near.ReadFrom(b)
		if err != nil {
			break
		}
		tr.take(binary.BigEndian.Uint16(b[2:]), time.Now())
		w.now = time.Now()
		s.mu.RLock()
		s.datagram(w, b[:n], from, s.remotes.of(from))
		s.mu.RUnlock()
	}
	counts := conn.Counts()
	_ = conn.Close()
	return tr, counts
}

// TestImpairedReports has the far side report of what we send, as it does through a bad network. More duplicates than losses are no loss.
func TestImpairedReports(t *testing.T) {
	var o sender
	o.ssrc.Store(1)
	o.stats.Packets, o.rewrite.rate = 1000, 8000
	for _, c := range []struct{ told, want uint32 }{{50, 50}, {0, 0}, {1<<24 - 3, 0}, {1<<23 - 1, 1<<23 - 1}} {
		o.heard([]rtcp.ReceptionReport{{SSRC: 1, TotalLost: c.told, Jitter: 80}}, time.Now())
		if got := o.snapshot(); got.RemoteLost != c.want || got.RemoteJitter != 10*time.Millisecond {
			t.Errorf("told of %#x lost: %+v, want %d", c.told, got, c.want)
		}
	}
	if got := o.reported(); got != 1000 {
		t.Errorf("the report is about %d packets", got)
	}
}
