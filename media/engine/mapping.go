package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

const (
	mappingEvery = 15 * time.Second       // between Binding requests (RFC 8445 section 11)
	mappingRTO   = 250 * time.Millisecond // before the first repetition
	mappingTries = 4                      // of one request
	mappingLost  = 3                      // requests without a response after which a mapping is not named any more
)

var errSTUNSilent = errors.New("engine: STUN: the server does not answer")

// mapping asks a STUN server what address the shared port has for it, and goes on asking: that keeps a NAT's mapping, and tells when it
// is another.
type mapping struct {
	shard  *shard
	server serverAddr
	limits *limits
	log    *slog.Logger
	conn   *stunConn      // takes the responses
	at     netip.AddrPort // of the server, while it answers there
	now    atomic.Pointer[netip.AddrPort]
	first  chan struct{}
	once   sync.Once
}

func newMapping(s *shard, server serverAddr) *mapping {
	return &mapping{
		shard: s, server: server, limits: &s.engine.limits, first: make(chan struct{}), conn: &stunConn{at: s, queue: newQueue()},
		log: s.log.With("server", server.hostPort, "port", s.rtp.addr.Port()),
	}
}

func (m *mapping) run(ctx context.Context) {
	defer m.decided()
	defer context.AfterFunc(ctx, m.conn.queue.close)()
	for failures := 0; ctx.Err() == nil; {
		addr, err := m.ask(ctx)
		wait := m.limits.mapping
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
			if old := m.now.Swap(&addr); old == nil || *old != addr {
				m.log.Info("the shared port has a public address", "addr", addr)
			}
		default:
			if failures++; failures == mappingLost {
				m.now.Store(nil)
			}
			m.at = netip.AddrPort{}
			wait = backOff(m.limits.backOff, failures-1)
			m.log.Warn("there is no answer from a STUN server", "err", err, "again", wait)
		}
		m.decided()
		if !pause(ctx, wait) {
			return
		}
	}
}

func (m *mapping) decided() { m.once.Do(func() { close(m.first) }) }

// ask makes one Binding transaction (RFC 8489 section 12).
func (m *mapping) ask(ctx context.Context) (netip.AddrPort, error) {
	server, err := m.lookUp(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("engine: STUN: %w", err)
	}
	b := make([]byte, packetSize)
	for try := range mappingTries {
		m.shard.checks.put(request.TransactionID, m.conn)
		if err := m.shard.writeTo(request.Raw, server); err != nil {
			return netip.AddrPort{}, fmt.Errorf("engine: STUN: %w", err)
		}
		m.conn.queue.deadline(time.Now().Add(m.limits.mappingRTO << try))
		for {
			n, from, err := m.conn.queue.get(b)
			if err != nil {
				break
			}
			if addr, ok := m.response(b[:n], from, server, request.TransactionID); ok {
				return addr, nil
			}
		}
	}
	return netip.AddrPort{}, errSTUNSilent
}

// response reads the mapped address out of a response to our request.
func (m *mapping) response(b []byte, from, server netip.AddrPort, id transactionID) (netip.AddrPort, bool) {
	r := &stun.Message{Raw: b}
	if from != server || r.Decode() != nil || r.TransactionID != id || r.Type != stun.BindingSuccess {
		return netip.AddrPort{}, false
	}
	value, err := r.Get(stun.AttrXORMappedAddress)
	addr, ok := xorAddr(value, b[4:stunHeaderSize])
	return addr, err == nil && ok && addr.Port() != 0 && !addr.Addr().IsUnspecified()
}

// lookUp finds the server's address, of the family of the port, anew after a failure.
func (m *mapping) lookUp(ctx context.Context) (netip.AddrPort, error) {
	if m.at.IsValid() {
		return m.at, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	family := "ip4"
	if m.shard.rtp.addr.Addr().Is6() {
		family = "ip6"
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, family, m.server.host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("engine: STUN: %w", err)
	}
	m.at = netip.AddrPortFrom(ips[0].Unmap(), m.server.port)
	return m.at, nil
}
