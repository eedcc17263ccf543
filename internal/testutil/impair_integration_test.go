package testutil_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestImpairRealSocket(t *testing.T) {
	b, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := testutil.Impair(a, testutil.Impairment{Delay: 5 * time.Millisecond, Drop: testutil.DropNext(1, nil)})
	for i := range 20 {
		write(t, c, fmt.Sprint(i), b.LocalAddr())
	}
	if err := b.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 20; i++ {
		if got, _, err := read(b); err != nil || got != fmt.Sprint(i) {
			t.Fatalf("got %q, %v; want packet %d", got, err, i)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
