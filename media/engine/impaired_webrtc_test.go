package engine_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// impairedBrowser is a browser in a network that spoils what it sends, behind a NAT that forgets it.
type impairedBrowser struct {
	*browser
	conn *testutil.ImpairedConn

	mu         sync.Mutex
	rand       *rand.Rand
	sent, lost uint64 // packets of sound
}

// loses decides what happens to a packet of sound. The rest comes through: a lost check or flight costs time, and nothing is counted of it.
func (b *impairedBrowser) loses(p []byte, _ net.Addr) bool {
	if !isMedia(p) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := b.rand.Float64() < 0.05
	if b.sent++; lost {
		b.lost++
	}
	return lost
}

func newImpairedBrowser(t *testing.T) *impairedBrowser {
	t.Helper()
	b := &impairedBrowser{rand: rand.New(rand.NewPCG(7, 7))}
	other := func() (net.PacketConn, error) { return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) }
	conn, err := other()
	if err != nil {
		t.Fatal(err)
	}
	b.conn = testutil.Impair(conn, testutil.Impairment{
		Seed: 7, Duplicate: 0.03, Reorder: 0.03, ReorderBy: 10 * time.Millisecond, Jitter: 3 * time.Millisecond,
		Rebind: 400, Listen: other, Drop: b.loses,
	})
	mux := webrtc.NewICEUDPMux(nil, b.conn)
	t.Cleanup(func() { _ = mux.Close() }) // behind the browser
	b.browser = newBrowser(t, func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetICETimeouts(5*time.Second, 25*time.Second, 100*time.Millisecond)
	})
	return b
}

// speaks sends packets of sound, faster than people speak.
func (b *impairedBrowser) speaks(packets int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range packets {
		<-tick.C
		_ = b.track.WriteRTP(&rtp.Packet{
			Header: rtp.Header{Version: 2, SequenceNumber: b.seq, Timestamp: uint32(b.seq) * 160}, Payload: []byte("from the browser"),
		})
		b.seq++
	}
}

// line holds what a phone hears against one unbroken stream, and returns how many packets that were.
func line(t *testing.T, p *phone) func() int {
	t.Helper()
	came, offset := map[uint16]bool{}, uint32(0)
	var work sync.WaitGroup
	work.Go(func() {
		for b := make([]byte, 2048); ; {
			n, _, err := p.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if n < 12 || b[1] >= 192 && b[1] <= 223 {
				continue
			}
			seq, at := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
			line := at - uint32(seq)*160
			if len(came) == 0 {
				offset = line
			}
			if came[seq] || line != offset {
				t.Errorf("number %d at %d: twice %v, want it at %d", seq, at, came[seq], offset+uint32(seq)*160)
			}
			came[seq] = true
		}
	})
	return func() int {
		_ = p.conn.Close()
		work.Wait()
		return len(came)
	}
}

// TestImpairedWebRTC sends sound under ICE and DTLS through a network that loses, repeats and reorders packets, and a NAT that gives the far
// side other ports: the statistics are right, what goes out on the other side is one stream, and both hear each other in the end.
func TestImpairedWebRTC(t *testing.T) {
	t.Parallel()
	const packets = 1500
	e := listen(t)
	engine.SetMoved(e, 100*time.Millisecond)
	term, failed := openFailing(t, e)
	b := newImpairedBrowser(t)
	answer, err := term.Answer(b.offer(), g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
	out, p := open(t, e, media.Phone()), newPhone(t)
	p.offer(out, nil)
	bothHear(t, term, b.browser)
	linked(t, term, out)
	heard := line(t, p)
	b.speaks(packets)
	eventually(t, "the terminal sends to the port that the far side has now", func() bool {
		return engine.RemoteOf(term) == b.conn.LocalAddr().String()
	})
	b.drain()
	bothHear(t, term, b.browser)

	done, in := b.conn.Counts(), incoming(term)
	b.mu.Lock()
	sent, lost := b.sent, b.lost
	b.mu.Unlock()
	away := e.Stats().Strays
	if total := float64(in.Packets + in.Lost); total > float64(sent) || total < 0.98*float64(sent) {
		t.Errorf("%d taken and %d lost: %d were sent", in.Packets, in.Lost, sent)
	}
	if in.Packets > sent-lost || float64(in.Packets) < 0.98*float64(sent-lost-away) || in.Lost < lost {
		t.Errorf("%d taken and %d lost: %d were sent, %d of these are lost, %d had come from another port", in.Packets, in.Lost, sent, lost, away)
	}
	if done.Rebound < 2 || away == 0 || in.Replayed == 0 || in.Replayed > in.Bad || in.Bad > done.Duplicated || in.Unknown > 0 {
		t.Errorf("%+v of %+v", in, done)
	}
	if n := heard(); float64(n) < 0.98*float64(packets-lost-away) {
		t.Errorf("%d packets have gone out, %d have come in", n, in.Packets)
	}
	if failed.n.Load() != 0 {
		t.Errorf("failed: %v", failed.last.Load())
	}
}
