package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// Several plain calls that a far side puts on one address are told apart by our ports, and none hears another.
func TestSharedAddress(t *testing.T) {
	r := twoPairs(t)
	e := listenWith(t, &engine.Options{Ports: r})
	far := newPhone(t)
	offer := offerOf(t, pcmu(), far.conn.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort())
	var terms []media.Terminal
	var at []netip.AddrPort
	for range 3 {
		term := open(t, e, media.Phone())
		answer, err := term.Answer(offer, nil)
		if err != nil {
			t.Fatal(err)
		}
		terms, at = append(terms, term), append(at, addrOf(t, answer))
	}
	if at[0] != e.Addr() || at[1].Port() != r.First || at[2].Port() != r.First+2 {
		t.Fatalf("the calls are at %v", at)
	}
	last := open(t, e, media.Phone())
	if _, err := last.Answer(offer, nil); !errors.Is(err, media.ErrFull) {
		t.Errorf("a call too many: %v", err)
	}
	for i, term := range terms {
		reader := term.Stream(media.Audio).Reader()
		far.to = at[i]
		far.send(fmt.Appendf(nil, "to call %d", i))
		hears(t, reader, fmt.Sprintf("to call %d", i))
		_ = reader.Close()
	}
	for i, term := range terms {
		if n := incoming(term).Packets; n != 1 {
			t.Errorf("call %d has heard %d packets, want its own alone", i, n)
		}
	}
	_ = terms[0].Close()
	if answer, err := last.Answer(offer, nil); err != nil || addrOf(t, answer) != e.Addr() {
		t.Errorf("after the end of the first call: %v, %v, want its place", addrOf(t, answer), err)
	}
}

// A call that stands goes on at ports of its own when its far side comes to use another call's address, and the answer says so.
func TestSharedAddressLater(t *testing.T) {
	e := listenWith(t, &engine.Options{Ports: twoPairs(t)})
	gateway, moving, third := newPhone(t), newPhone(t), newPhone(t)
	first, second, other := open(t, e, media.Phone()), open(t, e, media.Phone()), open(t, e, media.Phone())
	gateway.offer(first, g711())
	moving.offer(second, g711())
	third.offer(other, g711())
	relay, err := media.NewRelay(second, other, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	old := moving.to
	moving.conn = gateway.conn // from here on the gateway carries it
	moving.offer(second, g711())
	if moving.to == old {
		t.Fatalf("the call stays at %s", old)
	}
	moving.send([]byte("from the gateway"))
	if got, err := third.next(); err != nil || got != "from the gateway" {
		t.Errorf("got %q, %v", got, err)
	}
	third.send([]byte("to the gateway"))
	if got, err := moving.next(); err != nil || got != "to the gateway" {
		t.Errorf("got %q, %v", got, err)
	}
	if n := incoming(first).Packets; n != 0 {
		t.Errorf("the other call has heard %d packets", n)
	}
	_ = second.Close()
	if answer, err := open(t, e, ownPorts(media.Phone())).Offer(nil); err != nil {
		t.Errorf("ports of a call that has moved there are not given back: %v, %v", answer, err)
	}
}

// party is one leg of a call between two engines, and all that it hears.
type party struct {
	term  media.Terminal
	says  string
	hears string
	right atomic.Int32
	wrong atomic.Value // what it heard that was not for it
}

func newParty(t *testing.T, e *engine.Engine, p *media.Policy, says, hears string) *party {
	t.Helper()
	one := &party{says: says, hears: hears}
	var err error
	one.term, err = e.Open(p, &media.OpenOptions{Failed: func(err error) { one.wrong.Store(err.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// listen reads until the call is over.
func (p *party) listen() {
	r := p.term.Stream(media.Audio).Reader()
	buf := make([]byte, 2048)
	var pkt media.Packet
	for {
		switch err := r.Read(buf, &pkt); {
		case errors.Is(err, media.ErrChanged):
		case err != nil:
			return
		case string(pkt.Payload) == p.hears:
			p.right.Add(1)
		default:
			p.wrong.Store(string(pkt.Payload))
		}
	}
}

// between lets a call another, and returns whether the other is to be reached.
func (p *party) call(other *party) error {
	offer, err := p.term.Offer(g711())
	if err != nil {
		return err
	}
	answer, err := other.term.Answer(offer, g711())
	if err != nil {
		return err
	}
	return p.term.Accept(answer)
}

// everybodyTalks lets all talk until each has heard its other often enough, and fails if one hears anybody else.
func everybodyTalks(t *testing.T, all []*party) {
	t.Helper()
	const enough = 5
	var work sync.WaitGroup
	defer work.Wait()
	for _, p := range all {
		work.Go(p.listen)
		defer p.term.Close()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	codec := media.PCMU()
	for seq, deadline := uint16(0), time.Now().Add(60*time.Second); time.Now().Before(deadline); <-tick.C {
		waiting := 0
		for _, p := range all {
			if wrong := p.wrong.Load(); wrong != nil {
				t.Fatalf("%q hears %q", p.says, wrong)
			}
			if p.right.Load() < enough {
				waiting++
			}
			pkt := media.Packet{Codec: &codec, Start: seq == 0, Seq: seq, Time: uint32(seq) * 160, Payload: []byte(p.says)}
			if err := p.term.Stream(media.Audio).Write(&pkt); err != nil {
				t.Fatal(err)
			}
		}
		if waiting == 0 {
			return
		}
		seq++
	}
	for _, p := range all {
		if p.right.Load() < enough {
			t.Errorf("%q has heard %d packets", p.says, p.right.Load())
		}
	}
}

// Two engines carry many calls of each kind between them, placed by either side, and nobody hears another call.
func TestTwoEngines(t *testing.T) {
	const calls = 8 // of each kind
	o := &engine.Options{Ports: manyPorts()}
	engines := [2]*engine.Engine{listenWith(t, o), listenWith(t, o)}
	locked := media.Phone()
	locked.Security, locked.Mux = media.DTLS, true
	var all []*party
	for kind, p := range map[string]*media.Policy{"plain": pcmu(), "SDES": sdes(), "DTLS": locked, "WebRTC": media.Browser()} {
		for i := range calls {
			here, there := fmt.Sprint(kind, i, " here"), fmt.Sprint(kind, i, " there")
			a, b := newParty(t, engines[i%2], p, here, there), newParty(t, engines[(i+1)%2], p, there, here)
			if err := a.call(b); err != nil {
				t.Fatalf("%s call %d: %v", kind, i, err)
			}
			all = append(all, a, b)
		}
	}
	everybodyTalks(t, all)
}

// A leg of any kind has ports of its own, names these alone, and is heard there.
func TestOwnPortsKinds(t *testing.T) {
	r := manyPorts()
	engines := [2]*engine.Engine{listenWith(t, &engine.Options{Ports: r}), listen(t)}
	locked := media.Phone()
	locked.Security, locked.Mux = media.DTLS, true
	var all []*party
	for kind, p := range map[string]*media.Policy{"plain": pcmu(), "SDES": sdes(), "DTLS": locked, "WebRTC": media.Browser()} {
		for range 2 {
			here, there := fmt.Sprint(kind, len(all), " here"), fmt.Sprint(kind, len(all), " there")
			a, b := newParty(t, engines[0], ownPorts(p), here, there), newParty(t, engines[1], p, there, here)
			offer, err := a.term.Offer(g711())
			if err != nil {
				t.Fatal(err)
			}
			text, _ := offer.AppendText(nil)
			a.term.Rollback()
			var port uint16
			if _, err := fmt.Sscanf(string(text[bytes.Index(text, []byte("m=audio")):]), "m=audio %d", &port); err != nil {
				t.Fatal(err)
			}
			shared := fmt.Sprint(" ", engines[0].Addr().Port(), " ")
			if port < r.First || port%2 != 0 || bytes.Contains(text, []byte(shared)) {
				t.Errorf("%s: port %d, want one of the range and no word of the shared one", kind, port)
			}
			if err := a.call(b); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			all = append(all, a, b)
		}
	}
	everybodyTalks(t, all)
}
