package engine

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// crowded is an engine with calls on one address that name the sources 1, 2 and so on.
func crowded(t testing.TB, calls int) (*shard, netip.AddrPort, []*transport) {
	t.Helper()
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	s, at := e.shards[0], netip.MustParseAddrPort("192.0.2.1:5000")
	all := make([]*transport, calls)
	for i := range all {
		all[i] = newTerminal(e, s, media.Phone(), nil).transport
		if _, ok := s.claim(at, all[i], &sources{named: []uint32{uint32(i + 1)}, told: true}); !ok {
			t.Fatalf("call %d is refused", i)
		}
		all[i].far.Store(&at)
	}
	return s, at, all
}

// However calls come and go, a source is its call's or nobody's, and no more share an address than may.
func TestCrowdMembers(t *testing.T) {
	s, at, all := crowded(t, maxCrowd)
	refused := newTerminal(s.engine, s, media.Phone(), nil).transport
	if _, ok := s.claim(at, refused, &sources{named: []uint32{1000}, told: true}); ok || refused.sources.tell() {
		t.Error("one call too many is taken")
	}
	rtp := make([]byte, rtpHeaderSize)
	rtp[0] = 128
	owner := func(ssrc uint32) *transport {
		binary.BigEndian.PutUint32(rtp[8:], ssrc)
		if at := s.remotes.of(at); at != nil {
			return at.crowd.find(&worker{now: time.Now()}, rtp)
		}
		return nil
	}
	for i, tr := range all {
		if owner(uint32(i+1)) != tr || owner(1000) != nil {
			t.Errorf("the source %d is not its call's, or an unknown one is somebody's", i+1)
		}
	}
	for i, tr := range all {
		s.forget(tr)
		if owner(uint32(i+1)) != nil || i+1 < maxCrowd && owner(uint32(i+2)) != all[i+1] {
			t.Errorf("the end of call %d is not its own alone", i)
		}
	}
	if s.remotes.of(at) != nil {
		t.Error("an address that all have left is somebody's")
	}
}

// A call that is described elsewhere leaves its place to the others.
func TestCrowdLeft(t *testing.T) {
	s, at, all := crowded(t, 2)
	elsewhere := netip.MustParseAddrPort("192.0.2.1:6000")
	all[0].far.Store(&elsewhere)
	third := newTerminal(s.engine, s, media.Phone(), nil).transport
	if undo, ok := s.claim(at, third, &sources{named: []uint32{1}, told: true}); !ok {
		t.Error("the source of a call that is elsewhere is refused to another")
	} else if undo(); s.remotes.of(at).holds(third.t) || !s.remotes.of(at).holds(all[1].t) || s.remotes.of(at).holds(all[0].t) || third.sources.tell() {
		t.Error("what was undone has left something")
	}
}

func FuzzCrowd(f *testing.F) {
	s, at, all := crowded(f, 2)
	c := s.remotes.of(at).crowd
	f.Add([]byte{128, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{128, 201, 0, 1, 0, 0, 0, 2})
	f.Add([]byte{128, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0})
	f.Add([]byte{22, 254, 253})
	f.Add([]byte{128})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &worker{now: time.Now()}
		for _, tr := range []*transport{c.find(w, b), c.reporter(b)} {
			switch {
			case tr == nil:
			case tr != all[0] && tr != all[1]:
				t.Fatal("a stranger")
			case len(b) < rtcpSize || b[0] < 128:
				t.Fatal("a packet without a source has a call")
			}
		}
	})
}
