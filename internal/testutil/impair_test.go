package testutil_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// arrival is a packet and when it came, since the start.
type arrival struct {
	p  string
	at time.Duration
}

// through sends n packets, one every 20 ms, through the impairment in fake time and returns what arrived.
func through(t *testing.T, o testutil.Impairment, n int) ([]arrival, testutil.ImpairCounts) {
	t.Helper()
	var got []arrival
	var counts testutil.ImpairCounts
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		c := testutil.Impair(a, o)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				p, _, err := read(b)
				if err != nil {
					return
				}
				got = append(got, arrival{p, time.Since(start)})
			}
		}()
		for i := range n {
			write(t, c, fmt.Sprint(i), b.LocalAddr())
			synctest.Wait()
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		counts = c.Counts()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		b.Close()
		<-done
	})
	return got, counts
}

func TestImpairNothing(t *testing.T) {
	got, counts := through(t, testutil.Impairment{Seed: 1}, 100)
	if len(got) != 100 || counts != (testutil.ImpairCounts{Written: 100}) {
		t.Fatalf("got %d packets, %+v", len(got), counts)
	}
	for i, a := range got {
		if a.p != fmt.Sprint(i) || a.at != time.Duration(i)*20*time.Millisecond {
			t.Fatalf("packet %d: got %+v, want it in order and at once", i, a)
		}
	}
}

func TestImpairLossAndDuplicates(t *testing.T) {
	o := testutil.Impairment{Seed: 7, Loss: 0.1, Duplicate: 0.05}
	got, counts := through(t, o, 5000)
	if counts.Lost < 400 || counts.Lost > 600 || counts.Duplicated < 180 || counts.Duplicated > 280 {
		t.Errorf("got %+v, want about 500 lost and 225 duplicated", counts)
	}
	if want := 5000 - counts.Lost + counts.Duplicated; uint64(len(got)) != want {
		t.Errorf("got %d packets, want %d by the counts %+v", len(got), want, counts)
	}

	again, _ := through(t, o, 5000)
	if !slices.Equal(got, again) {
		t.Error("the same seed gave another run")
	}
	o.Seed = 8
	if other, _ := through(t, o, 5000); slices.Equal(got, other) {
		t.Error("another seed gave the same run")
	}
}

func TestImpairFateHangsOnTheNumberAlone(t *testing.T) {
	lost := func(o testutil.Impairment) []string {
		got, _ := through(t, o, 500)
		seen := map[string]bool{}
		for _, a := range got {
			seen[a.p] = true
		}
		var gone []string
		for i := range 500 {
			if p := fmt.Sprint(i); !seen[p] {
				gone = append(gone, p)
			}
		}
		return gone
	}
	plain := lost(testutil.Impairment{Seed: 3, Loss: 0.1})
	more := lost(testutil.Impairment{Seed: 3, Loss: 0.1, Duplicate: 0.3, Reorder: 0.2, Jitter: time.Second})
	if !slices.Equal(plain, more) {
		t.Errorf("got %v lost with other faults beside, want %v as without", more, plain)
	}
}

func TestImpairDelayKeepsOrder(t *testing.T) {
	got, _ := through(t, testutil.Impairment{Delay: 70 * time.Millisecond, Duplicate: 1}, 50)
	if len(got) != 100 {
		t.Fatalf("got %d packets, want every one twice", len(got))
	}
	for i, a := range got {
		want := arrival{fmt.Sprint(i / 2), time.Duration(i/2)*20*time.Millisecond + 70*time.Millisecond}
		if a != want {
			t.Fatalf("packet %d: got %+v, want %+v", i, a, want)
		}
	}
}

func TestImpairJitter(t *testing.T) {
	got, _ := through(t, testutil.Impairment{Seed: 5, Delay: 10 * time.Millisecond, Jitter: 15 * time.Millisecond}, 1000)
	if len(got) != 1000 {
		t.Fatalf("got %d packets", len(got))
	}
	var least, most time.Duration = time.Hour, 0
	for i, a := range got { // the spread is under 20 ms, so none overtakes
		late := a.at - time.Duration(i)*20*time.Millisecond
		least, most = min(least, late), max(most, late)
	}
	if least < 10*time.Millisecond || least > 11*time.Millisecond || most < 24*time.Millisecond || most > 25*time.Millisecond {
		t.Errorf("got delays of %v to %v, want them spread over 10 to 25 ms", least, most)
	}
}

func TestImpairReorder(t *testing.T) {
	got, counts := through(t, testutil.Impairment{Seed: 2, Reorder: 0.1}, 1000)
	swaps := uint64(0)
	for i := 1; i < len(got); i++ {
		before, err1 := strconv.Atoi(got[i-1].p)
		after, err2 := strconv.Atoi(got[i].p)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if after < before {
			swaps++
		}
	}
	// A packet held for 30 ms is overtaken by the next, unless that is held too.
	if len(got) != 1000 || counts.Reordered < 70 || counts.Reordered > 130 || swaps < counts.Reordered*7/10 || swaps > counts.Reordered {
		t.Errorf("got %d packets, %d out of order, %+v", len(got), swaps, counts)
	}
}

func TestImpairDrop(t *testing.T) {
	ends3 := func(p []byte) bool { return strings.HasSuffix(string(p), "3") }
	got, counts := through(t, testutil.Impairment{Drop: testutil.DropNext(2, ends3)}, 40)
	var p []string
	for _, a := range got {
		p = append(p, a.p)
	}
	if len(p) != 38 || slices.Contains(p, "3") || slices.Contains(p, "13") || !slices.Contains(p, "23") || counts.Lost != 2 {
		t.Errorf("got %v, %+v; want all but the first two that end with 3", p, counts)
	}
	if got, _ := through(t, testutil.Impairment{Drop: testutil.DropNext(3, nil)}, 10); len(got) != 7 || got[0].p != "3" {
		t.Errorf("got %v, want all but the first three", got)
	}
}

func TestImpairCloseLosesWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		c := testutil.Impair(a, testutil.Impairment{Delay: time.Second})
		for i := range 5 {
			write(t, c, fmt.Sprint(i), b.LocalAddr())
			time.Sleep(300 * time.Millisecond) // the first two are out before the end
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got := c.Counts(); got != (testutil.ImpairCounts{Written: 5, Lost: 3}) {
			t.Errorf("got %+v, want three lost", got)
		}
		if _, err := c.WriteTo([]byte("x"), b.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after Close: got %v, want net.ErrClosed", err)
		}
		if err := b.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := read(b); err != nil {
				t.Error(err)
			}
		}
		if p, _, err := read(b); err == nil {
			t.Errorf("got %q after Close", p)
		}
	})
}

func TestImpairBoundsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		c := testutil.Impair(a, testutil.Impairment{Delay: time.Second})
		defer c.Close()
		for range 8192 + 10 {
			write(t, c, "x", b.LocalAddr())
		}
		if got := c.Counts().Lost; got != 10 {
			t.Errorf("got %d lost, want the 10 over the limit", got)
		}
	})
}

// failingConn fails every write.
type failingConn struct{ net.PacketConn }

func (failingConn) WriteTo([]byte, net.Addr) (int, error) { return 0, errors.New("cable cut") }

func TestImpairFailedWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		now := testutil.Impair(failingConn{a}, testutil.Impairment{})
		if _, err := now.WriteTo([]byte("x"), b.LocalAddr()); err == nil || err.Error() != "cable cut" {
			t.Errorf("got %v, want the socket's error", err)
		}
		later := testutil.Impair(failingConn{a}, testutil.Impairment{Delay: time.Second})
		write(t, later, "x", b.LocalAddr())
		time.Sleep(2 * time.Second)
		if got := later.Counts().Failed; got != 1 {
			t.Errorf("got %d failed, want 1", got)
		}
	})
}
