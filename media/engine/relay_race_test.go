package engine

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// What comes over a relay is taken beside the shard's readers, and while a call gives its addresses up. The race detector finds what is not
// guarded.
func TestRelayBesideShard(t *testing.T) {
	const packets = 500
	c := newChecked(t)
	r, tr, key := newRelay(c.e, new(TURNServer), nil), c.term.transport, media.NewKey(media.AES128GCM)
	in, err := newContext(key)
	if err != nil {
		t.Fatal(err)
	}
	far, err := newContext(key)
	if err != nil {
		t.Fatal(err)
	}
	c.term.crypt.set(in, in)
	r.remotes[testPeer] = tr
	var work sync.WaitGroup
	work.Go(func() {
		w := new(worker)
		for i := range packets {
			b := make([]byte, 172, 200)
			b[0], b[11] = 0x80, 7
			binary.BigEndian.PutUint16(b[2:], uint16(i))
			sealed, err := far.EncryptRTP(nil, b, nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.datagram(w, sealed, testPeer)
		}
	})
	for range packets {
		c.e.shards[0].forget(tr)
	}
	work.Wait()
	got := c.term.Stream(media.Audio).Stats().In
	if got.Packets+got.Unknown != packets {
		t.Errorf("of %d packets came %+v", packets, got)
	}
}
