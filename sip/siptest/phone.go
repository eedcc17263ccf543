package siptest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// closeTimeout is how long Close waits for the other sides of the calls it hangs up.
	closeTimeout = 2 * time.Second
	// maxEnded is how many calls that have ended a phone remembers.
	maxEnded = 256
)

var (
	errClosed = errors.New("siptest: phone is closed")
	errEnded  = errors.New("siptest: call has ended")
)

// A Phone is one SIP phone on the loopback interface. Its methods are safe for concurrent use.
type Phone struct {
	settings
	addr     netip.AddrPort
	sockets  sockets
	gate     *gate // nil without TCP
	tpl      *sipmsg.TransportLayer
	txl      *sipmsg.TransactionLayer
	started  time.Time
	seed     maphash.Seed // of the To tags
	nonces   nonces
	refusals refusals

	ctx     context.Context // ends when the phone closes
	stop    context.CancelFunc
	running sync.WaitGroup // calls, what is being handled, and what is being sent
	readers sync.WaitGroup // of the sockets

	tracing outlet // to OnMessage
	logging outlet // to Logger

	mu       sync.Mutex
	closing  bool // no new calls
	stopped  bool // no more of anything
	deaf     bool // what still arrives finds dead connections
	peers    map[peer]struct{}
	closed   chan struct{}
	closeErr error
	calls    []*Call
	dialogs  map[string]*Call // by Call-ID and local tag
	incoming []*Call          // not yet returned by NextCall
	arrived  chan struct{}    // closed and replaced when a call comes in
}

// NewPhone returns a phone that listens on a free port of 127.0.0.1, or on o.PacketConn. The caller closes it.
func NewPhone(o *PhoneOptions) (*Phone, error) {
	s, err := o.prepare()
	if err != nil {
		return nil, err
	}
	k, err := listen(&s)
	if err != nil {
		return nil, err
	}
	p := &Phone{
		settings: s,
		addr:     k.addr,
		sockets:  k,
		started:  time.Now(),
		seed:     maphash.MakeSeed(),
		closed:   make(chan struct{}),
		peers:    make(map[peer]struct{}),
		dialogs:  make(map[string]*Call),
		arrived:  make(chan struct{}),
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.serve()
	return p, nil
}

// serve starts the two layers of sipgo that the phone stands on.
func (p *Phone) serve() {
	// Not the user part: it may be a number.
	p.log = slog.New(gated{p.log.Handler(), &p.logging}).With("phone", p.addr)
	forSIPGo := slog.New(quiet{p.log.Handler()})
	p.tpl = sipmsg.NewTransportLayer(net.DefaultResolver, sipmsg.NewParser(), nil, sipmsg.WithTransportLayerLogger(forSIPGo))
	// The order matters: what arrives is seen here, one message after the other, before the transaction layer hands each to a
	// goroutine of its own.
	p.tpl.OnMessage(p.observe)
	p.txl = sipmsg.NewTransactionLayer(p.tpl,
		sipmsg.WithTransactionLayerLogger(forSIPGo),
		sipmsg.WithTransactionLayerUnhandledResponseHandler(p.unmatched))
	p.txl.OnRequest(p.request)
	if p.sockets.udp != nil {
		d := &datagrams{PacketConn: p.sockets.udp, sent: p.traceSent, ready: make(chan struct{})}
		p.readers.Go(func() { _ = p.tpl.ServeUDP(d) })
		<-d.ready
	}
	if p.sockets.tcp != nil {
		p.gate = newGate(p.sockets.tcp, p.traceSent, p.tpl.GetConnection)
		p.readers.Go(func() { _ = p.tpl.ServeTCP(p.gate) })
		p.readers.Go(p.gate.accept)
	}
}

// URI returns the SIP URI that reaches the phone, such as "sip:desk@127.0.0.1:40123".
func (p *Phone) URI() string {
	uri := p.uri(p.Network == "tcp")
	return uri.String()
}

// uri returns the phone's URI.
func (p *Phone) uri(tcp bool) sipmsg.Uri {
	uri := sipmsg.Uri{Scheme: "sip", User: p.User, Host: p.host(), Port: int(p.addr.Port())}
	if tcp {
		uri.UriParams.Add("transport", "tcp")
	}
	return uri
}

// host returns the phone's address as it stands in a URI.
func (p *Phone) host() string {
	if p.addr.Addr().Is6() {
		return "[" + p.addr.Addr().String() + "]"
	}
	return p.addr.Addr().String()
}

// Addr returns the address that the phone listens on for SIP.
func (p *Phone) Addr() netip.AddrPort { return p.addr }

// Calls returns the calls of the phone, those in and those out, in the order they began. Of those that have ended it remembers the
// last 256.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// NextCall returns the next incoming call, each one once, as soon as there is one. It fails when ctx ends or the phone closes.
func (p *Phone) NextCall(ctx context.Context) (*Call, error) {
	for {
		p.mu.Lock()
		arrived := p.arrived
		if len(p.incoming) > 0 {
			c := p.incoming[0]
			p.incoming = slices.Delete(p.incoming, 0, 1)
			p.mu.Unlock()
			return c, nil
		}
		p.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("siptest: no call came: %w", ctx.Err())
		case <-p.ctx.Done():
			return nil, errClosed
		}
	}
}

// Close hangs up all calls, waits up to two seconds for the other sides, frees all sockets and waits until nothing of the phone runs.
// Closing again waits for the first Close and returns the same.
func (p *Phone) Close() error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		<-p.closed
		return p.closeErr
	}
	p.closing = true
	calls := slices.Clone(p.calls)
	p.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	var hangups sync.WaitGroup
	for _, c := range calls {
		hangups.Go(func() {
			if err := c.Hangup(ctx); err != nil {
				p.log.Debug("hang up on close", "error", err)
			}
		})
	}
	hangups.Wait()
	cancel()

	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.stop()
	for _, c := range calls {
		c.end(ending{status: sipmsg.StatusRequestTerminated, reason: "phone closed"})
	}
	p.txl.Close()
	p.running.Wait()
	p.closeErr = p.shut()
	p.tracing.close()
	p.logging.close()
	close(p.closed)
	return p.closeErr
}

// shut closes the sockets. Nothing of the phone runs any more but what reads them.
func (p *Phone) shut() error {
	p.forget()
	err := p.sockets.close()
	if p.gate != nil {
		err = errors.Join(err, p.gate.Close())
		// sipgo may have dialled to answer a request whose connection was gone.
		_ = p.tpl.Pool("tcp").Clear() // most are closed already
		p.forget()
	}
	p.readers.Wait()
	return err
}

// enter reports whether work may begin; p.running.Done ends it.
func (p *Phone) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.running.Add(1)
	return true
}

// add takes c into the phone's calls. It fails when the phone is closing.
func (p *Phone) add(c *Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return errClosed
	}
	p.dialogs[c.key()] = c
	p.calls = append(p.calls, c)
	if ended := len(p.calls) - len(p.dialogs) - maxEnded; ended > 0 {
		p.calls = slices.DeleteFunc(p.calls, func(old *Call) bool {
			if ended == 0 || old.State() != Ended {
				return false
			}
			ended--
			return true
		})
	}
	if c.incoming {
		p.incoming = append(p.incoming, c)
		if len(p.incoming) > maxEnded {
			p.incoming = slices.Delete(p.incoming, 0, 1)
		}
		close(p.arrived)
		p.arrived = make(chan struct{})
	}
	return nil
}

// remove takes c out of the dialogs: what still comes for it is answered with 481.
func (p *Phone) remove(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dialogs[c.key()] == c {
		delete(p.dialogs, c.key())
	}
}

// lookup returns the call that a message with this Call-ID and this local tag belongs to, or nil.
func (p *Phone) lookup(callID, localTag string) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialogs[dialogKey(callID, localTag)]
}
