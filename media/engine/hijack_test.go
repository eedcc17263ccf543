package engine_test

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/engine"
)

// attackTable has attacks on a call that stands, whose far side can be spoofed: nothing of them is heard, nothing goes to the attacker, and the call goes on.
var attackTable = []struct {
	name   string
	spoofs bool // it needs packets that come from the far side's own address, or that it has sent
	run    func(t *testing.T, v *victim, evil []*stranger)
}{
	{"inject", false, func(_ *testing.T, v *victim, evil []*stranger) {
		for i := range uint16(500) {
			for n, s := range evil {
				ssrc := uint32(666) // of the far side's own address only the source tells a stranger
				if n > 0 {
					ssrc = 0x5eed
				}
				s.send(append(clearRTP(ssrc, i), "evil"...))
			}
			if v.secure && v.spoof != nil {
				v.spoof(append(clearRTP(0x5eed, i), "evil, in the clear"...))
			}
		}
	}},
	{"bleed", false, func(t *testing.T, v *victim, evil []*stranger) {
		stop := chat(t, v.term, "us while somebody knocks")
		defer stop()
		for range 200 {
			for _, s := range evil {
				s.send(append(clearRTP(666, 7), "give me that"...))
				s.send([]byte{0x80, 201, 0, 1, 0, 0, 0x5e, 0xed}) // RTCP
				s.send(hello(1))
			}
			runtime.Gosched()
		}
	}},
	{"NAT rebinding", true, func(_ *testing.T, v *victim, evil []*stranger) {
		old, moves := v.at(), 0
		v.move()
		for i := range uint16(100) {
			for n, s := range evil {
				ssrc := uint32(666)
				if n > 0 {
					ssrc = 0x5eed
				}
				s.send(append(clearRTP(ssrc, 5000+i), "evil"...))
			}
		}
		eventually(v.t, "the call is found at its new port", func() bool {
			moves++
			v.say(fmt.Sprint("far moves ", moves))
			return engine.RemoteOf(v.term) == portOf(v.at()).String()
		})
		if old == v.at() {
			v.t.Error("it has not moved")
		}
	}},
	{"replay", true, func(t *testing.T, v *victim, evil []*stranger) {
		var all [][]byte
		for range 10 {
			v.stands()
			all = append(all, bytes.Clone(v.wire()))
		}
		before := incoming(v.term)
		for range 50 {
			for _, b := range all {
				v.spoof(b)
				for n, s := range evil {
					if v.secure || n > 0 {
						s.send(b)
					}
				}
			}
		}
		eventually(t, "they are counted", func() bool {
			in := incoming(v.term)
			return in.Bad+in.Duplicate+in.Late > before.Bad+before.Duplicate+before.Late+100
		})
	}},
	{"bad tags", true, func(t *testing.T, v *victim, _ []*stranger) {
		const rounds, each = 40, 500
		before := incoming(v.term).Bad
		for round := range rounds {
			for i := range each {
				b := bytes.Clone(v.wire())
				b[3]++ // none that we know
				b[len(b)-1-i%10] ^= byte(1 + round)
				if !v.secure {
					b = header(0xa0, 0, byte(i)|0x80) // more padding than packet
				}
				v.spoof(b)
			}
			want := before + uint64(each*(round+1))
			eventually(t, "all of them are counted", func() bool { return incoming(v.term).Bad == want })
		}
	}},
}

// TestHijack attacks calls of each kind that stand.
func TestHijack(t *testing.T) {
	t.Parallel()
	for _, kind := range victimTable {
		for _, attack := range attackTable {
			if attack.spoofs && kind.alone {
				continue
			}
			t.Run(kind.name+"/"+attack.name, func(t *testing.T) {
				t.Parallel()
				e := listen(t)
				engine.SetHeal(e, 200*time.Millisecond)
				engine.SetMoved(e, 200*time.Millisecond)
				v := kind.open(t, e)
				v.stands()
				evil := strangers(t, e)
				attack.run(t, v, evil)
				v.stands()
				for _, s := range evil {
					s.gotNothing()
				}
			})
		}
	}
}

// hello returns a ClientHello of DTLS with nothing that anybody supports.
func hello(n int) []byte {
	b := append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n), 0, 54, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 254, 253}, make([]byte, 32)...)
	return append(b, 0, 0, 0, 2, 0xfa, 0xfa, 1, 0)
}

// TestHijackHellos sets up calls of each kind while strangers send 10,000 hostile hellos: one has to be ours to be answered.
func TestHijackHellos(t *testing.T) {
	t.Parallel()
	for _, kind := range victimTable {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			const hellos = 10_000
			e := listen(t)
			evil := strangers(t, e)
			var work sync.WaitGroup
			for _, s := range evil {
				work.Go(func() {
					for n := range hellos / len(evil) {
						_, _ = s.conn.WriteToUDPAddrPort(hello(n), s.to)
						if n%64 == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			v := kind.open(t, e)
			v.stands()
			work.Wait()
			v.stands()
			if e.Stats().Strays == 0 {
				t.Error("no hello was turned away")
			}
			for _, s := range evil {
				s.gotNothing()
			}
		})
	}
}
