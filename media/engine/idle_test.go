package engine_test

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// footprint is what a process holds: bytes of live objects and of stacks, and goroutines.
type footprint struct{ heap, stacks, goroutines int64 }

// footprintNow looks after a collection, which also frees what is too large of the stacks.
func footprintNow() footprint {
	runtime.GC()
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(s)
	return footprint{int64(s[0].Value.Uint64()), int64(s[1].Value.Uint64()), int64(s[2].Value.Uint64())}
}

// settled returns the footprint once the collector finds nothing more to free.
func settled() footprint {
	least := footprintNow()
	for range 5 {
		now := footprintNow()
		least = footprint{min(least.heap, now.heap), min(least.stacks, now.stacks), min(least.goroutines, now.goroutines)}
	}
	return least
}

// costs waits until each leg holds no more bytes and goroutines than it may, beyond what there was before: what setting it up has left is
// collected bit by bit. Legs without goroutines have no stacks either: then those are the test's own.
func costs(t *testing.T, legs int64, before footprint, bytes, goroutines int64) {
	t.Helper()
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		now := footprintNow()
		heap, stacks, others := (now.heap-before.heap)/legs, (now.stacks-before.stacks)/legs, now.goroutines-before.goroutines
		if goroutines == 0 {
			stacks = 0
		}
		if others <= goroutines*legs && (raced || heap+stacks <= bytes) { // the race detector keeps books of its own
			t.Logf("%d bytes live, %d of stacks and %.1f goroutines a leg", heap, stacks, float64(others)/float64(legs))
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d legs have %d goroutines, %d bytes live and %d of stacks each; want at most %d each, and %d bytes", legs, others, heap, stacks, goroutines, bytes)
		}
	}
}

// What a leg may hold while nothing passes.
const (
	idlePlain  = 2 << 10
	idleMore   = 2<<10 + 256 // of a plain one that rings, so that other forks may still answer our offer
	idleSecure = 64 << 10
)

// accept is offer for a phone that is called, has the codecs of a policy, and rings.
func (p *phone) accept(policy *media.Policy, term media.Terminal) {
	p.t.Helper()
	offer, err := term.Offer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	_, answer, err := media.Negotiation{}.Answer(policy, media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil, offer)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := term.Accept(answer); err != nil {
		p.t.Fatal(err)
	}
	p.to = addrOf(p.t, offer)
}

// An idle call costs next to nothing: of a plain one some state and no goroutine, of one with ICE and DTLS the four goroutines of its
// agent. After Close nothing is left. A plain leg is measured once it is connected, before anything has passed, and again when sound and
// reports have gone both ways.
func TestIdlePlainCall(t *testing.T) {
	for _, c := range []struct {
		name    string
		connect func(p *phone, term media.Terminal)
		bytes   int64
	}{
		{"answered", func(p *phone, term media.Terminal) { p.offer(term, nil) }, idlePlain},
		{"answered with every codec", func(p *phone, term media.Terminal) { p.offerAs(media.Phone(), term, nil) }, idlePlain},
		{"offered", func(p *phone, term media.Terminal) { p.accept(pcmu(), term); term.Answered() }, idlePlain},
		{"offered every codec", func(p *phone, term media.Terminal) { p.accept(media.Phone(), term); term.Answered() }, idlePlain},
		{"offered, and answered when the call was up", func(p *phone, term media.Terminal) { term.Answered(); p.accept(pcmu(), term) }, idlePlain},
		{"ringing", func(p *phone, term media.Terminal) { p.accept(media.Phone(), term) }, idleMore},
	} {
		t.Run(c.name, func(t *testing.T) { idlePlainCall(t, c.connect, c.bytes) })
	}
}

func idlePlainCall(t *testing.T, connect func(*phone, media.Terminal), bytes int64) {
	const legs = 400
	policy := media.Phone()
	e := listen(t)
	talk := func(p *phone, term media.Terminal) {
		for range 3 {
			p.send([]byte("hello"))
		}
		write(t, term, 3)
		counts(t, term, "packets", taken, 3)
		engine.Report(term)
	}
	first, p := open(t, e, policy), newPhone(t)
	connect(p, first) // tables that all share
	talk(p, first)
	var phones []*phone
	var terms []media.Terminal
	for range legs {
		phones = append(phones, newPhone(t))
	}
	terms = make([]media.Terminal, 0, legs)
	before := settled()
	for _, p := range phones {
		term := open(t, e, policy)
		connect(p, term)
		terms = append(terms, term)
	}
	costs(t, legs, before, bytes, 0)
	for i, term := range terms {
		talk(phones[i], term)
	}
	costs(t, legs, before, bytes, 0)
	for _, term := range terms {
		_ = term.Close()
	}
	clear(terms)
	costs(t, legs, before, 1<<10, 0) // the tables stay as large as they were
	_ = first.Close()
}

func TestIdleSecureCall(t *testing.T) {
	const calls = 30
	e1 := listen(t)
	var far []*engine.Engine // one each: calls of two engines would share one pair of addresses
	for range calls {
		far = append(far, listen(t))
	}
	before := settled()
	var near, others []media.Terminal
	for _, e2 := range far {
		up, down := open(t, e1, media.AlexaCalling()), open(t, e2, media.AlexaCalling())
		offer, err := up.Offer(g711())
		if err != nil {
			t.Fatal(err)
		}
		answer, err := down.Answer(offer, g711())
		if err != nil {
			t.Fatal(err)
		}
		if err := up.Accept(answer); err != nil {
			t.Fatal(err)
		}
		near, others = append(near, up), append(others, down)
	}
	for i := range calls {
		say(t, near[i], others[i])
		say(t, others[i], near[i])
	}
	costs(t, 2*calls, before, idleSecure, 4)
	for i := range calls {
		_, _ = near[i].Close(), others[i].Close()
	}
	clear(near)
	clear(others)
	costs(t, 2*calls, before, idleSecure/2, 0) // an agent's check loop is told to end, not joined, by its Close
}
