package sip

import (
	"net"
	"runtime"
	"testing"
	"time"
)

// TestStamps reads when datagrams came, which is before they are read.
func TestStamps(t *testing.T) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	d := datagramsOf(c)
	to, _ := addrPort(c.LocalAddr())
	if d.buffer() == 0 && runtime.GOOS == "linux" && stampRoom > 0 {
		t.Error("nothing is said of the system's buffer")
	}
	buf := make([]byte, 100)
	for { // the system begins to stamp some time after it was first asked to
		sent := time.Now()
		if err := d.write([]byte("hello"), to); err != nil {
			t.Fatal(err)
		}
		written := time.Now()
		n, from, came, err := d.read(buf)
		if err != nil || string(buf[:n]) != "hello" || from != to {
			t.Fatalf("%q from %v, %v", buf[:n], from, err)
		}
		if came.After(time.Now()) || came.Before(sent.Add(-time.Second)) { // the clock of stamps may be moved a little
			t.Fatalf("came %v after it was sent", came.Sub(sent))
		}
		if came.Before(written) || stampRoom == 0 {
			return
		}
	}
}
