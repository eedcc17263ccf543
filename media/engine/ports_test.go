package engine

import (
	"strconv"
	"strings"
	"testing"
)

// Every pair begins at an even port and lies in the range, and one that comes back is the last to be given again.
func TestPortsOrder(t *testing.T) {
	for _, c := range []struct {
		of    PortRange
		first uint16 // 0: an error
		pairs int
	}{
		{PortRange{40000, 40005}, 40000, 3},
		{PortRange{40001, 40005}, 40002, 2},
		{PortRange{40000, 40004}, 40000, 2},
		{PortRange{65534, 65535}, 65534, 1},
		{PortRange{65535, 65535}, 0, 0},
		{PortRange{40000, 40000}, 0, 0},
		{PortRange{40001, 40002}, 0, 0},
		{PortRange{40002, 40001}, 0, 0},
		{PortRange{0, 9}, 0, 0},
	} {
		p, err := newPorts(c.of)
		if c.first == 0 {
			if err == nil {
				t.Errorf("%v: no error", c.of)
			}
			continue
		}
		if err != nil || p.pairs() != c.pairs {
			t.Fatalf("%v: %v, want %d pairs", c.of, err, c.pairs)
		}
		for i := range c.pairs {
			if port, ok := p.take(); !ok || port != c.first+uint16(2*i) {
				t.Errorf("%v: pair %d is %d, %v", c.of, i, port, ok)
			}
		}
		if port, ok := p.take(); ok {
			t.Errorf("%v: %d is given twice", c.of, port)
		}
	}
	p, err := newPorts(PortRange{40000, 40005})
	if err != nil {
		t.Fatal(err)
	}
	var order []uint16
	for range 4 {
		port, _ := p.take()
		if !p.has(port) || !p.has(port+1) || p.has(port+2) {
			t.Errorf("%d and the port after it are not those that are in use", port)
		}
		order = append(order, port)
		p.put(port)
	}
	if order[0] != 40000 || order[1] != 40002 || order[2] != 40004 || order[3] != 40000 {
		t.Errorf("given one after another: %v, want each before any again", order)
	}
	var none *ports
	if none.has(0) || p.has(40000) {
		t.Error("ports that nobody has been given are in use")
	}
}

func TestCandidateAddr(t *testing.T) {
	for text, want := range map[string]string{
		"1 1 udp 2130706431 192.0.2.1 5000 typ host":                       "192.0.2.1:5000",
		"1 1 UDP 1 ::ffff:192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 9": "192.0.2.1:5000",
		"1 1 udp 1 2001:db8::1 5000 typ host":                              "[2001:db8::1]:5000",
		"1 2 udp 1 192.0.2.1 5001 typ host":                                "",
		"1 1 tcp 1 192.0.2.1 9 typ host tcptype active":                    "",
		"1 1 udp 1 name.local 5000 typ host":                               "",
		"1 1 udp 1 192.0.2.1 65536 typ host":                               "",
		"1 1 udp 1 192.0.2.1":                                              "",
		"":                                                                 "",
	} {
		got, ok := candidateAddr(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %s, %v, want %q", text, got, ok, want)
		}
	}
}

func FuzzCandidateAddr(f *testing.F) {
	f.Add("1 1 udp 2130706431 192.0.2.1 5000 typ host")
	f.Add("1 1 UDP 1 fe80::1%eth0 5000 typ host")
	f.Add("1 1 udp 1 name.local 5000")
	f.Fuzz(func(t *testing.T, text string) {
		a, ok := candidateAddr(text)
		if ok != a.IsValid() {
			t.Fatalf("%q: %s, %v", text, a, ok)
		}
		if ok && !strings.Contains(text, strconv.Itoa(int(a.Port()))) {
			t.Fatalf("%q has no port %d", text, a.Port())
		}
	})
}
