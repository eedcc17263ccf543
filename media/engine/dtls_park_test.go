package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
)

// The last flight is what was written last, also when something is read after it: it has to be there for whoever did not get it.
func TestPacketConnFlight(t *testing.T) {
	c := newPacketConn(new(transport))
	b := make([]byte, 100)
	read := func() {
		t.Helper()
		c.queue.put([]byte{recordHandshake}, netip.AddrPort{})
		if _, _, err := c.ReadFrom(b); err != nil {
			t.Fatal(err)
		}
	}
	write := func(kind byte, data string) {
		t.Helper()
		b := append([]byte{kind}, data...)
		if n, err := c.WriteTo(b, nil); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
		clear(b) // the writer may use it again
	}
	write(recordHandshake, "hello")
	read()
	write(recordHandshake, "certificate")
	write(recordHandshake, "done")
	read()
	write(20, "change")
	write(recordHandshake, "finished")
	read()
	flight := c.keep()
	if len(flight) != 2 || !bytes.Equal(flight[0], []byte("\x14change")) || !bytes.Equal(flight[1], []byte("\x16finished")) {
		t.Errorf("last flight: %q", flight)
	}
	if c.alert() != nil {
		t.Errorf("an alert before there was one: %q", c.alert())
	}
	write(recordAlert, "goodbye")
	write(recordHandshake, "finished")
	if string(c.alert()) != "\x15goodbye" || string(flight[1]) != "\x16finished" {
		t.Errorf("alert: %q, last flight %q", c.alert(), flight)
	}
}

// A handshake that is not wanted any more says nothing, for by then there may be another far side.
func TestPacketConnStop(t *testing.T) {
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	sink := socketOf(t)
	far := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	tr := newTransport(nil, e.shards[0])
	tr.far.Store(&far)
	first, second := newPacketConn(tr), newPacketConn(tr)
	if _, err := first.WriteTo([]byte("one"), nil); err != nil {
		t.Fatal(err)
	}
	first.stop()
	for c, text := range map[*packetConn]string{first: "two", second: "three"} {
		if n, err := c.WriteTo([]byte(text), nil); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	if a, b := receive(t, sink), receive(t, sink); string(a) != "one" || string(b) != "three" {
		t.Errorf("sent %q and %q", a, b)
	}
	if _, _, err := first.ReadFrom(make([]byte, 10)); !errors.Is(err, io.EOF) {
		t.Errorf("reading after the end: %v", err)
	}
}
