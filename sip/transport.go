package sip

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Limits of what is read and written.
const (
	maxMessage = 64 << 10 // bytes of one message
	maxHeaders = 128      // header fields of one message
	maxVias    = 70       // Via values of one message: as many as Max-Forwards allows
)

// The transports, as they stand in Via.
const (
	networkUDP = "UDP"
	networkTCP = "TCP"
	networkTLS = "TLS"
)

// reliable reports whether a transport is one of connections, which repeats what is lost by itself.
func reliable(network string) bool { return network != networkUDP }

// defaultPortOf returns the port of a transport where a URI or a Via has none.
func defaultPortOf(network string) int {
	if network == networkTLS {
		return defaultTLSPort
	}
	return defaultPort
}

var errInjected = errors.New("sip: a line break in a header field")

// conn is a way to one peer: what transactions write to. Its methods are safe for concurrent use.
type conn interface {
	network() string
	remote() netip.AddrPort
	alive() bool // can still be written to
	hold(n int)  // counts the calls and transactions that need it
	write([]byte) error
}

// transport moves messages between the sockets and the agent.
type transport struct {
	parser  *sipmsg.Parser
	arrived func(msg sipmsg.Message, from conn, came time.Time) // called in the order of arrival
	broken  func(text []byte, from conn)                        // called for a message that is no SIP
	lost    func(s *stream)                                     // called when a connection has ended
	count   *counters
	guard   *guard

	udp         datagrams    // nil without UDP
	tcp         net.Listener // nil without TCP
	tls         net.Listener // of what TLS comes in over; nil without
	secure      *tls.Config  // of TLS both ways; nil without
	dialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	reading     sync.WaitGroup
	ctx         context.Context // ends with close
	stop        context.CancelFunc
	shunned     shunned
	scratch     sync.Pool // of *bytes.Buffer, for messages that are being written

	mu      sync.Mutex
	closed  bool
	all     map[*stream]struct{}
	streams map[wayKey]*stream // the last of those that lead to one place
	dials   map[wayKey]*connecting
	sources map[netip.Addr]int // connections that came in, by address
}

func newTransport(o *settings, count *counters) *transport {
	t := &transport{
		count: count, guard: newGuard(o.Peers), parser: newParser(), secure: o.TLS, dialContext: o.DialContext,
		scratch: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		all:     map[*stream]struct{}{}, streams: map[wayKey]*stream{}, dials: map[wayKey]*connecting{}, sources: map[netip.Addr]int{},
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

func newParser() *sipmsg.Parser {
	p := sipmsg.NewParser()
	p.MaxMessageLength = maxMessage
	return p
}

// speaks reports whether a transport is in use.
func (t *transport) speaks(network string) bool {
	switch network {
	case networkUDP:
		return t.udp != nil
	case networkTCP:
		return t.tcp != nil
	}
	return t.secure != nil
}

// serve starts to read.
func (t *transport) serve() {
	if t.udp != nil {
		t.reading.Go(t.readUDP)
	}
	if t.tcp != nil {
		t.reading.Go(func() { t.accept(t.tcp, networkTCP) })
	}
	if t.tls != nil {
		t.reading.Go(func() { t.accept(t.tls, networkTLS) })
	}
}

// close closes all sockets and waits for their readers.
func (t *transport) close() {
	t.mu.Lock()
	t.closed = true
	t.stop()
	open := slices.Collect(maps.Keys(t.all))
	t.mu.Unlock()
	t.closeSockets()
	for _, s := range open {
		t.reading.Go(s.leave)
	}
	t.reading.Wait()
}

// closeSockets closes what serve reads from.
func (t *transport) closeSockets() {
	if t.udp != nil {
		_ = t.udp.Close()
	}
	for _, l := range [...]net.Listener{t.tcp, t.tls} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// A socket whose reads fail again and again is not asked in a tight loop.
const (
	maxReadFaults  = 16
	readFaultPause = 50 * time.Millisecond
)

// pause waits for d or the end.
func (t *transport) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// message parses one message, which came at a time.
func (t *transport) message(b []byte, from conn, came time.Time) {
	if crowded(b) {
		t.unparsed(from)
		return
	}
	msg, err := t.parser.ParseSIP(b)
	if err != nil {
		t.unparsed(from)
		t.broken(b, from)
		return
	}
	msg.SetTransport(from.network())
	t.arrived(msg, from, came)
}

// unparsed counts what was no SIP.
func (t *transport) unparsed(from conn) {
	t.count.unparsed.Add(1)
	t.guard.charge(from.remote().Addr(), offenceUnparsed, time.Now())
}

// addrPort returns an address in the form that addresses are compared in.
func addrPort(a net.Addr) (netip.AddrPort, bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort()), true
	case *net.TCPAddr:
		return unmap(a.AddrPort()), true
	}
	at, err := netip.ParseAddrPort(a.String())
	return unmap(at), err == nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// send writes a message whole, whatever its size: see workaround.go.
func (t *transport) send(way conn, msg sipmsg.Message) error {
	text, err := t.text(msg)
	if err != nil {
		return err
	}
	return way.write(text)
}

// request writes a request of ours. Who gets it may answer.
func (t *transport) request(way conn, text []byte) error {
	t.guard.trust(way.remote().Addr(), time.Now())
	return way.write(text)
}

// text returns a message as it is written.
func (t *transport) text(msg sipmsg.Message) ([]byte, error) {
	buf, ok := t.scratch.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer t.scratch.Put(buf)
	buf.Reset()
	if err := encode(buf, msg); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// encode appends the text of a message. It is the last guard against what was built from a text with line breaks in it: such a message
// has more lines than header fields, and is refused.
func encode(buf *bytes.Buffer, msg sipmsg.Message) error {
	fields := len(headersOf(msg))
	msg.StringWrite(buf)
	text := buf.Bytes()
	head := text[:len(text)-len(msg.Body())]
	lines := fields + 2 // the start line and the empty one
	if bytes.Count(head, []byte{'\n'}) != lines || bytes.Count(head, []byte{'\r'}) != lines {
		return errInjected
	}
	if len(text) > maxMessage {
		return fmt.Errorf("sip: message of %d bytes, more than %d", len(text), maxMessage)
	}
	return nil
}
