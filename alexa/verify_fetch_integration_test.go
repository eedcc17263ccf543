package alexa_test

import (
	"errors"
	"net"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/internal/outbound"
)

// TestChainsComeFromPublicAddresses has the host of the chains resolve to this one: nothing is connected to. A proxy may be here.
func TestChainsComeFromPublicAddresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	direct := alexa.ChainDialer("s3.amazonaws.com:443")
	if c, err := direct.DialContext(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, outbound.ErrNotPublic) {
		t.Errorf("the host of the chains: %v, %v", c, err)
	}
	proxy := alexa.ChainDialer("127.0.0.1:3128")
	c, err := proxy.DialContext(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	must(t, c.Close())
}
