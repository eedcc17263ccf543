package engine_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// The media of a call may come before its description: from a PBX that has another call with us, which is silent, it looks like that
// one's. The description puts both right.
func TestLatchClaimed(t *testing.T) {
	e := listen(t)
	silent, early := open(t, e, media.Phone()), open(t, e, media.Phone())
	p, q := newReporter(t, silent, true), newPhone(t)
	q.to = p.to
	for range 3 {
		q.send([]byte("before my description"))
	}
	eventually(t, "it is taken for the silent one's", func() bool { return engine.RemoteOf(silent) == portOf(q.conn).String() })

	q.offer(early, nil)
	q.send([]byte("after it"))
	eventually(t, "the call is heard where it belongs", func() bool { return incoming(early).Packets == 1 })
	goesTo(t, early, q.conn)
	goesTo(t, silent, p.conn)
	engine.Report(silent)
	if p.reported() == nil {
		t.Error("RTCP does not come back")
	}
	if n := incoming(silent).Packets; n != 0 {
		t.Errorf("the silent call has heard %d packets", n)
	}
	nat := loopback(t) // the silent one may still be found elsewhere
	for range 3 {
		p.from(nat, 8, "hello")
	}
	eventually(t, "the silent call is found", func() bool { return engine.RemoteOf(silent) == portOf(nat).String() })
}

// A call that has begun later cannot take an address away that was found for another one.
func TestLatchNotClaimed(t *testing.T) {
	e := listen(t)
	term, p := open(t, e, media.Phone()), newPhone(t)
	p.offer(term, nil)
	nat := newPhone(t)
	nat.to = p.to
	for range 3 {
		nat.send([]byte("hello"))
	}
	eventually(t, "it is found", func() bool { return engine.RemoteOf(term) == portOf(nat.conn).String() })
	_, offer, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: nat.port(), RTCPPort: nat.port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, e, media.Phone()).Answer(offer, nil); err == nil {
		t.Error("a description that names another call's address was taken")
	}
	goesTo(t, term, nat.conn)
}
