package engine

import (
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// trace is what RFC 3550 says of the packets that a leg took, computed here from their arrivals alone.
type trace struct {
	came   map[uint16]int
	late   uint64
	next   int // after the highest number
	jitter float64
	before float64
	begin  time.Time
	away   map[uint16]bool // came from a port that was not believed yet
	end    netip.AddrPort  // where the last one came from
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

// missed returns how many numbers have come to a port alone that was not believed.
func (tr *trace) missed() (n uint64) {
	for seq := range tr.away {
		if tr.came[seq] == 0 {
			n++
		}
	}
	return n
}

func (tr *trace) twice() (n uint64) {
	for _, times := range tr.came {
		n += uint64(times - 1)
	}
	return n
}

// near reports whether two counts are within 2 % of each other.
func near(got, want float64) bool { return math.Abs(got-want) <= 0.02*want }

// impairedTable has networks that lose, repeat, delay and reorder packets, and NATs that forget the far side.
var impairedTable = []struct {
	name string
	what testutil.Impairment
}{
	{"clean", testutil.Impairment{}},
	{"5 % loss", testutil.Impairment{Loss: 0.05}},
	{"20 % loss", testutil.Impairment{Loss: 0.2}},
	{"bursts", testutil.Impairment{Drop: func(p []byte, _ net.Addr) bool { return binary.BigEndian.Uint16(p[2:])%100 >= 95 }}},
	{"duplicates", testutil.Impairment{Duplicate: 0.05}},
	{"reorder", testutil.Impairment{Reorder: 0.1, ReorderBy: 90 * time.Millisecond}},
	{"jitter", testutil.Impairment{Jitter: 100 * time.Millisecond}},
	{"rebinding", testutil.Impairment{Rebind: 1000}},
	{"all", testutil.Impairment{
		Loss: 0.05, Duplicate: 0.05, Reorder: 0.1, Delay: 40 * time.Millisecond, Jitter: 60 * time.Millisecond, Rebind: 1000,
	}},
}

// TestImpairedStatistics sends sound through such networks, in the clear and under keys, and holds the statistics of the leg against what
// the network says that it has done, and the jitter against RFC 3550 section A.8 computed from the arrivals. A far side that comes from
// another port is not heard for a second at the most.
func TestImpairedStatistics(t *testing.T) {
	for name, security := range map[string]media.Security{"plain": media.Plain, "SDES": media.SDES} {
		for _, c := range impairedTable {
			t.Run(name+", "+c.name, func(t *testing.T) { testImpaired(t, security, c.what) })
		}
	}
}

func testImpaired(t *testing.T, security media.Security, what testutil.Impairment) {
	const packets, second = 10_000, 50
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	leg := legAt(t, e, "192.0.2.2:5060", security)
	what.Seed = 7
	var tr trace
	var done testutil.ImpairCounts
	synctest.Test(t, func(t *testing.T) { tr, done = leg.playThrough(t, what, packets) })
	in, missed := leg.m.Stream(media.Audio).Stats().In, tr.missed()
	if in.Lost != uint64(tr.next)-in.Packets || !near(float64(in.Lost), float64(done.Lost+missed)) {
		t.Errorf("lost: got %d, the network has lost %d, and %d did not count", in.Lost, done.Lost, missed)
	}
	if taken := packets - done.Lost - missed; in.Packets != taken || in.Duplicate+in.Replayed != tr.twice() || in.Late != tr.late {
		t.Errorf("got %+v; want %d packets, %d duplicates, %d late", in, taken, tr.twice(), tr.late)
	}
	if (security == media.Plain && in.Replayed > 0) || in.Bad != in.Replayed || in.Unknown > 0 {
		t.Errorf("got %+v", in)
	}
	if moves := done.Rebound; missed > moves*second || (moves > 0) != (missed > 0) || what.Rebind > 0 && moves < 7 {
		t.Errorf("of %d moves %d packets were not heard", moves, missed)
	}
	if at := leg.m.transport.remote(); at != tr.end {
		t.Errorf("sends to %v, and the far side is at %v", at, tr.end)
	}
	jitter := tr.jitter / 8000
	if !near(in.Jitter.Seconds(), jitter) && math.Abs(in.Jitter.Seconds()-jitter) > 3.0/8000 {
		t.Errorf("jitter: got %v, want %.3f ms", in.Jitter, jitter*1000)
	}
	rr := leg.m.sound.in.report(time.Now())[0]
	if want := max(0, int(in.Lost)-int(in.Duplicate)); int(rr.TotalLost) != want {
		t.Errorf("reports %d lost, want %d (RFC 3550 section 6.4.1 takes duplicates for received)", rr.TotalLost, want)
	}
	loss := float64(done.Lost+missed) / packets
	if want := opinion(media.PCMU(), loss, mouthToEar(0, in.Jitter)); math.Abs(in.MOS-want) > 0.02 {
		t.Errorf("MOS %.2f, want %.2f", in.MOS, want)
	}
}

// impairedLeg is a leg whose far side is in a network of the test's.
type impairedLeg struct {
	m   *terminal
	at  netip.AddrPort
	s   *shard
	out *srtp.Context // protects what the far side sends; nil: nothing does
}

// legAt opens a leg of PCMU whose far side is at an address where nobody is.
func legAt(t testing.TB, e *Engine, addr string, security media.Security) *impairedLeg {
	t.Helper()
	p := media.Phone()
	p.Audio, p.Security, p.Suites = []media.Codec{media.PCMU()}, security, []media.Suite{media.AES128GCM}
	m, err := e.Open(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	leg := &impairedLeg{m: m.(*terminal), at: netip.MustParseAddrPort(addr), s: e.shards[0]}
	local := media.Local{ID: 1, Addr: leg.at.Addr().String(), Port: leg.at.Port(), RTCPPort: leg.at.Port() + 1, Keys: p.NewKeys()}
	_, d, err := media.Negotiation{}.Offer(p, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Answer(d, nil); err != nil {
		t.Fatal(err)
	}
	if security == media.SDES {
		if leg.out, err = newContext(local.Keys[0]); err != nil {
			t.Fatal(err)
		}
	}
	return leg
}

// heard returns how many packets have come to the leg, wanted or not.
func (leg *impairedLeg) heard() uint64 {
	in := leg.m.sound.in.snapshot()
	return in.Packets + in.Duplicate + in.Bad
}

// sends sends packets of 20 ms.
func (leg *impairedLeg) sends(t *testing.T, conn net.PacketConn, to net.Addr, packets int) {
	for i := range packets {
		b := make([]byte, 172, 200)
		b[0], b[11] = 0x80, 7
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		binary.BigEndian.PutUint32(b[4:], uint32(i)*160)
		if leg.out != nil {
			var err error
			if b, err = leg.out.EncryptRTP(nil, b, nil); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := conn.WriteTo(b, to); err != nil {
			t.Error(err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(time.Second)
}

// playThrough sends packets through an impaired network, and hands what comes out to the shard as its reader and the reporter do.
func (leg *impairedLeg) playThrough(t *testing.T, what testutil.Impairment, packets int) (trace, testutil.ImpairCounts) {
	network := testutil.NewPacketNet()
	near := network.Listen(t, "192.0.2.1:5060")
	what.Listen = func() (net.PacketConn, error) { return network.ListenPacket("udp", leg.at.Addr().String()+":0") }
	conn := testutil.Impair(network.Listen(t, leg.at.String()), what)
	go func() {
		leg.sends(t, conn, near.LocalAddr(), packets)
		_ = near.Close()
	}()
	tr, w, b := trace{came: map[uint16]int{}, away: map[uint16]bool{}, begin: time.Now()}, new(worker), make([]byte, packetSize)
	var ticked time.Time
	for {
		n, addr, err := near.ReadFrom(b)
		if err != nil {
			break
		}
		w.now = time.Now()
		if w.now.Sub(ticked) >= reportTick {
			ticked = w.now
			leg.s.engine.findLost([]*terminal{leg.m}, ticked)
		}
		seq, before := binary.BigEndian.Uint16(b[2:]), leg.heard()
		tr.end = addr.(*net.UDPAddr).AddrPort()
		leg.s.mu.RLock()
		leg.s.datagram(w, b[:n], tr.end, leg.s.remotes.of(tr.end))
		leg.s.mu.RUnlock()
		leg.s.latchAll(w)
		if leg.heard() > before {
			tr.take(seq, w.now)
		} else {
			tr.away[seq] = true
		}
	}
	counts := conn.Counts()
	_ = conn.Close()
	return tr, counts
}

// TestImpairedReports has the far side report of what we send, as it does through a bad network. More duplicates than losses are no loss.
func TestImpairedReports(t *testing.T) {
	var o sender
	o.ssrc.Store(1)
	o.stats.packets, o.rewrite.rate = 1000, 8000
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
