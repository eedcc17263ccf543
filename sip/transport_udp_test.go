package sip

import (
	"net"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// oddAddr is an address that says nothing of where something came from.
type oddAddr struct{}

func (oddAddr) Network() string { return "odd" }
func (oddAddr) String() string  { return "somewhere" }

// oddSocket has one datagram, from there.
type oddSocket struct {
	net.PacketConn
	text string
}

func (s *oddSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	if s.text == "" {
		return 0, nil, net.ErrClosed
	}
	n := copy(b, s.text)
	s.text = ""
	return n, oddAddr{}, nil
}

// TestFromNowhere passes over a datagram of a socket of the program's own that cannot be answered.
func TestFromNowhere(t *testing.T) {
	tr := newTransport(&settings{}, &counters{})
	defer tr.stop()
	tr.arrived = func(msg sipmsg.Message, from conn, _ time.Time) { t.Errorf("from %v came\n%s", from.remote(), msg) }
	tr.udp = datagramsOf(&oddSocket{text: allocInvite})
	tr.readUDP()
}
