package engine_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// relayed joins two terminals and returns how to undo it.
func relayed(t testing.TB, a, b media.Endpoint) {
	t.Helper()
	r, err := media.NewRelay(a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
}

// secureLine connects two phones through four terminals: plain, DTLS-SRTP between two engines, plain.
func secureLine(t testing.TB) (a, b *phone) {
	t.Helper()
	return lineThrough(t, media.AlexaCalling)
}

// lineThrough is secureLine with another way to protect.
func lineThrough(t testing.TB, between func() *media.Policy) (a, b *phone) {
	t.Helper()
	e1, e2 := listen(t), listen(t)
	a, b = newPhone(t), newPhone(t)
	near, far := open(t, e1, media.Phone()), open(t, e2, media.Phone())
	a.offer(near, nil)
	b.offer(far, nil)
	up, down := open(t, e1, between()), open(t, e2, between())
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
	relayed(t, near, up)
	relayed(t, down, far)
	a.until(b)
	b.until(a)
	return a, b
}

// until sends until the other phone hears it, and then lets it hear everything.
func (p *phone) until(other *phone) {
	p.t.Helper()
	b := make([]byte, 2048)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		p.send([]byte("hello"))
		_ = other.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, _, err := other.conn.ReadFromUDPAddrPort(b); err == nil {
			for err == nil {
				_ = other.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, _, err = other.conn.ReadFromUDPAddrPort(b)
			}
			return
		}
	}
	p.t.Fatal("nothing came through in 10 s")
}

func TestRelayDoesNotAllocate(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		e := listen(t)
		a, b := newPhone(t), newPhone(t)
		ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
		a.offer(ta, nil)
		b.offer(tb, nil)
		relayed(t, ta, tb)
		allocs(t, a, b)
	})
	t.Run("srtp", func(t *testing.T) {
		a, b := secureLine(t)
		allocs(t, a, b)
	})
}

// TestWriteDoesNotAllocate writes from a goroutine of its own, as a relay that transcodes does, and a conference.
func TestWriteDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("the race detector empties pools")
	}
	a := newPhone(t)
	term := open(t, listen(t), media.Phone())
	a.offer(term, nil)
	pcmu, buf := media.PCMU(), make([]byte, 2048)
	p := media.Packet{Codec: &pcmu, Payload: make([]byte, 160)}
	_ = a.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	pass := func() {
		p.Seq++
		p.Time += 160
		if err := term.Stream(media.Audio).Write(&p); err != nil {
			t.Fatal(err)
		}
		if n, _, err := a.conn.ReadFromUDPAddrPort(buf); err != nil || n != 172 {
			t.Fatalf("got %d bytes, %v, want 172", n, err)
		}
	}
	pass()
	runtime.GC()
	if n := testing.AllocsPerRun(2000, pass); n != 0 {
		t.Errorf("%v allocations per packet, want 0", n)
	}
}

// allocs counts the allocations of the whole process while packets pass one by one. The phones' own calls do not allocate.
func allocs(t *testing.T, from, to *phone) {
	t.Helper()
	passes(t, from, to, append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, make([]byte, 160)...))
}

// passes is allocs for copies of a packet.
func passes(t *testing.T, from, to *phone, pkt []byte) {
	t.Helper()
	buf := make([]byte, 2048)
	seq := from.seq // a jump would be taken for the beginning of another source
	_ = to.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	pass := func() {
		seq++
		pkt[2], pkt[3] = byte(seq>>8), byte(seq)
		if _, err := from.conn.WriteToUDPAddrPort(pkt, from.to); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.conn.ReadFromUDPAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	}
	pass()
	runtime.GC()
	if n := testing.AllocsPerRun(2000, pass); n != 0 {
		t.Errorf("%v allocations per packet, want 0", n)
	}
}

// say writes to one terminal until the other one hears it.
func say(t *testing.T, from, to media.Terminal) {
	t.Helper()
	codec := media.PCMU()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for seq := range uint16(2000) {
		if err := from.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Seq: seq, Time: uint32(seq) * 160, Payload: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		<-tick.C
		if to.Stream(media.Audio).Stats().In.Packets > 0 {
			return
		}
	}
	t.Fatal("nothing came through in 10 s")
}
