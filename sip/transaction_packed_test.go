package sip

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// TestPacked packs what is kept of transactions, and finds it again as it was.
func TestPacked(t *testing.T) {
	over := new(transport)
	v4, v6 := &flow{over, netip.MustParseAddrPort("192.0.2.2:5060")}, &flow{over, netip.MustParseAddrPort("[fe80::2%eth0]:65535")}
	text, long := []byte("SIP/2.0 200 OK\r\n\r\n"), bytes.Repeat([]byte("x"), 2*blockSize)
	known := login{home: v4.to, known: []*proof{{}}}
	secret := login{home: v4.to, creds: []Credentials{{Realm: "pbx", Password: "secret"}}}
	t.Run("server", func(t *testing.T) {
		testPacked(t, newTransactions(over).answered, []packing[*spent]{
			{"a response", &spent{text, v4, "tag"}, true},
			{"an INVITE's", &spent{nil, v6, "tag"}, true},
			{"a long one", &spent{long, v4, ""}, true},
			{"over a connection", &spent{text, new(stream), "tag"}, false},
		})
	})
	t.Run("client", func(t *testing.T) {
		testPacked(t, newTransactions(over).settled, []packing[*settled]{
			{"refused", &settled{refused: true, acks: []sent{{text: text, way: v4}}}, true},
			{"accepted", &settled{acks: []sent{{"a", text, v4}, {"b", long, v6}}, invite: long, way: v6, seqs: []branchSeq{{"a", 1<<32 - 1}, {"c", 0}}}, true},
			{"accepted within a call", &settled{acks: []sent{{"a", text, v4}}}, true},
			{"without ACK yet", &settled{handle: func(*sipmsg.Response, error) {}}, false},
			{"with a password", &settled{acks: []sent{{"a", text, v4}}, invite: text, way: v4, login: secret}, false},
			{"with a proof", &settled{acks: []sent{{"a", text, v4}}, invite: text, way: v4, login: known}, false},
			{"over a connection", &settled{acks: []sent{{"a", text, v4}}, invite: text, way: new(stream)}, false},
			{"ACK over a connection", &settled{acks: []sent{{"a", text, new(stream)}}, invite: text, way: v4}, false},
		})
	})
}

// packing is something to keep, and whether that can be packed.
type packing[V any] struct {
	name string
	v    V
	can  bool
}

func testPacked[V interface {
	comparable
	pack(*packer)
}](t *testing.T, p past[V], cases []packing[V]) {
	defer p.close()
	for i, c := range slices.Concat(cases, cases) { // each once more, in place of the first
		p.add(mark(i%len(cases)), 0, c.v, func() {})
	}
	for i, c := range cases {
		_, packed := p.packed.places[mark(i)]
		got := p.find(mark(i))
		switch {
		case packed != c.can:
			t.Errorf("%s: packed: %v", c.name, packed)
		case c.can && !reflect.DeepEqual(got, c.v), !c.can && got != c.v:
			t.Errorf("%s: %+v", c.name, got)
		case p.find(mark(i)) != got:
			t.Errorf("%s: what was found is not kept as it is", c.name)
		}
	}
	if p.len() != len(cases) {
		t.Errorf("%d are kept, of %d", p.len(), len(cases))
	}
	var none V
	if p.find(mark(len(cases))) != none {
		t.Error("found what there is not")
	}
}

// TestPackedLater packs an entry when nobody has it any more.
func TestPackedLater(t *testing.T) {
	p := newTransactions(nil).settled
	defer p.close()
	s := &settled{handle: func(*sipmsg.Response, error) {}}
	p.add(1, 0, s, func() {})
	s.handle = nil
	for range 2 {
		p.rest(1)
		if _, packed := p.packed.places[1]; !packed || len(p.loose) != 0 {
			t.Errorf("packed: %v, and %d are not", packed, len(p.loose))
		}
	}
	p.rest(2)
}
