//go:build linux

package engine

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLongDatagrams sends what is longer than the path takes, among what is not: in fragments, by a batch and one at a time, and nothing of
// the rest is held up by it.
func TestLongDatagrams(t *testing.T) {
	narrowLoopback(t, 1280)
	sock, err := listenSocket(netip.MustParseAddrPort("127.0.0.1:0"), socketRoom)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sock.conn.Close() }()
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	to := peer.LocalAddr().(*net.UDPAddr).AddrPort()

	sent := [][]byte{bytes.Repeat([]byte{1}, 172), bytes.Repeat([]byte{2}, 1900), bytes.Repeat([]byte{3}, 1200), bytes.Repeat([]byte{4}, 1253)}
	batch, lost := newOutBatch(sock, batchSize), atomic.Uint64{}
	for _, b := range sent {
		batch.add(b, to, &lost)
	}
	batch.flush()
	for _, b := range sent {
		if err := sock.writeTo(b, to); err != nil {
			t.Errorf("%d bytes one at a time: %v", len(b), err)
		}
	}
	if lost.Load() != 0 {
		t.Errorf("%d of a batch were refused, want none", lost.Load())
	}
	buf := make([]byte, packetSize)
	_ = peer.SetReadDeadline(time.Now().Add(30 * time.Second))
	for i := range 2 * len(sent) {
		n, err := peer.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if want := sent[i%len(sent)]; !bytes.Equal(buf[:n], want) {
			t.Errorf("datagram %d: got %d bytes, want %d", i, n, len(want))
		}
	}
	var how int
	if err := sock.raw.Control(func(fd uintptr) { how, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER) }); err != nil {
		t.Fatal(err)
	}
	if how != unix.IP_PMTUDISC_DO {
		t.Errorf("got %d for IP_MTU_DISCOVER, want %d: a datagram is numbered only if it must be", how, unix.IP_PMTUDISC_DO)
	}
}

// narrowLoopback gives the test a network of its own, in which the loopback interface takes datagrams of a length at the most. The goroutine
// keeps its thread, which ends with the test.
func narrowLoopback(t *testing.T, mtu uint32) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		if errors.Is(err, unix.EPERM) {
			t.Skip("needs the right to a network of its own: ", err)
		}
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	length, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	length.SetUint32(mtu)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, length); err != nil {
		t.Fatal(err)
	}
	up, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	up.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		t.Fatal(err)
	}
}
