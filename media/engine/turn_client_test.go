package engine

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// oneTURN is an allocation without a network: the test is the server, and time is what the test says.
type oneTURN struct {
	t     *testing.T
	c     *turnClient
	now   time.Time
	nonce string
	asked []stun.Method // what has come to the server
}

const testRealm = "test.invalid"

var testPeer = netip.MustParseAddrPort("192.0.2.7:4000")

func newOneTURN(t *testing.T, stream bool) *oneTURN {
	t.Helper()
	l := usualLimits()
	o := &oneTURN{t: t, now: time.Unix(1_000_000, 0), nonce: "one"}
	o.c = newTURNClient(&TURNServer{Username: "user", Password: "password"}, &l, false, stream)
	o.c.start(o.now)
	return o
}

// upTURN is an allocation that stands.
func upTURN(t *testing.T) *oneTURN {
	t.Helper()
	o := newOneTURN(t, false)
	o.serve()
	if o.c.phase != turnUp {
		t.Fatalf("phase %d, %v", o.c.phase, o.c.err)
	}
	return o
}

// sent returns what the client has to send.
func (o *oneTURN) sent() []*stun.Message {
	o.t.Helper()
	var all []*stun.Message
	for _, b := range o.c.out {
		m := &stun.Message{Raw: slices.Clone(b)}
		if err := m.Decode(); err != nil {
			o.t.Fatal(err)
		}
		all = append(all, m)
	}
	o.c.out = nil
	return all
}

// reply answers a request with a class and attributes, signed where key says so.
func (o *oneTURN) reply(m *stun.Message, class stun.MessageClass, set ...stun.Setter) {
	o.t.Helper()
	all := append([]stun.Setter{stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(m.Type.Method, class)}, set...)
	r, err := stun.Build(all...)
	if err != nil {
		o.t.Fatal(err)
	}
	o.c.answered(o.now, r.Raw)
}

func (o *oneTURN) refuse(m *stun.Message, code stun.ErrorCode, set ...stun.Setter) {
	o.t.Helper()
	o.reply(m, stun.ClassErrorResponse, append([]stun.Setter{code}, set...)...)
}

func testKey() stun.MessageIntegrity { return stun.NewLongTermIntegrity("user", testRealm, "password") }

// xorAttr is an XOR-... address of any type.
type xorAttr struct {
	kind stun.AttrType
	addr netip.AddrPort
}

func (a xorAttr) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress{IP: net.IP(a.addr.Addr().AsSlice()), Port: int(a.addr.Port())}.AddToAs(m, a.kind)
}

func lifetime(d time.Duration) stun.RawAttribute {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))}
}

// grant answers a request as a server does that agrees.
func (o *oneTURN) grant(m *stun.Message) {
	o.t.Helper()
	set := []stun.Setter{lifetime(10 * time.Minute)}
	if m.Type.Method == stun.MethodAllocate {
		set = append(set, xorAttr{stun.AttrXORRelayedAddress, netip.MustParseAddrPort("198.51.100.1:50000")},
			xorAttr{stun.AttrXORMappedAddress, netip.MustParseAddrPort("203.0.113.1:6000")})
	}
	o.reply(m, stun.ClassSuccessResponse, append(set, testKey(), stun.Fingerprint)...)
}

// serve is a server that asks for credentials under its nonce, and agrees to everything.
func (o *oneTURN) serve() {
	o.t.Helper()
	for all := o.sent(); len(all) > 0; all = o.sent() {
		for _, m := range all {
			o.asked = append(o.asked, m.Type.Method)
			var nonce stun.Nonce
			switch {
			case nonce.GetFrom(m) != nil:
				o.refuse(m, stun.CodeUnauthorized, stun.NewRealm(testRealm), stun.NewNonce(o.nonce))
			case string(nonce) != o.nonce:
				o.refuse(m, stun.CodeStaleNonce, stun.NewRealm(testRealm), stun.NewNonce(o.nonce))
			case testKey().Check(m) != nil:
				o.t.Fatalf("%v has the wrong integrity", m)
			default:
				o.grant(m)
			}
		}
	}
}

// pass lets time go by, with a server that answers unless it is deaf.
func (o *oneTURN) pass(d time.Duration, deaf bool) {
	o.t.Helper()
	for end := o.now.Add(d); ; {
		next := o.c.tick(o.now)
		if !deaf {
			o.serve()
			next = o.c.due()
		}
		if !next.After(o.now) {
			o.t.Fatalf("nothing is done at %v, and it is due then", next)
		}
		if next.After(end) || o.c.phase == turnOver {
			o.now = end
			return
		}
		o.now = next
	}
}

func (o *oneTURN) count(method stun.Method) int {
	n := 0
	for _, m := range o.asked {
		if m == method {
			n++
		}
	}
	return n
}

func TestTURNClientAllocates(t *testing.T) {
	o := upTURN(t)
	if o.c.relayed.String() != "198.51.100.1:50000" || o.c.mapped.String() != "203.0.113.1:6000" {
		t.Errorf("relayed %v, mapped %v", o.c.relayed, o.c.mapped)
	}
	o.nonce = "two" // the one before is stale
	o.pass(time.Hour, false)
	if n := o.count(stun.MethodRefresh); o.c.phase != turnUp || n < 179 || n > 182 {
		t.Errorf("phase %d after an hour with %d refreshes, want one every 20 s", o.c.phase, n)
	}
	o.c.leave(o.now)
	all := o.sent()
	if len(all) != 1 || all[0].Type.Method != stun.MethodRefresh {
		t.Fatalf("%v is said at the end", all)
	}
	if value, err := all[0].Get(stun.AttrLifetime); err != nil || binary.BigEndian.Uint32(value) != 0 {
		t.Errorf("the last refresh asks for % x, %v", value, err)
	}
	o.grant(all[0])
	if o.c.phase != turnOver || o.c.err != nil {
		t.Errorf("phase %d, %v", o.c.phase, o.c.err)
	}
}

func TestTURNClientSilence(t *testing.T) {
	for _, stream := range []bool{false, true} {
		o := newOneTURN(t, stream)
		began := o.now
		for o.c.phase != turnOver && o.now.Sub(began) < time.Minute {
			o.now = o.c.tick(o.now)
		}
		want := turnTries
		if stream {
			want = 1
		}
		if n := len(o.sent()); n != want || !errors.Is(o.c.err, errTURNSilent) {
			t.Errorf("stream %v: %d requests, %v", stream, n, o.c.err)
		}
		if d := o.now.Sub(began); d < 5*time.Second || d > 10*time.Second {
			t.Errorf("stream %v: given up after %v", stream, d)
		}
	}

	o := upTURN(t) // and one that falls silent later
	o.pass(turnEvery+10*time.Second, true)
	if !errors.Is(o.c.err, errTURNSilent) {
		t.Errorf("phase %d, %v", o.c.phase, o.c.err)
	}

	o = upTURN(t) // or at the end
	o.c.leave(o.now)
	o.pass(turnLeaveLimit, true)
	if o.c.phase != turnOver || o.c.err != nil {
		t.Errorf("phase %d, %v", o.c.phase, o.c.err)
	}
}

func TestTURNClientRefused(t *testing.T) {
	wrong := func(o *oneTURN) {
		for all := o.sent(); len(all) > 0; all = o.sent() {
			if o.asked = append(o.asked, stun.MethodAllocate); len(o.asked) > 3 {
				t.Fatalf("asked %d times with a password that is refused", len(o.asked))
			}
			o.refuse(all[0], stun.CodeUnauthorized, stun.NewRealm(testRealm), stun.NewNonce(o.nonce))
		}
	}
	for name, c := range map[string]struct {
		server func(o *oneTURN)
		code   int
	}{
		"wrong password": {wrong, 401},
		"quota":          {func(o *oneTURN) { o.refuse(o.sent()[0], stun.CodeAllocQuotaReached) }, 486},
		"other server": {func(o *oneTURN) {
			o.refuse(o.sent()[0], stun.CodeTryAlternate, &stun.AlternateServer{IP: net.IPv4(192, 0, 2, 9), Port: 99})
		}, 300},
		"no nonce":        {func(o *oneTURN) { o.refuse(o.sent()[0], stun.CodeUnauthorized, stun.NewRealm(testRealm)) }, 401},
		"no code":         {func(o *oneTURN) { o.reply(o.sent()[0], stun.ClassErrorResponse) }, 0},
		"nothing granted": {func(o *oneTURN) { o.reply(o.sent()[0], stun.ClassSuccessResponse) }, 0},
	} {
		o := newOneTURN(t, false)
		c.server(o)
		refusal, ok := errors.AsType[*turnError](o.c.err)
		if o.c.phase != turnOver || ok != (c.code != 0) || ok && refusal.code != c.code || !ok && !errors.Is(o.c.err, errTURNResponse) {
			t.Errorf("%s: phase %d, %v", name, o.c.phase, o.c.err)
		}
		if ok && (refusal.other.String() == "192.0.2.9:99") != (name == "other server") {
			t.Errorf("%s: ask %v", name, refusal.other)
		}
	}
}

// A response that nobody asked for, or that has not the server's key, changes nothing.
func TestTURNClientForged(t *testing.T) {
	o := upTURN(t)
	o.now = o.c.refresh
	o.c.tick(o.now)
	m := o.sent()[0]
	o.reply(m, stun.ClassSuccessResponse, lifetime(0))
	o.reply(m, stun.ClassSuccessResponse, lifetime(0), stun.NewLongTermIntegrity("user", testRealm, "guess"), stun.Fingerprint)
	o.reply(m, stun.ClassIndication, lifetime(0), testKey())
	stranger := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassRequest))
	o.refuse(stranger, stun.CodeAllocMismatch)
	other := stun.MustBuild(stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse), stun.CodeAllocMismatch)
	o.c.answered(o.now, other.Raw)
	if o.c.phase != turnUp || len(o.c.pending) != 1 {
		t.Fatalf("phase %d, %d pending, %v", o.c.phase, len(o.c.pending), o.c.err)
	}
	o.refuse(m, stun.CodeAllocMismatch)
	if refusal, ok := errors.AsType[*turnError](o.c.err); !ok || refusal.code != 437 {
		t.Errorf("after 437: phase %d, %v", o.c.phase, o.c.err)
	}
}
