package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// BenchmarkPacket is what a packet of sound costs from the datagram to the one that goes out, without the system: of many calls in turn,
// as they come.
func BenchmarkPacket(b *testing.B) {
	for _, calls := range []int{1, 400} {
		b.Run(fmt.Sprintf("calls=%d", calls), func(b *testing.B) {
			e, err := Listen("127.0.0.1:0", nil)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			from := make([]netip.AddrPort, calls)
			for i := range from {
				in := legAt(b, e, fmt.Sprintf("192.0.2.1:%d", 5004+4*i), media.Plain)
				out := legAt(b, e, fmt.Sprintf("192.0.2.2:%d", 5004+4*i), media.Plain)
				from[i] = in.at
				unlink, ok := in.m.sound.Link(out.m.sound, nil)
				if !ok {
					b.Fatal("not linked")
				}
				defer unlink()
			}
			s, w, pkt := e.shards[0], newWorker(64), make([]byte, 172, 256)
			w.now = time.Now()
			s.mu.RLock()
			defer s.mu.RUnlock()
			b.ReportAllocs()
			for i, seq := 0, 0; b.Loop(); i++ {
				if i == calls {
					i = 0
					seq++
					w.now = w.now.Add(20 * time.Millisecond)
				}
				pkt[0], pkt[1], pkt[11] = 0x80, 0, 7
				binary.BigEndian.PutUint16(pkt[2:], uint16(seq))
				binary.BigEndian.PutUint32(pkt[4:], uint32(seq*160))
				s.datagram(w, pkt, from[i], s.remotes.of(from[i]))
				if w.outs[0].n > 32 {
					w.outs[0].n = 0
				}
			}
		})
	}
}
