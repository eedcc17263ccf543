package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// relay is one allocation on a TURN server: an address of ours, at which the far sides of all calls are reached through the server. It
// is a base. Two goroutines run it: one reads, and one keeps the allocation and its permissions alive.
type relay struct {
	engine *Engine
	conn   turnConn
	free   turnPackets
	addr   netip.AddrPort // once it is up
	checks checks

	mu      sync.RWMutex
	remotes map[netip.AddrPort]*transport
	agents  agents

	state  sync.RWMutex // guards client; taken after mu where both are
	client *turnClient
	wake   chan struct{}
}

var (
	_ base = (*relay)(nil)

	errRelayPeer   = errors.New("engine: TURN: the server does not relay to this address")
	errRelayLonger = errors.New("engine: TURN: longer than a packet")
)

func newRelay(e *Engine, s *TURNServer, conn turnConn) *relay {
	_, stream := conn.(*turnStream)
	return &relay{
		engine: e, conn: conn, remotes: map[netip.AddrPort]*transport{}, agents: agents{},
		client: newTURNClient(s, &e.limits, e.local.Is6(), stream), wake: make(chan struct{}, 1),
	}
}

// run keeps an allocation until it is over or ctx ends, when it is given back. up is called once it is there.
func (r *relay) run(ctx context.Context, up func()) error {
	var work sync.WaitGroup
	defer work.Wait()
	defer r.conn.close()
	r.do(func(c *turnClient, now time.Time) { c.start(now) })
	work.Go(r.read)
	timer, leave, phase := time.NewTimer(0), ctx.Done(), turnAsking
	defer timer.Stop()
	for {
		var next time.Time
		before := phase
		r.do(func(c *turnClient, now time.Time) { next, phase = c.tick(now), c.phase })
		switch {
		case phase == turnOver:
			return r.client.err
		case phase == turnUp && before == turnAsking:
			r.addr = r.client.relayed
			up()
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-leave:
			leave = nil
			r.do(func(c *turnClient, now time.Time) { c.leave(now) })
		}
	}
}

// do lets the state machine act, and sends what it says.
func (r *relay) do(act func(*turnClient, time.Time)) {
	r.state.Lock()
	act(r.client, time.Now())
	out := r.client.out
	r.client.out = nil
	r.state.Unlock()
	for _, b := range out {
		_ = r.conn.send(b) // what is lost is repeated
	}
}

// kick has the keeper look at the state machine.
func (r *relay) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *relay) read() {
	w := new(worker)
	for {
		b, err := r.conn.read()
		if err != nil {
			r.do(func(c *turnClient, _ time.Time) { c.over(err) })
			r.kick()
			return
		}
		if len(b) == 0 {
			r.do(func(c *turnClient, now time.Time) { c.doubt(now) })
			r.kick()
			r.engine.shards[0].pause()
			continue
		}
		r.message(w, b)
		w.flush()
	}
}

// message takes a message of the server's.
func (r *relay) message(w *worker, b []byte) {
	if isChannelData(b) {
		if number, data, ok := channelData(b); ok {
			r.state.RLock()
			ch := r.client.numbers[number]
			r.state.RUnlock()
			if ch != nil {
				r.datagram(w, data, ch.peer)
			}
		}
		return
	}
	if from, data, ok := dataIndication(b); ok {
		r.datagram(w, data, from)
		return
	}
	r.do(func(c *turnClient, now time.Time) { c.answered(now, b) })
	r.kick()
}

// datagram takes what a far side has sent.
func (r *relay) datagram(w *worker, b []byte, from netip.AddrPort) {
	if len(b) == 0 || len(b) >= packetSize {
		r.engine.shards[0].strays.Add(1)
		return
	}
	w.now = time.Now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	if b[0] < 4 {
		if c := r.agent(b, from); c != nil {
			c.queue.put(b, from)
			return
		}
	} else if tr := r.remotes[from]; tr != nil && tr.arrivedBeside(w, b, from) {
		return
	}
	r.engine.shards[0].strays.Add(1)
}

// agent returns what a connectivity check or its response is for. r.mu is held.
func (r *relay) agent(b []byte, from netip.AddrPort) *stunConn {
	switch class, id, ok := stunMessage(b); {
	case !ok:
		return nil
	case class == stunRequest:
		return r.agents.caller(b, from)
	case class == stunSuccess || class == stunError:
		return r.checks.take(id)
	default:
		return nil
	}
}

// writeTo implements base. A permission that is missing is asked for before, on the same way.
func (r *relay) writeTo(b []byte, to netip.AddrPort) error {
	if len(b) == 0 || len(b) > packetSize {
		return errRelayLonger
	}
	number, ok := r.peer(to, b[0] >= 4)
	if !ok {
		return errRelayPeer
	}
	p := r.free.get()
	defer r.free.put(p)
	if number != 0 {
		p.b = appendChannelData(p.b, number, b, r.client.stream)
	} else {
		p.b = appendSend(p.b, to, b)
	}
	return r.conn.send(p.b)
}

func (r *relay) peer(to netip.AddrPort, media bool) (number uint16, ok bool) {
	r.state.RLock()
	number, known, ok := r.client.peer(to, media)
	r.state.RUnlock()
	if known {
		return number, ok
	}
	r.do(func(c *turnClient, now time.Time) {
		c.want(now, to, media)
		number, _, ok = c.peer(to, false)
	})
	r.kick()
	return number, ok
}

func (r *relay) join(c *stunConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agents[c.ufrag] = c
}

func (r *relay) leave(c *stunConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agents.leave(c)
}

func (r *relay) awaits(id transactionID, c *stunConn) { r.checks.put(id, c) }

// learn implements base. As on the port of a shard, an address that another call sends to stays with that one, and a call owns so many.
func (r *relay) learn(addr netip.AddrPort, c *stunConn) {
	r.mu.RLock()
	owner := r.remotes[addr]
	r.mu.RUnlock()
	if owner == c.tr {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if owner := r.remotes[addr]; owner != nil && r.uses(owner, addr) {
		return
	}
	n := 0
	for a, tr := range r.remotes {
		if tr != c.tr {
			continue
		}
		if n++; n >= maxBound && !r.uses(tr, a) {
			delete(r.remotes, a)
			n--
		}
	}
	if n < maxBound {
		r.remotes[addr] = c.tr
	}
}

// uses reports whether a call sends to an address by this relay.
func (r *relay) uses(tr *transport, addr netip.AddrPort) bool {
	via := tr.via.Load()
	return via != nil && *via == base(r) && tr.remote() == addr
}

// forget implements base.
func (r *relay) forget(tr *transport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for addr, owner := range r.remotes {
		if owner == tr {
			delete(r.remotes, addr)
		}
	}
}
