package testutil_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// rebinds sends n packets through a NAT, and returns before which of them it gave another port.
func rebinds(t *testing.T, o testutil.Impairment, n int) []int {
	t.Helper()
	var at []int
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		far := network.Listen(t, "192.0.2.1:5060")
		o.Listen = func() (net.PacketConn, error) { return network.ListenPacket("udp", "192.0.2.2:0") }
		c := testutil.Impair(network.Listen(t, "192.0.2.2:5060"), o)
		from := "192.0.2.2:5060"
		for i := range n {
			write(t, c, fmt.Sprint(i), far.LocalAddr())
			p, now, err := read(far)
			if err != nil || p != fmt.Sprint(i) {
				t.Fatalf("packet %d: got %q, %v", i, p, err)
			}
			if now.String() != from {
				at = append(at, i)
			}
			if from = now.String(); from != c.LocalAddr().String() {
				t.Fatalf("packet %d comes from %v, and the NAT says %v", i, from, c.LocalAddr())
			}
			write(t, far, "back", now)
			if p, _, err := read(c); err != nil || p != "back" {
				t.Fatalf("behind packet %d: got %q, %v", i, p, err)
			}
		}
		if got := c.Counts().Rebound; got != uint64(len(at)) {
			t.Errorf("%d rebindings are counted, %d were seen", got, len(at))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return at
}

func TestImpairRebinds(t *testing.T) {
	at := rebinds(t, testutil.Impairment{Seed: 5, Rebind: 100}, 2000)
	if len(at) < 13 || len(at) > 40 {
		t.Errorf("got %d rebindings, want about 20", len(at))
	}
	for i, before := 0, -1; i < len(at); i, before = i+1, at[i] {
		if d := at[i] - before; d < 50 || d > 152 {
			t.Errorf("rebound before packet %d, the time before that before %d: want 50 to 150 between them", at[i], before)
		}
	}
	if again := rebinds(t, testutil.Impairment{Seed: 5, Rebind: 100}, 2000); !slices.Equal(at, again) {
		t.Error("the same seed gave another run")
	}
	if other := rebinds(t, testutil.Impairment{Seed: 6, Rebind: 100}, 2000); slices.Equal(at, other) {
		t.Error("another seed gave the same run")
	}
	if never := rebinds(t, testutil.Impairment{Seed: 5}, 200); never != nil {
		t.Errorf("rebound before %v, want never", never)
	}
}

// What happens to the packets themselves is the same with a NAT before them.
func TestImpairRebindAlone(t *testing.T) {
	o := testutil.Impairment{Seed: 3, Loss: 0.1, Duplicate: 0.1}
	_, want := through(t, o, 500)
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		far := network.Listen(t, "192.0.2.1:5060")
		o.Rebind, o.Listen = 20, func() (net.PacketConn, error) { return network.ListenPacket("udp", "192.0.2.2:0") }
		c := testutil.Impair(network.Listen(t, "192.0.2.2:5060"), o)
		defer c.Close()
		for i := range 500 {
			write(t, c, fmt.Sprint(i), far.LocalAddr())
		}
		if got := c.Counts(); got.Lost != want.Lost || got.Duplicated != want.Duplicated || got.Rebound == 0 {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Who reads goes on at the other port, to the same deadline; what is held back goes out from there; nothing comes to the old one.
func TestImpairRebindMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		far := network.Listen(t, "192.0.2.1:5060")
		c := testutil.Impair(network.Listen(t, "192.0.2.2:5060"), testutil.Impairment{
			Delay:  time.Second,
			Listen: func() (net.PacketConn, error) { return network.ListenPacket("udp", "192.0.2.2:0") },
		})
		old := c.LocalAddr()
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		write(t, c, "held back", far.LocalAddr())
		heard := make(chan string)
		go func() {
			p, _, err := read(c)
			heard <- fmt.Sprint(p, err)
			_, _, err = read(c)
			heard <- fmt.Sprint(errors.Is(err, os.ErrDeadlineExceeded))
		}()
		synctest.Wait()
		if err := c.Rebind(); err != nil {
			t.Fatal(err)
		}
		p, from, err := read(far)
		if err != nil || p != "held back" || from.String() == old.String() {
			t.Errorf("got %q from %v, %v", p, from, err)
		}
		write(t, far, "lost", old)
		write(t, far, "found", from)
		if got := <-heard; got != "found<nil>" {
			t.Errorf("got %v", got)
		}
		if got := <-heard; got != "true" {
			t.Error("the deadline does not hold at the other port")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Rebind(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("behind Close: %v", err)
		}
	})
}

func TestImpairRebindFails(t *testing.T) {
	a, b := testutil.PacketPipe(t)
	full := errors.New("no port is free")
	for _, o := range []testutil.Impairment{{Rebind: 1}, {Rebind: 1, Listen: func() (net.PacketConn, error) { return nil, full }}} {
		c := testutil.Impair(a, o)
		var err error
		for range 3 {
			if _, err = c.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
				break
			}
		}
		if err == nil || o.Listen != nil && !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
}
