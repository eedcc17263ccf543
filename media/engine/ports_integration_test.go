package engine_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// manyPorts is a range that neither systems nor testutil.FreePort give ports from. Those that another test has are passed over.
func manyPorts() engine.PortRange { return engine.PortRange{First: 61000, Last: 65535} }

// twoPairs is a range of two pairs that nobody else has.
func twoPairs(t testing.TB) engine.PortRange {
	first := uint16(testutil.FreePort(t))
	return engine.PortRange{First: first, Last: first + 3}
}

func ownPorts(p *media.Policy) *media.Policy {
	own := *p
	own.OwnPorts = true
	return &own
}

// A leg with ports of its own names them, and is linked with one on the shared port and with another of its kind.
func TestOwnPorts(t *testing.T) {
	r := twoPairs(t)
	e := listenWith(t, &engine.Options{Ports: r})
	var phones [3]*phone
	var terms [3]media.Terminal
	for i, p := range []*media.Policy{ownPorts(media.Phone()), media.Phone(), ownPorts(media.Phone())} {
		phones[i], terms[i] = newPhone(t), open(t, e, p)
		phones[i].offer(terms[i], nil)
	}
	if own, shared, other := phones[0].to.Port(), phones[1].to, phones[2].to.Port(); own != r.First || shared != e.Addr() || other != r.First+2 {
		t.Fatalf("the legs are at %d, %s and %d, want %d, %s and %d", own, shared, other, r.First, e.Addr(), r.First+2)
	}
	for _, ways := range [][2]int{{0, 1}, {0, 2}} {
		relay, err := media.NewRelay(terms[ways[0]], terms[ways[1]], nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			for _, way := range [][2]int{ways, {ways[1], ways[0]}} {
				want := fmt.Sprintf("%d from %d", i, way[0])
				phones[way[0]].send([]byte(want))
				if got, err := phones[way[1]].next(); err != nil || got != want {
					t.Fatalf("%d hears %q, %v, want %q", way[1], got, err, want)
				}
			}
		}
		_ = relay.Close()
	}
	if s := e.Stats(); s.Strays != 0 {
		t.Errorf("%d strays", s.Strays)
	}
}

// Where a pair is in use or taken by another program the next is given, where all are the call is refused with the limit's name, and a
// closed call's pair comes back, the one that was closed last the last.
func TestOwnPortsExhausted(t *testing.T) {
	r := twoPairs(t)
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(r.First) + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	e := listenWith(t, &engine.Options{Ports: r})
	full := func(when string) {
		t.Helper()
		if _, err := e.Open(ownPorts(media.Phone()), nil); !errors.Is(err, engine.ErrFull) || !strings.Contains(err.Error(), "Options.Ports") {
			t.Errorf("%s: %v, want that it is full, for want of ports", when, err)
		}
		if n := e.Stats().Terminals; n != 1 {
			t.Errorf("%s: %d terminals, want 1", when, n)
		}
	}
	portOf := func(term media.Terminal) uint16 {
		t.Helper()
		d, err := term.Offer(nil)
		if err != nil {
			t.Fatal(err)
		}
		return addrOf(t, d).Port()
	}
	a := open(t, e, ownPorts(media.Phone()))
	if got := portOf(a); got != r.First+2 {
		t.Errorf("port %d is given while another program has %d, want %d", got, r.First+1, r.First+2)
	}
	full("another program has one pair")
	_ = taken.Close()
	b := open(t, e, ownPorts(media.Phone()))
	if got := portOf(b); got != r.First {
		t.Errorf("port %d, want %d, which the other program has left", got, r.First)
	}
	_ = a.Close()
	_ = b.Close()
	for _, want := range []uint16{r.First + 2, r.First, r.First + 2} {
		term := open(t, e, ownPorts(media.Phone()))
		if got := portOf(term); got != want {
			t.Errorf("port %d, want %d, which has been free for the longest", got, want)
		}
		_ = term.Close()
	}
	if _, err := open(t, e, media.Phone()).Offer(nil); err != nil {
		t.Errorf("a call on the shared port: %v", err)
	}
}

func TestOwnPortsWithoutRange(t *testing.T) {
	e := listen(t)
	if _, err := e.Open(ownPorts(media.Phone()), nil); err == nil || errors.Is(err, engine.ErrFull) || !strings.Contains(err.Error(), "Options.Ports") {
		t.Errorf("got %v, want that there is no range", err)
	}
	if n := e.Stats().Terminals; n != 0 {
		t.Errorf("%d terminals", n)
	}
	if e, err := engine.Listen("127.0.0.1:0", &engine.Options{Ports: engine.PortRange{First: 9, Last: 5}}); err == nil {
		_ = e.Close()
		t.Error("a range without ports is taken")
	}
}

// What a call takes for its ports is two sockets and two goroutines, and it is all given back at once.
func TestOwnPortsCost(t *testing.T) {
	e := listenWith(t, &engine.Options{Ports: manyPorts()})
	for _, calls := range []int{1, 10, 100} {
		var wrong error
		for range 5 { // what an earlier test has left to the system may end in between
			if wrong = cost(t, e, calls); wrong == nil {
				break
			}
		}
		if wrong != nil {
			t.Errorf("%d calls: %v", calls, wrong)
		}
	}
}

// cost opens and closes calls and says what is wrong with what they take.
func cost(t *testing.T, e *engine.Engine, calls int) error {
	t.Helper()
	expectReaders(t, 2) // of the engine's own ports
	before := testutil.OpenFDs(t)
	terms := make([]media.Terminal, calls)
	for i := range terms {
		terms[i] = open(t, e, ownPorts(media.Phone()))
		if _, err := terms[i].Answer(offerOf(t, pcmu(), netip.MustParseAddrPort("127.0.0.1:9")), nil); err != nil {
			t.Fatal(err)
		}
	}
	sockets := testutil.OpenFDs(t) - before
	expectReaders(t, 2+2*calls)
	for _, term := range terms {
		_ = term.Close()
	}
	left := testutil.OpenFDs(t) - before
	expectReaders(t, 2)
	if sockets != 2*calls || left != 0 {
		return fmt.Errorf("%d sockets, and %d after the end, want %d and none", sockets, left, 2*calls)
	}
	return nil
}

// expectReaders waits for a number of goroutines that read from sockets: one that has ended is still there for a moment.
func expectReaders(t *testing.T, n int) {
	t.Helper()
	stacks := make([]byte, 16<<20)
	eventually(t, fmt.Sprint(n, " readers"), func() bool {
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "engine.(*shard).read(") == n
	})
}
