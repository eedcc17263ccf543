//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// once starts a program, sets up calls through it, sends, and ends it.
func (p *plan) once(ctx context.Context, start starter, m mode, calls int) (*figures, error) {
	s, err := start(ctx, p, m.opus)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	c, err := dialControl(s.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.conn.Close() }()
	if _, err := c.do(dict{"command": "ping"}, startFor); err != nil {
		return nil, err
	}
	g, err := newLoad(m, calls)
	if err != nil {
		return nil, err
	}
	defer g.close()
	for i := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.dial(c, i); err != nil {
			return nil, fmt.Errorf("call %d: %w", i, err)
		}
	}
	runtime.GC() // now, not while packets pass
	return p.measure(g, s.Cmd.Process.Pid)
}

// measure has the generator send, and reads what that has cost the program.
func (p *plan) measure(g *load, pid int) (*figures, error) {
	var before, after usage
	lost, err := drops(g.ports[:]...)
	if err != nil {
		return nil, err
	}
	first, slots := int(p.warm/slot), int((p.warm+p.length)/slot)
	err = g.run(first, slots, p.drain, func() (err error) {
		before, err = used(pid)
		return err
	}, func() (err error) {
		after, err = used(pid)
		return err
	})
	if err != nil {
		return nil, err
	}
	r := &g.result
	ours, err := drops(g.ports[:]...)
	r.ours = ours - lost
	r.foreign, r.stolen = after.since(before)
	r.cost = float64((after.subject - before.subject).Microseconds()) / float64(max(g.came, 1))
	return r, err
}

const (
	maxStolen  = 0.02                   // likewise
	maxForeign = 0.15                   // share of one processor
	maxBehind  = 100 * time.Millisecond // of the generator
	maxTries   = 3
	usualTries = 7 // of a search
)

// disturbed reports whether a run says more of the machine than of the program. Who goes before all others is not disturbed by them.
func (p *plan) disturbed(f *figures) bool {
	return f.stolen > maxStolen || f.foreign > maxForeign && !p.realtime || f.ours > 0 || f.behind > maxBehind
}

// quietly repeats a run that was disturbed, while there is time, and returns the one that was disturbed least.
func (p *plan) quietly(ctx context.Context, start starter, m mode, calls int) (*figures, error) {
	var best *figures
	p.todo--
	for try := range maxTries {
		f, err := p.once(ctx, start, m, calls)
		if err != nil {
			return nil, err
		}
		p.done++
		if try > 0 {
			p.repeated++
		}
		if best == nil || quieter(f, best) < 0 {
			best = f
		}
		if !p.disturbed(f) || !p.hasTime() {
			break
		}
	}
	return best, nil
}

// hasTime reports whether there is time for one run more than those that are still to come.
func (p *plan) hasTime() bool {
	spent := time.Since(p.began)
	return spent+spent/time.Duration(p.done)*time.Duration(max(p.todo, 0)+1) < p.limit
}
