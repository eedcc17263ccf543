package engine

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
)

// notedBase counts what an agent sends by it, and what it is told to wait for.
type notedBase struct{ sent, awaited, learnt int }

func (b *notedBase) writeTo([]byte, netip.AddrPort) error { b.sent++; return nil }
func (b *notedBase) join(*stunConn)                       {}
func (b *notedBase) leave(*stunConn)                      {}
func (b *notedBase) awaits(transactionID, *stunConn)      { b.awaited++ }
func (b *notedBase) learn(netip.AddrPort, *stunConn)      { b.learnt++ }
func (b *notedBase) forget(*transport)                    {}

// Checks by a relay begin later than those by the shared port; answers to checks wait for nothing.
func TestChecksByRelaysComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for late, held := range map[time.Duration]int{0: 0, relayLate: 2} {
			at := new(notedBase)
			c := &stunConn{at: at, late: late, queue: newQueue()}
			answer := stun.MustBuild(stun.TransactionID, stun.BindingSuccess).Raw
			for i := range 5 { // as often as pion/ice does
				check := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
				for _, b := range [][]byte{check, answer} {
					if n, err := c.WriteToAddrPort(b, testPeer); n != len(b) || err != nil {
						t.Fatalf("%d of %d bytes, %v", n, len(b), err)
					}
				}
				if want := max(0, i+1-held); at.awaited != want || at.sent != want+i+1 || at.learnt != i+1 {
					t.Errorf("held back for %v: after %d checks and answers %+v", late, i+1, *at)
				}
				time.Sleep(200 * time.Millisecond)
			}
		}
	})
}

// Of what comes back from a STUN server, the answer to our question counts.
func TestMappingResponse(t *testing.T) {
	server, mapped := netip.MustParseAddrPort("192.0.2.1:3478"), netip.MustParseAddrPort("203.0.113.5:4242")
	id := transactionID{1, 2, 3}
	build := func(set ...stun.Setter) []byte {
		return stun.MustBuild(append([]stun.Setter{stun.NewTransactionIDSetter(id)}, set...)...).Raw
	}
	good := build(stun.BindingSuccess, xorAttr{stun.AttrXORMappedAddress, mapped})
	for name, c := range map[string]struct {
		b    []byte
		from netip.AddrPort
		id   transactionID
		ok   bool
	}{
		"good":          {good, server, id, true},
		"another's":     {good, testPeer, id, false},
		"another id":    {good, server, transactionID{9}, false},
		"an error":      {build(stun.BindingError, xorAttr{stun.AttrXORMappedAddress, mapped}), server, id, false},
		"no address":    {build(stun.BindingSuccess), server, id, false},
		"port 0":        {build(stun.BindingSuccess, xorAttr{stun.AttrXORMappedAddress, netip.AddrPortFrom(mapped.Addr(), 0)}), server, id, false},
		"no STUN":       {good[:10], server, id, false},
		"other's field": {build(stun.BindingSuccess, xorAttr{stun.AttrXORPeerAddress, mapped}), server, id, false},
	} {
		if got, ok := new(mapping).response(c.b, c.from, server, c.id); ok != c.ok || ok && got != mapped {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}
