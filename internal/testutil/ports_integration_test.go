package testutil

import (
	"fmt"
	"net"
	"testing"
)

func TestFreePort(t *testing.T) {
	port := FreePort(t)
	if port%portsInRow != 0 || port < portsFrom || port >= portsTo {
		t.Errorf("port %d", port)
	}
	for next := port; next < port+portsInRow; next++ {
		for _, network := range []string{"udp", "tcp"} {
			if taken := take(t, network, next); rowIsFree(port) {
				t.Errorf("%s port %d counts as free while it is taken", network, next)
			} else if err := taken(); err != nil {
				t.Error(err)
			}
		}
	}
	if !rowIsFree(port) {
		t.Error("the ports do not count as free")
	}
}

// take listens on a port until what it returns is called.
func take(t *testing.T, network string, port int) (leave func() error) {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	if network == "udp" {
		c, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		return c.Close
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return l.Close
}
