package engine_test

import (
	"net"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// Legs with ports of their own cost no allocation per packet either, and calls that share an address of their far side's do not.
func TestOwnPortsDoNotAllocate(t *testing.T) {
	for name, p := range map[string]*media.Policy{"to the shared port": media.Phone(), "to a pair": ownPorts(media.Phone())} {
		t.Run(name, func(t *testing.T) {
			e := listenWith(t, &engine.Options{Ports: manyPorts()})
			a, b := newPhone(t), newPhone(t)
			ta, tb := open(t, e, ownPorts(media.Phone())), open(t, e, p)
			a.offer(ta, nil)
			b.offer(tb, nil)
			relayed(t, ta, tb)
			allocs(t, a, b)
			allocs(t, b, a)
		})
	}
	t.Run("on one address", func(t *testing.T) {
		e := listen(t)
		a, b := newPhone(t), newPhone(t)
		at := a.conn.LocalAddr().(*net.UDPAddr).AddrPort()
		a.to = e.Addr()
		ta, beside, tb := open(t, e, media.Phone()), open(t, e, media.Phone()), open(t, e, media.Phone())
		for ssrc, term := range map[uint32]media.Terminal{a.ssrc: ta, a.ssrc + 1: beside} {
			if _, err := term.Answer(naming(t, at, ssrc), nil); err != nil {
				t.Fatal(err)
			}
		}
		b.offer(tb, nil)
		relayed(t, ta, tb)
		allocs(t, a, b)
	})
}
