package engine_test

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

const (
	frameTime   = time.Second / 30
	framesASec  = 30
	keyPackets  = 12
	sceneChange = 20 // the frame that is a key frame unasked, and is lost
)

// camera sends pictures through a bad network: a key frame at the beginning, one at a scene's change, and one whenever it is asked. It sends
// packets again where that was agreed on.
type camera struct {
	*watcher
	net   *testutil.ImpairedConn
	moves bool // its NAT forgets it before the scene changes

	mu    sync.Mutex
	asked bool
	kept  map[uint16][]byte // with their headers
	frame int               // last sent
	rtx   uint16
}

// runs sends frames until stop is closed.
func (c *camera) runs(stop <-chan struct{}) {
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for frame := 0; ; frame++ {
		c.picture(frame)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func (c *camera) picture(frame int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves && frame == sceneChange {
		_ = c.net.Rebind()
	}
	key := frame == 0 || frame == sceneChange || c.asked
	if c.frame = frame; key {
		c.asked = false
	}
	n := 2
	if key {
		n = keyPackets
	}
	for i := range n {
		b := make([]byte, 12)
		b[0], b[1] = 0x80, c.section.Out[0].Number
		if i == n-1 {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], c.seq)
		binary.BigEndian.PutUint32(b[4:], uint32(frame*3000))
		binary.BigEndian.PutUint32(b[8:], c.ssrc)
		kind := byte('D')
		if key {
			kind = 'K'
		}
		b = append(b, kind, byte(frame>>8), byte(frame), byte(i))
		c.kept[c.seq] = b
		c.seq++
		_, _ = c.net.WriteToUDPAddrPort(b, c.to)
	}
}

// hears takes the engine's feedback until the socket is closed.
func (c *camera) hears() {
	b := make([]byte, 2048)
	for {
		n, _, err := c.net.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(b[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				c.mu.Lock()
				c.asked = true
				c.mu.Unlock()
			case *rtcp.TransportLayerNack:
				for _, pair := range p.Nacks {
					c.repeats(pair.PacketList())
				}
			}
		}
	}
}

// repeats sends packets again.
func (c *camera) repeats(seqs []uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, seq := range seqs {
		b := append([]byte(nil), c.kept[seq]...)
		if repairs := c.section.RepairOut; repairs != nil && len(b) > 0 {
			c.rtx++
			payload := append(binary.BigEndian.AppendUint16(nil, seq), b[12:]...)
			b[1] = b[1]&0x80 | repairs[0].Number
			binary.BigEndian.PutUint16(b[2:], c.rtx)
			binary.BigEndian.PutUint32(b[8:], 88)
			b = append(b[:12], payload...)
		}
		_, _ = c.net.WriteToUDPAddrPort(b, c.to)
	}
}

// TestLostKeyFrame loses a key frame, in part or as a whole, in a network that also repeats and reorders packets and, where they are sent
// again, loses others, or has the far side come from another port from then on: a whole one has come before 30 more frames were sent, which
// is a second.
func TestLostKeyFrame(t *testing.T) {
	bad := testutil.Impairment{Duplicate: 0.03, Reorder: 0.03, ReorderBy: 10 * time.Millisecond, Jitter: 3 * time.Millisecond}
	worse := bad
	worse.Loss = 0.05
	for _, c := range []struct {
		name        string
		feedback    media.Feedback
		rtx         bool
		first, last byte // packets of the key frame that are lost
		moves       bool
		net         testutil.Impairment
	}{
		{"PLI, a part", media.PLI, false, 3, 5, false, bad},
		{"PLI, the whole", media.PLI, false, 0, keyPackets - 1, false, bad},
		{"PLI, rebinding", media.PLI, false, 1, 0, true, bad},
		{"FIR", media.FIR, false, 2, 2, false, bad},
		{"NACK", media.NACK | media.PLI, false, 3, 5, false, worse},
		{"NACK, rebinding", media.NACK | media.PLI, false, 1, 0, true, worse},
		{"RTX", media.NACK | media.PLI, true, 0, keyPackets - 1, false, worse},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := repairing(c.rtx)
			p.Feedback = c.feedback
			e := listen(t)
			engine.SetHeal(e, 100*time.Millisecond)
			ta, tb := open(t, e, p), open(t, e, repairing(false))
			cam, b := &camera{watcher: watches(t, ta, p), moves: c.moves, kept: map[uint16][]byte{}}, watches(t, tb, repairing(false))
			seesEach(t, ta, tb)
			lost := map[byte]bool{} // each once: what is sent again is not
			c.net.Seed = 3
			rtp := func(b []byte) []byte {
				if b[1]&0x7f == cam.section.Out[0].Number {
					return b[12:]
				}
				return b[14:]
			}
			c.net.Drop = func(b []byte, _ net.Addr) bool {
				pic := rtp(b)
				drop := pic[0] == 'K' && pic[2] == sceneChange && pic[3] >= c.first && pic[3] <= c.last && !lost[pic[3]]
				if drop {
					lost[pic[3]] = true
				}
				return drop
			}
			c.net.Listen = func() (net.PacketConn, error) { return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) }
			cam.net = testutil.Impair(cam.conn, c.net)
			stop := make(chan struct{})
			var work sync.WaitGroup
			work.Go(func() { cam.runs(stop) })
			work.Go(cam.hears)
			defer func() { close(stop); _ = cam.net.Close(); work.Wait() }()
			parts := map[byte]map[byte]bool{}
			for {
				_, _, _, pic := b.sees()
				if pic[0] != 'K' || pic[2] < sceneChange {
					continue
				}
				if parts[pic[2]] == nil {
					parts[pic[2]] = map[byte]bool{}
				}
				if parts[pic[2]][pic[3]] = true; len(parts[pic[2]]) < keyPackets {
					continue
				}
				cam.mu.Lock()
				later := cam.frame - sceneChange
				cam.mu.Unlock()
				if later > framesASec {
					t.Errorf("a whole key frame came %d frames later, want %d at most", later, framesASec)
				}
				break
			}
			in := ta.Stream(media.Video).Stats().In
			if c.feedback.Has(media.NACK) != (in.Repaired > 0) || len(lost) != int(c.last)-int(c.first)+1 {
				t.Errorf("lost %d, statistics: %+v", len(lost), in)
			}
		})
	}
}
