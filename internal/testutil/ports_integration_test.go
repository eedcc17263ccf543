package testutil

import (
	"fmt"
	"net"
	"sync"
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

// TestFreePortOnce asks from many sides at once: nobody is given a row twice until the test that asked is over.
func TestFreePortOnce(t *testing.T) {
	if l, err := net.Listen("tcp4", "127.0.0.2:0"); err != nil {
		t.Skipf("no second address: %v", err)
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const all = 300
	ports := make(chan int, all)
	t.Run("at once", func(t *testing.T) {
		var work sync.WaitGroup
		for range all {
			work.Go(func() { ports <- FreePort(t) })
		}
		work.Wait()
		close(ports)
		given := map[int]bool{}
		for port := range ports {
			if given[port] {
				t.Errorf("%d is given out twice", port)
			}
			given[port] = true
		}
		for port := range given {
			if reserve(t, port) {
				t.Errorf("%d can be had again while the test runs", port)
			}
		}
	})
	var first int
	t.Run("over", func(t *testing.T) { first = FreePort(t) })
	if !reserve(t, first) {
		t.Error("a port cannot be had again after the test")
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
