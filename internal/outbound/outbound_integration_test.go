package outbound_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/outbound"
)

// TestNamesAreCheckedOnceResolved dials a name that no list of bad addresses would have: what it resolves to decides.
func TestNamesAreCheckedOnceResolved(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{Control: outbound.Control}
	for _, host := range []string{"localhost", "127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"} {
		c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, outbound.ErrNotPublic) || !strings.Contains(err.Error(), "not a public address") {
			t.Errorf("%s: %v", host, err)
		}
	}
}
