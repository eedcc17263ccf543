package engine

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/alexacall/alexacall/media"
)

func TestSTUNLocalUser(t *testing.T) {
	build := func(set ...stun.Setter) []byte {
		return stun.MustBuild(append([]stun.Setter{stun.BindingRequest, stun.TransactionID}, set...)...).Raw
	}
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"alone", "ours", build(stun.NewUsername("ours:theirs"))},
		{"after others", "ours", build(stun.NewSoftware("seven"), ice.PriorityAttr(1), stun.NewUsername("ours:theirs:more"))},
		{"no colon", "ours", build(stun.NewUsername("ours"))},
		{"empty", "", build(stun.NewUsername(":theirs"))},
		{"none", "", build(stun.NewSoftware("seven"))},
		{"behind the message", "", append(build(), 0, 6, 0, 4, 'o', 'u', 'r', 's')},
		{"longer than it is", "", extended(build(), 0, 6, 0, 40, 'a', 'b')},
		{"torn", "", extended(build(), 0, 6, 0)},
		{"empty attributes", "", extended(build(), make([]byte, 400)...)},
		{"of a length that is not there", "", build()[:10]},
	} {
		if got := stunLocalUser(c.b); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// extended appends to a message, and says so in its header.
func extended(b []byte, more ...byte) []byte {
	b = append(b, more...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeaderSize))
	return b
}

func TestSTUNChecksAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c checks
		conn := new(stunConn)
		c.put(transactionID{1}, conn)
		if c.take(transactionID{2}) != nil || c.take(transactionID{1}) != conn || c.take(transactionID{1}) != nil {
			t.Error("a response does not find its request once")
		}
		c.put(transactionID{1}, conn)
		time.Sleep(checkTurn + time.Second)
		c.put(transactionID{2}, conn)
		if c.take(transactionID{1}) != conn {
			t.Error("forgotten after one turn")
		}
		c.put(transactionID{3}, conn)
		for range 2 {
			time.Sleep(checkTurn + time.Second)
			c.put(transactionID{4}, conn)
		}
		if c.take(transactionID{3}) != nil || len(c.now)+len(c.before) != 2 {
			t.Errorf("requests without a response are kept: %d and %d", len(c.now), len(c.before))
		}
	})
}

// A call that has ended is not kept for checks that nobody has answered, though no other call begins.
func TestSTUNChecksEndWithCalls(t *testing.T) {
	c := newChecked(t)
	gone := make(chan struct{})
	checks := &c.e.shards[0].checks
	runtime.AddCleanup(c.term, func(done chan struct{}) { close(done) }, gone)
	checks.put(transactionID{1}, c.term.transport.conn.Load())
	if err := c.term.Close(); err != nil {
		t.Fatal(err)
	}
	e := c.e
	c.term, c = nil, nil
	for now := time.Now(); ; now = now.Add(checkTurn) {
		e.age(now)
		e.findLost(nil, now)
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(now) < -time.Hour {
			t.Fatal("the call is kept")
		}
	}
}

// checked is a terminal that a far side has offered ICE to.
type checked struct {
	t    *testing.T
	e    *Engine
	term *terminal
	to   netip.AddrPort
}

const (
	theirUfrag = "theirufrag"
	theirPwd   = "their password, which is long"
)

func newChecked(t *testing.T, candidates ...string) *checked {
	t.Helper()
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	return checkedOn(t, e, candidates...)
}

// checkedOn is newChecked on an engine, which ends with the test.
func checkedOn(t *testing.T, e *Engine, candidates ...string) *checked {
	t.Helper()
	t.Cleanup(func() { _ = e.Close() })
	term, err := e.Open(media.AlexaCalling(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, offer, err := media.Negotiation{}.Offer(media.AlexaCalling(), media.Local{
		ID: 1, Addr: "127.0.0.1", Port: 9, Ufrag: theirUfrag, Pwd: theirPwd, Candidates: candidates,
		Fingerprint: "sha-256 " + strings.Repeat("00:", 31) + "00", CNAME: "x",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.Answer(offer, nil); err != nil {
		t.Fatal(err)
	}
	return &checked{t, e, term.(*terminal), e.Addr()}
}

// request is a connectivity check.
func (c *checked) request(user, pwd string) []byte {
	c.t.Helper()
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(user), ice.AttrControlling(7), ice.PriorityAttr(1),
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Raw
}

func socketOf(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// receive waits for a datagram.
func receive(t *testing.T, conn *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 1500)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := conn.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func (c *checked) send(conn *net.UDPConn, b []byte) {
	c.t.Helper()
	if _, err := conn.WriteToUDPAddrPort(b, c.to); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checked) learnt() []netip.AddrPort {
	s := c.e.shards[0]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(s.remotes.all())
}

// An address becomes the call's own by a check with the call's password, and by nothing else.
func TestSTUNLearnsVerifiedAddresses(t *testing.T) {
	victim := socketOf(t) // which a description names, without asking it
	port := victim.LocalAddr().(*net.UDPAddr).Port
	c := newChecked(t, fmt.Sprintf("1 1 udp 2130706431 127.0.0.1 %d typ host", port))
	if class, _, ok := stunMessage(receive(t, victim)); !ok || class != stunRequest {
		t.Fatal("the address that the description names is not checked")
	}
	ours, pwd := c.term.ice.ufrag, c.term.ice.pwd
	evil := socketOf(t)
	user := ours + ":" + theirUfrag
	for _, b := range [][]byte{
		c.request(user, "not the password"),
		c.request(user, theirPwd),
		c.request(user, ""),
		c.request(ours+":somebody", pwd),
		c.request(ours, pwd),
		c.request(theirUfrag+":"+ours, pwd),
		stun.MustBuild(stun.BindingRequest, stun.TransactionID, stun.NewUsername(user)).Raw,
		stun.MustBuild(stun.BindingSuccess, stun.TransactionID, stun.NewShortTermIntegrity(pwd)).Raw,
		stun.MustBuild(stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.TransactionID, stun.NewUsername(user)).Raw,
		{128, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},
	} {
		c.send(evil, b)
	}
	forged := c.request(user, pwd)
	forged[len(forged)-9] ^= 1 // in the integrity
	c.send(evil, forged)

	good := socketOf(t)
	c.send(good, c.request(user, pwd)) // comes to the agent after all of these
	for class := uint16(0); class != stunSuccess; {
		class, _, _ = stunMessage(receive(t, good))
	}
	if got := c.learnt(); len(got) != 1 || got[0] != good.LocalAddr().(*net.UDPAddr).AddrPort() {
		t.Errorf("learnt %v, want %v", got, good.LocalAddr())
	}
	if err := c.term.Close(); err != nil {
		t.Fatal(err)
	}
	if got := c.learnt(); len(got) != 0 {
		t.Errorf("after close: %v", got)
	}
	if n := len(c.e.shards[0].agents); n != 0 {
		t.Errorf("after close: %d agents", n)
	}
}

// A call cannot take the address of another, nor more than it may have.
func TestBind(t *testing.T) {
	c := newChecked(t)
	s := c.e.shards[0]
	addr := func(n int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(n))
	}
	a, b := newTerminal(c.e, s, media.Phone(), nil).transport, newTerminal(c.e, s, media.Phone(), nil).transport
	used := addr(1)
	for range 2 {
		if !s.bind(s.remotes, used, a) {
			t.Error("an address that is free, or is its own, was refused")
		}
	}
	if s.bind(s.remotes, used, b) {
		t.Error("before a path is chosen every address counts")
	}
	a.far.Store(&used)
	if s.bind(s.remotes, used, b) {
		t.Error("an address in use was taken")
	}
	for n := 2; n < 100; n++ {
		if !s.bind(s.remotes, addr(n), a) {
			t.Fatalf("address %d was refused", n)
		}
	}
	if len(a.bound) != maxBound || s.remotes.of(used) != a || s.remotes.of(addr(99)) != a || s.remotes.of(addr(2)) != nil {
		t.Errorf("%d addresses, want the one in use and the newest", len(a.bound))
	}
	if !s.bind(s.remotes, addr(99), b) || s.remotes.of(addr(99)) != b {
		t.Error("an address that is not in use was refused to a call that has proved it")
	}
	s.forget(a)
	if left := slices.Collect(s.remotes.all()); !slices.Equal(left, []netip.AddrPort{addr(99)}) || s.remotes.of(addr(99)) != b {
		t.Errorf("%v are left, want the other call's alone", left)
	}
	s.forget(b)
}
