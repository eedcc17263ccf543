package sip

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// byeFor is how long Close waits for far sides to confirm the end of their calls.
const byeFor = 2 * time.Second

// An Agent speaks SIP with phones, PBXs and trunks: it takes calls and places them. Make one with Listen. It is safe for concurrent use.
type Agent struct {
	o         settings
	log       *slog.Logger
	engine    media.Engine
	transport *transport
	txs       *transactions
	intake    *bridge.Intake // nil without a Bridge
	door      *doorkeeper    // nil unless those who begin something have to say who they are
	count     counters
	overload  overload
	addr      netip.AddrPort // of UDP and TCP
	tlsAddr   netip.AddrPort

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // inboxes

	mu        sync.Mutex
	inboxes   map[string]*inbox // by Call-ID
	spare     []*inbox          // that are used again
	workplace workplace
	legs      map[legKey]*Leg // that requests of far sides can reach
	standing  int             // legs that are not over
	messages  int             // that Options.Message has not answered yet
	draining  bool
	closed    bool
	quiet     chan struct{} // closed when standing, legs or messages get fewer; nil: nobody waits for that

	outliving map[legKey]*time.Timer // calls whose far sides may still tell of a transfer for which nobody waits

	registrations map[*Registration]struct{} // those that Close has to end

	closing sync.Once
}

var _ bridge.Dialer = (*Agent)(nil)

// legKey is what a request within a dialog finds its leg by: the Call-ID, and the tag that is ours.
type legKey struct{ callID, tag string }

// counters are what Stats tells.
type counters struct{ in, out, refused, invalid, unparsed, dropped, barred, handshakes, digitsLost, panics, unauthorized, turnedAway atomic.Uint64 }

// Stats are the totals of an Agent.
type Stats struct {
	Standing           int    // calls now, in and out
	ServerTransactions int    // requests of far sides, those of finished calls too while repetitions may come
	ClientTransactions int    // of ours, likewise
	In, Out            uint64 // calls that have come in and were handed to the Bridge, and calls placed
	Refused            uint64 // calls that came in and were refused before the Bridge saw them
	TurnedAway         uint64 // of these, for having come when there was too much to do
	Invalid            uint64 // requests and responses that broke the rules of SIP
	Unauthorized       uint64 // requests with credentials that were wrong
	Unparsed           uint64 // what came and was no SIP
	Dropped            uint64 // messages and connections for which there was no room
	Barred             uint64 // messages and connections of sources that are not Options.Peers, or that have offended too often
	Handshakes         uint64 // of TLS that far sides began and that came to nothing
	DigitsLost         uint64 // digits that could not go out as INFO
	ReadBuffer         int    // bytes of UDP that the system keeps until they are read, 4 MiB are asked for; 0: it does not say, or there is no UDP
	Panics             uint64 // of the Bridge, Options.Message and Options.Users; each has cost one call or message
}

// Listen opens an agent on an address such as "192.0.2.1:5060", for UDP and TCP on the same port, and for TLS as Options say.
// "127.0.0.1:0" finds a port that is free for all. e carries the media of its calls.
func Listen(addr string, e media.Engine, o *Options) (*Agent, error) {
	s, err := o.check()
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, errors.New("sip: no engine")
	}
	a := &Agent{
		o: s, log: s.log, engine: e,
		inboxes: map[string]*inbox{}, legs: map[legKey]*Leg{}, outliving: map[legKey]*time.Timer{}, registrations: map[*Registration]struct{}{},
	}
	a.transport = newTransport(&a.o, &a.count)
	a.txs = newTransactions(a.transport)
	a.transport.arrived, a.transport.broken, a.transport.lost = a.arrived, rescue, a.lostWay
	if err = a.bind(addr); err != nil {
		return nil, err
	}
	if err := a.o.complete(a.addr, a.tlsAddr); err != nil {
		a.transport.close()
		return nil, err
	}
	a.door = newDoorkeeper(&a.o, &a.count)
	if s.Bridge != nil {
		a.intake = bridge.NewIntake(s.Bridge, a.log)
	}
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.employ()
	a.transport.serve()
	return a, nil
}

// Stats returns the totals.
func (a *Agent) Stats() Stats {
	s := Stats{
		In: a.count.in.Load(), Out: a.count.out.Load(), Refused: a.count.refused.Load(), Invalid: a.count.invalid.Load(),
		Unparsed: a.count.unparsed.Load(), Dropped: a.count.dropped.Load(), Handshakes: a.count.handshakes.Load(), Barred: a.count.barred.Load(),
		DigitsLost: a.count.digitsLost.Load(), Panics: a.count.panics.Load(), Unauthorized: a.count.unauthorized.Load(),
		TurnedAway: a.count.turnedAway.Load(),
	}
	s.ServerTransactions, s.ClientTransactions = a.txs.counts()
	if a.transport.udp != nil {
		s.ReadBuffer = a.transport.udp.buffer()
	}
	if a.intake != nil {
		s.Panics += a.intake.Stats().Panics
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Standing = a.standing
	return s
}

// Drain refuses new calls, both ways, and messages that come, and waits for those that are there. When ctx ends first it ends the calls,
// waits for that, and returns ctx's error. Registrations stand until Close. It may be called more than once. The agent goes on to answer
// far sides until Close.
func (a *Agent) Drain(ctx context.Context) error {
	a.mu.Lock()
	a.draining = true
	a.mu.Unlock()
	var err error
	if a.intake != nil {
		err = a.intake.Drain(ctx)
	}
	if a.waitQuiet(ctx, func() bool { return a.standing == 0 && a.messages == 0 }) {
		return err
	}
	a.hangupAll(bridge.Overload)
	return context.Cause(ctx)
}

// Close ends all calls and registrations, gives their far sides up to two seconds to confirm it, closes the sockets and waits for every
// goroutine of the agent's own. It is idempotent.
func (a *Agent) Close() error {
	a.closing.Do(func() {
		a.mu.Lock()
		a.draining = true
		a.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), byeFor)
		defer cancel()
		unregistered := a.unregister()
		for _, l := range a.hangupAll(bridge.Overload) {
			l.post(l.finish) // its far side had its time
		}
		unregistered(ctx)
		if a.intake != nil {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			_ = a.intake.Drain(ended)
		}
		a.mu.Lock()
		a.closed = true
		for _, timer := range a.outliving {
			timer.Stop()
		}
		a.sendHome()
		a.mu.Unlock()
		a.stop()
		a.transport.close()
		a.work.Wait()
		a.txs.close()
	})
	return nil
}

// hangupAll ends all calls and waits for their far sides, though not for long. It returns the legs whose far sides have said nothing.
func (a *Agent) hangupAll(why bridge.Cause) []*Leg {
	for _, l := range a.all() {
		l.post(func() { l.hangup(why) })
	}
	ctx, cancel := context.WithTimeout(a.ctx, byeFor)
	defer cancel()
	a.waitQuiet(ctx, func() bool { return len(a.legs) == 0 })
	return a.all()
}

// all returns the legs that requests can reach.
func (a *Agent) all() []*Leg {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.legs))
}

// waitQuiet waits until done holds, which is called with a.mu held. It returns false if ctx ends first.
func (a *Agent) waitQuiet(ctx context.Context, done func() bool) bool {
	for {
		a.mu.Lock()
		if a.quiet == nil {
			a.quiet = make(chan struct{})
		}
		ok, quiet := done(), a.quiet
		a.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-quiet:
		case <-ctx.Done():
			return false
		}
	}
}

// fewer wakes who waits for calls to end. a.mu is held.
func (a *Agent) fewer() {
	if a.quiet != nil {
		close(a.quiet)
		a.quiet = nil
	}
}

// admit takes a new leg into the agent's calls, and returns why not if there is no place for it.
func (a *Agent) admit(l *Leg) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ErrClosed
	case a.draining:
		return bridge.ErrDraining
	case a.standing >= a.o.MaxCalls:
		return errTooManyCalls
	}
	a.standing++
	a.legs[l.key()] = l
	return nil
}

var errTooManyCalls = errors.New("sip: too many calls")

// ended counts a leg that is over.
func (a *Agent) ended() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.standing--
	a.fewer()
}

// forget takes a leg away whose far side has nothing more to say.
func (a *Agent) forget(l *Leg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.legs, l.key())
	a.fewer()
}

// find returns the leg that a request within a dialog belongs to, or nil.
func (a *Agent) find(callID, tag string) *Leg {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.legs[legKey{callID, tag}]
}
