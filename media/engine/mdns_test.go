package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked is a local network that knows one address, whatever the name.
type asked struct {
	mu    sync.Mutex
	names []string
	wait  bool // nobody answers
}

func (a *asked) lookup(ctx context.Context, name string) (netip.Addr, error) {
	a.mu.Lock()
	a.names = append(a.names, name)
	wait := a.wait
	a.mu.Unlock()
	if wait {
		<-ctx.Done()
		return netip.Addr{}, ctx.Err()
	}
	return netip.MustParseAddr("::ffff:127.0.0.1"), nil
}

// named is a terminal that has answered candidates with names, on an engine that asks the given network.
func named(t *testing.T, network *asked, candidates ...string) *terminal {
	t.Helper()
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	e.names.lookup = network.lookup
	return checkedOn(t, e, candidates...).term
}

const aName = "3b2e1d0c-1111-4222-8333-444455556666.local"

// A browser's name is looked up and its address tried. Names of another form are nobody's business, and of many a few are taken.
func TestNamesOfCandidates(t *testing.T) {
	peer, network := socketOf(t), new(asked)
	port := peer.LocalAddr().(*net.UDPAddr).Port
	candidates := []string{
		"1 1 udp 2130706431 printer.office.local 9 typ host",
		"2 1 udp 2130706431 host.example.com 9 typ host",
		"3 1 tcp 2130706431 tcp.local 9 typ host tcptype passive",
		"4 2 udp 2130706431 second.local 9 typ host",
		fmt.Sprintf("5 1 udp 2130706431 %s %d typ host", aName, port),
	}
	for n := range 2 * maxNames {
		candidates = append(candidates, fmt.Sprintf("6 1 udp 2130706430 more%d.local 9 typ host", n))
	}
	term := named(t, network, candidates...)
	if class, _, ok := stunMessage(receive(t, peer)); !ok || class != stunRequest {
		t.Error("the address behind the name is not checked")
	}
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	network.mu.Lock()
	defer network.mu.Unlock()
	if len(network.names) != maxNames {
		t.Errorf("asked for %q, want %d names", network.names, maxNames)
	}
	for _, name := range network.names {
		if name != aName && !strings.HasPrefix(name, "more") {
			t.Errorf("asked for %q", name)
		}
	}
}

// Nobody waits for a name: not the answer, and not Close.
func TestNamesNobodyAnswers(t *testing.T) {
	network := &asked{wait: true}
	began := time.Now()
	term := named(t, network, "1 1 udp 2130706431 "+aName+" 9 typ host")
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d >= lookupLimit {
		t.Errorf("it took %v", d)
	}
	if n := &term.engine.names; n.busy != 0 {
		t.Errorf("%d lookups are left", n.busy)
	}
}

// The number of lookups is bounded over all calls.
func TestNamesBounded(t *testing.T) {
	network := &asked{wait: true}
	n := names{lookup: network.lookup}
	ctx, end := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for range maxLookups {
		work.Go(func() { _, _ = n.resolve(ctx, aName) })
	}
	for busy := 0; busy < maxLookups; {
		n.mu.Lock()
		busy = n.busy
		n.mu.Unlock()
	}
	if _, err := n.resolve(ctx, aName); !errors.Is(err, errNames) {
		t.Errorf("one more is looked up: %v", err)
	}
	end()
	work.Wait()
	network.wait = false
	if addr, err := n.resolve(t.Context(), aName); err != nil || addr.String() != "127.0.0.1" {
		t.Errorf("%v, %v", addr, err)
	}
}
