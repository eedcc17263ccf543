package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v4/stdnet"

	"github.com/alexacall/alexacall/media"
)

var errTooLong = errors.New("engine: packet too long")

// Options are the options of Listen; nil is valid.
type Options struct {
	// PublicIP is the address that descriptions name, where the far sides see another one than the socket has. The zero value is the
	// socket's own or, if that is unspecified, the machine's first address that is not loopback.
	PublicIP netip.Addr
	// MaxTerminals is how many terminals may be open at a time; 0 means 10,000. Beyond it Open fails with ErrFull.
	MaxTerminals int
	// MaxPacketRate is how many packets a second may come in, in all and measured over the last second; 0 means no limit. Beyond it Open
	// fails with ErrFull, and calls that stand go on.
	MaxPacketRate int
	// Shards is how many pairs of UDP ports share the calls, each with two readers of its own, so that as many processors work; 0 means 1,
	// and 64 is the most. Where the address has a port, the shards have the pairs from that port on.
	Shards int
	// STUN lists servers ("stun:host[:port]", RFC 7064) that are asked for the public address of the shared port, once and again, over
	// UDP: descriptions of legs with ICE name it.
	STUN []string
	// TURN lists servers that relay media, preferred first: descriptions of legs with ICE name the relays last.
	TURN []TURNServer
	// FirstMedia is how long a leg that has been accepted (media.Terminal.Answered) may go without any media of the far side's, and Silence
	// how long it may fall silent later, before it fails with a *media.SilentError; 0 means 30 s and 60 s, and a negative one for ever. The
	// far side's RTCP is a sign of life too, for it may suppress silence (RFC 3551 section 4.1), unless it says that it sends what does not
	// arrive. A leg that is held, or one way, is not timed, nor one that rings, with early media or without; of sound and pictures that go
	// both ways one is enough. So these are ended though somebody is there: a phone that sends neither sound nor RTCP while it is mute or
	// nobody speaks (comfort noise and DTX are sound, if they come often enough), and a recorder or an announcement that has agreed to both
	// ways and sends RTCP no more than sound. For calls with such far sides take a negative Silence, or a longer one.
	FirstMedia, Silence time.Duration
	// Ports are for legs whose Policy has OwnPorts, and for calls whose far side uses an address that another call has: each gets a pair.
	// Where a firewall stands before the engine they have to be open as well. They must not be the engine's own; those that another program
	// has are passed over. The zero value has none.
	Ports PortRange
	// TCP is an address such as "192.0.2.1:40000" at which far sides with ICE may connect by TCP (RFC 6544); port 0 is a free one. Where it
	// is empty, connections are made to far sides that wait for them, and none are taken.
	TCP string
	// Logger is silent if nil.
	Logger *slog.Logger
}

func (o *Options) maxTerminals() int {
	if o == nil || o.MaxTerminals <= 0 {
		return 10_000
	}
	return o.MaxTerminals
}

func (o *Options) maxPacketRate() int {
	if o == nil {
		return 0
	}
	return o.MaxPacketRate
}

func (o *Options) ports() PortRange {
	if o == nil {
		return PortRange{}
	}
	return o.Ports
}

func (o *Options) shards() int {
	if o == nil || o.Shards <= 0 {
		return 1
	}
	return o.Shards
}

func (o *Options) logger() *slog.Logger {
	if o == nil || o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// An Engine carries the media of all calls through one UDP port, and a second one for the RTCP of those that do not multiplex it, or
// through as many such pairs as Options.Shards says. It implements media.Engine and is safe for concurrent use.
type Engine struct {
	o      *Options
	log    *slog.Logger
	shards []*shard     // at least one
	ports  *ports       // nil without a range
	local  netip.Addr   // that descriptions name
	hosts  []netip.Addr // that we listen on
	cert   *certificate
	net    *stdnet.Net // shared by all ICE agents: each would enumerate the interfaces for itself
	gather *gatherer

	replayed error // what SRTP says of a packet that has come before
	names    names
	tcp      tcpSide

	opened  time.Time // when the clock of the calls began
	limits  limits
	spare   spare
	shelves shelves

	mu        sync.Mutex
	terminals map[*terminal]struct{}
	closed    bool
	opening   int  // terminals that are being opened
	rate      rate // of what comes in
	pairs     map[*shard]struct{}
	gone      totals // of pairs that are closed
	ids       atomic.Uint64
	reporter  *reporter
}

// limits are how long others may take.
type limits struct {
	connect   time.Duration
	handshake time.Duration
	moved     time.Duration
	heal      time.Duration
	consent   time.Duration
	dial      time.Duration // before connections are made
	proof     time.Duration // for a connection to show whose it is

	mapping, mappingRTO  time.Duration // between Binding requests to a STUN server, and before one is repeated
	turnRefresh, turnRTO time.Duration
	backOff              time.Duration // before a server is asked again for the first time
}

func usualLimits() limits {
	return limits{
		connect: connectLimit, handshake: handshakeLimit, moved: movedAfter, heal: healAfter,
		consent: consentLimit, dial: dialAfter, proof: proofLimit,
		mapping: mappingEvery, mappingRTO: mappingRTO, turnRefresh: turnEvery, turnRTO: turnRTO, backOff: backOffFirst,
	}
}

var _ media.Engine = (*Engine)(nil)

// Listen opens an engine on a UDP address such as "192.0.2.1:40000", or "0.0.0.0:0" for a free port on all interfaces, which is what ""
// stands for too. The next port is taken as well, and two more for each further shard.
//
// It waits for the servers of Options.STUN and Options.TURN for at most two seconds. Those that have not answered by then are asked on
// behind it, and what they tell is missing in the descriptions until they do. The error of a URL that cannot be read is told at once.
func Listen(addr string, o *Options) (*Engine, error) { return listen(addr, o, usualLimits()) }

func listen(addr string, o *Options, l limits) (*Engine, error) {
	at, err := resolve(addr)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		o: o, log: o.logger(), terminals: map[*terminal]struct{}{}, limits: l, opened: time.Now(),
		pairs: map[*shard]struct{}{},
	}
	if e.cert, err = newCertificate(); err != nil {
		return nil, err
	}
	if e.net, err = stdnet.NewNet(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if e.ports, err = newPorts(o.ports()); err != nil {
		return nil, err
	}
	if e.replayed, err = replayError(); err != nil {
		return nil, err
	}
	if err = e.listen(at); err != nil {
		return nil, err
	}
	if err = e.findAddrs(); err != nil {
		e.closeShards()
		return nil, err
	}
	if e.gather, err = newGatherer(e); err != nil {
		e.closeShards()
		return nil, err
	}
	if err = e.tcp.listen(e, o.tcp()); err != nil {
		e.closeShards()
		return nil, err
	}
	e.gather.start(gatherWait)
	e.checkBuffers()
	e.names.six = e.local.Is6()
	e.reporter = newReporter(e)
	return e, nil
}

func resolve(addr string) (netip.AddrPort, error) {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("engine: %w", err)
	}
	at := a.AddrPort()
	if a.IP == nil {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()), nil
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// findAddrs finds the address for descriptions, and those that are ours.
func (e *Engine) findAddrs() error {
	bound := e.bound()
	if e.o != nil {
		e.local = e.o.PublicIP
	}
	if !bound.IsUnspecified() {
		e.hosts = []netip.Addr{bound}
		if !e.local.IsValid() {
			e.local = bound
		}
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := p.Addr().Unmap()
		e.hosts = append(e.hosts, ip)
		if !e.local.IsValid() && ip.Is4() == bound.Is4() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			e.local = ip
		}
	}
	if !e.local.IsValid() {
		return errors.New("engine: no address of this machine to put into descriptions: set Options.PublicIP")
	}
	return nil
}

// Addr returns the UDP address of RTP and of everything that shares its port: that of the first shard.
func (e *Engine) Addr() netip.AddrPort { return e.shards[0].rtp.addr }

// Open implements media.Engine. The error is an ErrFull or media.ErrClosed.
func (e *Engine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	home, err := e.home(p)
	if err != nil {
		return nil, err
	}
	t := newTerminal(e, home, p, o)
	e.mu.Lock()
	e.opening--
	if e.closed {
		e.mu.Unlock()
		e.leave(home)
		return nil, media.ErrClosed
	}
	e.terminals[t] = struct{}{}
	e.mu.Unlock()
	return t, nil
}

// Close closes every terminal and the sockets, and waits for all goroutines.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	open := e.open()
	e.mu.Unlock()
	for _, t := range open {
		_ = t.Close()
	}
	e.gather.close()
	e.tcp.close()
	e.names.close()
	e.reporter.close()
	e.closeShards()
	return nil
}

// open returns the terminals; e.mu is held.
func (e *Engine) open() []*terminal {
	ts := make([]*terminal, 0, len(e.terminals))
	for t := range e.terminals {
		ts = append(ts, t)
	}
	return ts
}

func (e *Engine) forget(t *terminal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.terminals, t)
}

// clock returns a time as a leg keeps it: since the engine was opened. It is never 0.
func (e *Engine) clock(now time.Time) time.Duration { return max(1, now.Sub(e.opened)) }

func random() uint32 { return rand.Uint32() }
