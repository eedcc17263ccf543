package engine_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

// reoffer lets a phone describe itself once more, in one of the directions of SDP.
func reoffer(t testing.TB, term media.Terminal, p *phone, direction string) {
	t.Helper()
	_, d, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if direction != "" {
		d = edit(t, d, "a=sendrecv", "a="+direction)
	}
	answer, err := term.Answer(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.to = addrOf(t, answer)
}

func TestAddressInUse(t *testing.T) {
	e := listen(t)
	standing, other := open(t, e, media.Phone()), open(t, e, media.Phone())
	p := newPhone(t)
	p.offer(standing, nil)
	offer := func(term media.Terminal, port uint16) error {
		_, d, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: port, RTCPPort: port + 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := term.Answer(d, nil)
		if err != nil && !answer.IsZero() {
			t.Error("an answer beside an error")
		}
		return err
	}
	if err := offer(other, p.port()); err == nil {
		t.Error("a second call took the address of the first")
	}
	if other.Plan() != nil {
		t.Errorf("the refused offer left something behind: %v", other.Plan())
	}
	p.send([]byte("hello"))
	eventually(t, "the first call is heard", func() bool { return incoming(standing).Packets == 1 })
	goesTo(t, standing, p.conn)

	q := newPhone(t) // the refused one stands on its own address, also after it has been refused again
	if err := offer(other, q.port()); err != nil {
		t.Fatal(err)
	}
	if err := offer(other, p.port()); err == nil {
		t.Error("a call moved to the address of another")
	}
	q.to = p.to
	q.send([]byte("hello"))
	eventually(t, "the second call is heard", func() bool { return incoming(other).Packets == 1 })
	goesTo(t, other, q.conn)

	// The first call goes elsewhere; its gateway uses the port for the next one.
	elsewhere := newPhone(t)
	reoffer(t, standing, elsewhere, "")
	if err := offer(other, p.port()); err != nil {
		t.Errorf("an address that its call has left: %v", err)
	}
	p.send([]byte("hello"))
	eventually(t, "the second call is heard there", func() bool { return incoming(other).Packets == 2 })
	elsewhere.send([]byte("hello"))
	eventually(t, "the first call is heard elsewhere", func() bool { return incoming(standing).Packets == 2 })
	_ = standing.Close()
	if err := offer(open(t, e, media.Phone()), elsewhere.port()); err != nil {
		t.Errorf("an address whose call has ended: %v", err)
	}
}

// A call that is moved about many times does not run out of addresses.
func TestAddressesMany(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	for range 100 {
		p := newPhone(t)
		reoffer(t, term, p, "")
		before := incoming(term).Packets
		p.send([]byte("hello"))
		eventually(t, "it is heard", func() bool { return incoming(term).Packets == before+1 })
		_ = p.conn.Close()
	}
}
