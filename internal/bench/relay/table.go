//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"
)

// row is what was measured of one program in one mode.
type row struct {
	program string
	total   figures
	costs   []float64 // by round
	noisy   int       // rounds that were disturbed each time
}

// compare measures all programs at one load, round by round, and writes a table. It returns the rows by program.
func (p *plan) compare(ctx context.Context, w io.Writer, m mode, calls int) (map[string]*row, error) {
	names, starters := programs()
	rows := map[string]*row{}
	for round := range p.rounds {
		for _, name := range names {
			if p.skips(name) || round >= p.roundsOf(name, m.name) {
				continue
			}
			f, err := p.quietly(ctx, starters[name], m, calls)
			if err != nil {
				return nil, fmt.Errorf("%w (%s, %s)", err, m.name, name)
			}
			if rows[name] == nil {
				rows[name] = &row{program: name}
			}
			rows[name].add(f)
		}
	}
	for _, name := range names {
		if r := rows[name]; r != nil {
			if err := r.write(w, m, calls, rows["rtpengine"]); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func (r *row) add(f *figures) {
	r.total.add(f)
	r.costs = append(r.costs, f.cost)
	if f.foreign > maxForeign || f.stolen > maxStolen || f.ours > 0 {
		r.noisy++
	}
}

// changed is the share of packets that did not come as they were sent; NaN if nothing was measured.
func (r *row) changed() float64 {
	if r == nil || r.total.sent == 0 {
		return math.NaN()
	}
	return float64(r.total.lost) / float64(r.total.sent) // what is wrong is lost, too
}

// writeCommon writes what a packet costs that may be transcoded and need not, against one that may not.
func writeCommon(w io.Writer, common, plain *row) error {
	if common == nil || plain == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "engine, a packet of a call with a codec in common: %s of what it costs where nothing may be transcoded (%d of %d not as it was sent)\n",
		spreadOf(ratios(common.costs, plain.costs)), common.total.lost, common.total.sent)
	return err
}

const (
	headFormat = "%-12s %-10s %6s  %-19s %-18s %9s %5s %5s %5s %5s %8s %8s  %s\n"
	rowFormat  = "%-12s %-10s %6d  %-19s %-18s %9d %5d %5d %5d %5d %8d %8d  %s\n"
)

func writeHead(w io.Writer) error {
	_, err := fmt.Fprintf(w, headFormat, "mode", "program", "calls", "us a packet", "of rtpengine's", "packets", "lost", "twice", "late", "wrong", "p50 us", "p99 us",
		"rounds with load of others, of the host")
	return err
}

func (r *row) write(w io.Writer, m mode, calls int, rival *row) error {
	against := "-"
	if rival != nil && rival != r {
		against = spreadOf(ratios(r.costs, rival.costs)).String()
	}
	t := &r.total
	load := fmt.Sprintf("%d of %d (up to %.0f, %.0f %%; %d lost by the system)", r.noisy, len(r.costs), 100*t.foreign, 100*t.stolen, t.ours)
	if m.transcodes() {
		load += fmt.Sprintf("; LSD %.1f dB caller, %.1f dB called", t.distance[0], t.distance[1])
	}
	_, err := fmt.Fprintf(w, rowFormat, m.name, r.program, calls, spreadOf(r.costs), against, t.sent, t.lost, t.twice, t.late, t.wrong,
		t.delay.quantile(0.5).Microseconds(), t.delay.quantile(0.99).Microseconds(), load)
	return err
}

// most finds how many calls a program carries on its core.
func (p *plan) most(ctx context.Context, w io.Writer, name string, cost float64) (int, error) {
	m := modes()["plain"]
	_, starters := programs()
	var last *figures
	each := 1e6 / float64(m.every) * float64(time.Millisecond/slot) / 1000 * 2 // packets a second and call
	guess := min(int(0.9*1e6/(max(cost, 1)*each)), maxCalls/2)
	best, err := search(guess, func(calls int) (bool, error) {
		f, err := p.quietly(ctx, starters[name], m, calls)
		if err != nil {
			return false, err
		}
		if f.carried() {
			last = f
		}
		return f.carried(), nil
	})
	if err != nil || last == nil {
		return best, err
	}
	_, err = fmt.Fprintf(w, "most calls on one core: %-10s %5d (p99 %d us, %d of %d packets lost, generator at most %d ms behind)\n",
		name, best, last.delay.quantile(0.99).Microseconds(), last.lost, last.sent, last.behind.Milliseconds())
	return best, err
}

// flat compares the cost of a packet of few calls with that of many.
func (p *plan) flat(ctx context.Context, w io.Writer) error {
	_, starters := programs()
	few, many := &row{}, &row{}
	for range p.fewRounds() {
		for calls, r := range map[int]*row{fewCalls: few, manyCalls: many} {
			f, err := p.quietly(ctx, starters["engine"], modes()["plain"], calls)
			if err != nil {
				return err
			}
			r.add(f)
		}
	}
	_, err := fmt.Fprintf(w, "engine, plain, us a packet: %s at %d calls, %s at %d calls (%d and %d packets lost)\n",
		spreadOf(few.costs), fewCalls, spreadOf(many.costs), manyCalls, few.total.lost, many.total.lost)
	return err
}
