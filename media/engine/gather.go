package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

const (
	gatherWait   = 2 * time.Second  // that Listen gives the servers
	dialLimit    = 5 * time.Second  // to look up a server's name and to connect to it
	backOffFirst = time.Second      // before a server is asked again
	backOffMost  = 60 * time.Second // likewise, after many times
)

// gatherer keeps what servers tell of our addresses: the mapping of the shared port, and relays. Each server has a goroutine of its own.
type gatherer struct {
	log      *slog.Logger
	ctx      context.Context
	stop     context.CancelFunc
	work     sync.WaitGroup
	mappings []*mapping
	relays   []*relayServer
}

// newGatherer checks the options. Nothing runs before start.
func newGatherer(e *Engine) (*gatherer, error) {
	g := &gatherer{log: e.log}
	g.ctx, g.stop = context.WithCancel(context.Background())
	if e.o == nil {
		return g, nil
	}
	for _, url := range e.o.STUN {
		addr, err := parseServer(url, stun.SchemeTypeSTUN, stun.SchemeTypeSTUN)
		if err != nil {
			return nil, err
		}
		for _, s := range e.shards {
			g.mappings = append(g.mappings, newMapping(s, addr))
		}
	}
	for i := range e.o.TURN {
		s := &e.o.TURN[i]
		addr, err := s.addr()
		if err != nil {
			return nil, err
		}
		g.relays = append(g.relays, &relayServer{engine: e, server: s, addr: addr, log: e.log.With("server", s.URL), first: make(chan struct{})})
	}
	return g, nil
}

// start asks all servers and waits a little for their answers.
func (g *gatherer) start(wait time.Duration) {
	limit := time.NewTimer(wait)
	defer limit.Stop()
	var first []chan struct{}
	for _, m := range g.mappings {
		g.work.Go(func() { m.run(g.ctx) })
		first = append(first, m.first)
	}
	for _, r := range g.relays {
		g.work.Go(func() { r.run(g.ctx) })
		first = append(first, r.first)
	}
	for _, c := range first {
		select {
		case <-c:
		case <-limit.C:
			g.log.Warn("not every STUN and TURN server has answered yet: descriptions go without what they tell")
			return
		}
	}
}

// close gives relays back and waits for everything that start began.
func (g *gatherer) close() {
	g.stop()
	g.work.Wait()
}

// up returns the relays that there are now.
func (g *gatherer) up() []*relay {
	var all []*relay
	for _, s := range g.relays {
		if r := s.now.Load(); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// mapped returns the addresses that servers see the port of a shard at, each once.
func (g *gatherer) mapped(s *shard) []netip.AddrPort {
	var all []netip.AddrPort
	for _, m := range g.mappings {
		if a := m.now.Load(); m.shard == s && a != nil && !slices.Contains(all, *a) {
			all = append(all, *a)
		}
	}
	return all
}

// pause waits between two attempts; it reports false when there is to be none.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backOff is how long to wait after so many failures in a row.
func backOff(first time.Duration, n int) time.Duration {
	d := min(first<<min(n, 16), backOffMost)
	return d/2 + rand.N(d/2+1)
}

// relayServer makes an allocation on a TURN server, and another one when it is over.
type relayServer struct {
	engine *Engine
	server *TURNServer
	addr   serverAddr
	log    *slog.Logger
	now    atomic.Pointer[relay]
	first  chan struct{} // closed when the first attempt is decided
	once   sync.Once
}

func (s *relayServer) run(ctx context.Context) {
	defer s.decided()
	for failures := 0; ; failures++ {
		at := time.Now()
		err := s.allocate(ctx, s.addr)
		if refusal, ok := errors.AsType[*turnError](err); ok && refusal.other.IsValid() {
			a := s.addr
			a.hostPort = refusal.other.String()
			err = s.allocate(ctx, a)
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(at) > backOffMost {
			failures = 0
		}
		wait := backOff(s.engine.limits.backOff, failures)
		s.log.Warn("there is no TURN relay", "err", err, "again", wait)
		s.decided()
		if !pause(ctx, wait) {
			return
		}
	}
}

func (s *relayServer) decided() { s.once.Do(func() { close(s.first) }) }

// allocate makes one allocation and keeps it until it is over.
func (s *relayServer) allocate(ctx context.Context, addr serverAddr) error {
	dial, cancel := context.WithTimeout(ctx, dialLimit)
	conn, err := dialTURN(dial, addr, s.server.TLS)
	cancel()
	if err != nil {
		return fmt.Errorf("engine: TURN: %w", err)
	}
	r := newRelay(s.engine, s.server, conn)
	defer s.now.Store(nil)
	return r.run(ctx, func() {
		s.log.Info("there is a TURN relay", "addr", r.addr)
		s.now.Store(r)
		s.decided()
	})
}
