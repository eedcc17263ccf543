//go:build linux && (amd64 || arm64)

package engine

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// shrunk is an engine whose first shard has a receive buffer of about a size.
func shrunk(t *testing.T, o *Options, size int) *Engine {
	t.Helper()
	e, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if err := e.shards[0].rtp.conn.SetReadBuffer(size); err != nil {
		t.Fatal(err)
	}
	return e
}

// What a stalled reader leaves to the system, and the system drops, is counted: each datagram once.
func TestKernelDrops(t *testing.T) {
	const sent = 500
	e := shrunk(t, nil, 16<<10)
	s := e.shards[0]
	from, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	s.mu.Lock() // the reader stands still
	for range sent {
		if _, err := from.WriteToUDPAddrPort(make([]byte, 1000), e.Addr()); err != nil {
			t.Error(err)
		}
	}
	dropped := e.Stats().KernelDrops
	s.mu.Unlock()
	if dropped == 0 || dropped > sent {
		t.Errorf("%d of %d datagrams are dropped, in 16 KiB", dropped, sent)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); s.packets.Load()+dropped < sent && time.Now().Before(deadline); <-tick.C {
	}
	if got := s.packets.Load(); got != sent-dropped || e.Stats().KernelDrops != dropped {
		t.Errorf("%d datagrams came and %d were dropped, want %d in all", got, dropped, sent)
	}
}

// The smallest buffer of the shards' is told, and a small one is warned of.
func TestReadBuffer(t *testing.T) {
	var log bytes.Buffer
	e := shrunk(t, &Options{Shards: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))}, 64<<10)
	if got := e.Stats().ReadBuffer; got != 64<<10 {
		t.Errorf("a receive buffer of %d bytes, want %d", got, 64<<10)
	}
	log.Reset()
	e.checkBuffers()
	if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "bytes=65536") || !strings.Contains(got, "rmem_max") {
		t.Errorf("a small buffer is told of with %q", got)
	}
}
