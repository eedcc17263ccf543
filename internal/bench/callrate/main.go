// Command callrate measures calls a second through the bridge: SIPp calls, a program takes the call and places another to a second SIPp
// (INVITE, 180, 200, ACK, BYE), at a rate that is held for a while. The programs, one after the other, are a naive B2BUA on sipgo, Kamailio as a
// stateful proxy, and an agent of package sip with bridge.To and an engine that negotiates. Each has one core, the two SIPps the other.
//
// It prints a line for each and, last, the result: the rate that was held, the calls that failed, processor time a call, that time against the
// others', heap a finished call when the last has ended (of those that ended in the 32 seconds for which repetitions may come), and goroutines
// that are left when these seconds are over. The line of a program says what heap is left then.
// It needs Linux, sipp, kamailio and taskset.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// keptFor is how long a transaction outlives its call: 64 * T1 (RFC 3261 section 17).
const keptFor = 32 * time.Second

// plan is what is to be measured.
type plan struct {
	rate, seconds int
	settle        time.Duration // from the last call to the second look at the heap
	profile       string        // directory for profiles of the gateway; empty: none
	only          string        // the one program to measure; empty: all
}

// figures are what was measured of one program.
type figures struct {
	load
	cpu        time.Duration // for a call
	heap, left int           // bytes for a finished call, at the end of the calls and after settle
	goroutines int           // after settle
}

func main() {
	var p plan
	flag.IntVar(&p.rate, "rate", 1500, "calls a second")
	flag.IntVar(&p.seconds, "seconds", 60, "how long the rate is held")
	flag.DurationVar(&p.settle, "settle", 40*time.Second, "from the last call to the second look at the heap")
	flag.StringVar(&p.profile, "profile", "", "directory for cpu.pprof, heap.pprof and goroutine.pprof of the gateway")
	flag.StringVar(&p.only, "only", "", "measure one program alone: naive, kamailio or gateway")
	serve := flag.String("serve", "", "be one of the programs: gateway or naive")
	to := flag.String("to", "", "whom that program calls")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *serve {
	case "":
		err = measure(ctx, os.Stdout, p)
	case "gateway":
		err = attend(startGateway, *to, p.profile)
	case "naive":
		err = attend(startNaive, *to, "")
	default:
		err = fmt.Errorf("callrate: no program %q", *serve)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// measure measures all programs and prints the result.
func measure(ctx context.Context, w io.Writer, p plan) error {
	dir, err := os.MkdirTemp("", "callrate")
	if err != nil {
		return fmt.Errorf("callrate: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	all := map[string]figures{}
	for name, start := range map[string]starter{"naive": goProgram("naive"), "kamailio": kamailio, "gateway": goProgram("gateway")} {
		if p.only != "" && p.only != name {
			continue
		}
		if all[name], err = measureOne(ctx, w, dir, p, start); err != nil {
			return err
		}
	}
	naive, proxy, ours := all["naive"], all["kamailio"], all["gateway"]
	_, err = fmt.Fprintf(w, "result cps=%d failed=%d cpu_us=%d vs_sipgo=%.2f vs_kamailio=%.2f kb_per_call=%.1f goroutines_left=%d\n",
		ours.rate, ours.failed, ours.cpu.Microseconds(), ratio(ours, naive), ratio(ours, proxy), float64(ours.heap)/1000, ours.goroutines)
	return err
}

// ratio is 0 where one was not measured.
func ratio(a, b figures) float64 {
	if b.cpu == 0 {
		return 0
	}
	return float64(a.cpu) / float64(b.cpu)
}

// measureOne starts one program, has it carry calls, and ends it.
func measureOne(ctx context.Context, w io.Writer, dir string, p plan, start starter) (figures, error) {
	var f figures
	uas, err := answer(ctx, dir)
	if err != nil {
		return f, err
	}
	defer uas.stop()
	s, err := start(ctx, dir, uas.addr, p)
	if err != nil {
		return f, err
	}
	defer s.Stop()
	if _, err := call(ctx, dir, s.Addr, uas, plan{rate: 10, seconds: 2}); err != nil { // so that all is loaded that is loaded once
		return f, err
	}
	before, err := s.report()
	if err != nil {
		return f, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return f, err
	}
	if f.load, err = call(ctx, dir, s.Addr, uas, p); err != nil {
		return f, err
	}
	used, err := s.cpu()
	if err != nil {
		return f, err
	}
	after, err := s.report()
	if err != nil {
		return f, err
	}
	kept := max(min(f.calls, p.rate*int(keptFor.Seconds())), 1)
	f.cpu = (used - cpu) / time.Duration(max(f.calls, 1))
	f.heap = (after.Heap - before.Heap) / kept
	_, err = fmt.Fprintf(w, "%-10s %d calls at %d a second, %d failed, %d messages repeated, %d us a call", s.name, f.calls, f.rate, f.failed, f.repeated, f.cpu.Microseconds())
	if err == nil && s.In != nil {
		pause(ctx, p.settle)
		var end report
		if end, err = s.report(); err != nil {
			return f, err
		}
		f.left, f.goroutines = (end.Heap-before.Heap)/kept, end.Goroutines-before.Goroutines
		_, err = fmt.Fprintf(w, ", %.1f kB and %.2f goroutines a finished call, after %s %.1f kB and %d goroutines in all",
			float64(f.heap)/1000, float64(after.Goroutines-before.Goroutines)/float64(kept), p.settle, float64(f.left)/1000, f.goroutines)
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return f, err
}

// pause waits for d or the end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
