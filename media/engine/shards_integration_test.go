package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// listenWith is listen with options.
func listenWith(t testing.TB, o *engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// New terminals go to the shard with the fewest, and each is named by its shard's address.
func TestShardsShare(t *testing.T) {
	e := listenWith(t, &engine.Options{Shards: 2})
	where := func() (media.Terminal, netip.AddrPort) {
		t.Helper()
		term := open(t, e, media.Phone())
		offer, err := term.Offer(nil)
		if err != nil {
			t.Fatal(err)
		}
		return term, addrOf(t, offer)
	}
	a, first := where()
	_, second := where()
	if first == second || first.Port()%2 != 0 || second.Port()%2 != 0 {
		t.Fatalf("two calls are at %s and %s, want one on each shard", first, second)
	}
	_, _ = where()
	_, _ = where()
	_ = a.Close()
	if _, at := where(); at != first {
		t.Errorf("after the end of a call at %s the next one is at %s", first, at)
	}
	for _, ours := range []netip.AddrPort{first, second} {
		offer := offerOf(t, pcmu(), ours)
		if _, err := open(t, e, media.Phone()).Answer(offer, nil); !errors.Is(err, media.ErrRefused) {
			t.Errorf("a description that names %s, a port of ours, is answered with %v", ours, err)
		}
	}
}

// offerOf is an offer of a far side at an address.
func offerOf(t testing.TB, p *media.Policy, at netip.AddrPort) media.Description {
	t.Helper()
	_, d, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: at.Addr().String(), Port: at.Port(), RTCPPort: at.Port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestShardsLimits(t *testing.T) {
	for _, c := range []struct {
		addr   string
		shards int
	}{{"127.0.0.1:0", 65}, {"127.0.0.1:65532", 3}} {
		if e, err := engine.Listen(c.addr, &engine.Options{Shards: c.shards}); err == nil {
			_ = e.Close()
			t.Errorf("%d shards at %s: no error", c.shards, c.addr)
		}
	}
}

// Calls whose two legs live on different shards are carried by the reader of each leg's own shard, many at a time.
func TestShardsLink(t *testing.T) {
	const calls, packets = 10, 20
	e := listenWith(t, &engine.Options{Shards: 3})
	var all sync.WaitGroup
	for n := range calls {
		a, b := newPhone(t), newPhone(t)
		ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
		a.offer(ta, nil)
		b.offer(tb, nil)
		if a.to == b.to {
			t.Fatalf("both legs are at %s", a.to)
		}
		r, err := media.NewRelay(ta, tb, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		all.Go(func() {
			for i := range packets {
				for _, way := range [][2]*phone{{a, b}, {b, a}} {
					want := fmt.Sprintf("%d of call %d", i, n)
					way[0].send([]byte(want))
					if got, err := way[1].next(); err != nil || got != want {
						t.Errorf("got %q, %v, want %q", got, err, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if s := e.Stats(); s.Strays != 0 || s.Terminals != 2*calls {
		t.Errorf("got %+v", s)
	}
}

// A protected leg on one shard and a plain one on another: ICE and the handshake find the shard that the description names.
func TestShardsProtected(t *testing.T) {
	e := listenWith(t, &engine.Options{Shards: 2})
	first, browser, _ := connected(t, e, true)
	second := newPhone(t)
	plain := open(t, e, media.Phone())
	second.offer(plain, g711())
	r, err := media.NewRelay(first, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stop := browser.talk("from one shard to another")
	defer stop()
	got, err := second.next()
	for err == nil && got == "from the browser" { // of the call's beginning, and still on its way
		got, err = second.next()
	}
	if err != nil || got != "from one shard to another" {
		t.Errorf("got %q, %v", got, err)
	}
	if addr := second.to; addr == e.Addr() {
		t.Errorf("both legs are on the shard at %s", addr)
	}
}
