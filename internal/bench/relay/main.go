//go:build linux && (amd64 || arm64)

// Command relay measures what it costs to pass a packet on: a generator holds two-way calls (PCMU in packets of 20 ms; H.264 in bursts),
// the calling side plain or under SRTP with keys in the descriptions, the called side plain, through a program that stands between them. The
// programs are our engine, with terminals that are negotiated as the protocol packages do it; rtpengine in user space; and the relay of ten
// lines that everybody writes first. Each is a process with one core, the generator has the other, and they take turns, round by round.
//
// Processor time is the operating system's. Every packet has a number of its own and is looked for on the other side, decrypted
// where it is protected: lost, twice, late, wrong. The delay is from the system call that sends it to the kernel's stamp at the other end.
//
// The programs and the generator go before everything else on the machine, where that is allowed (SCHED_RR). Where it is not, a run during which
// other programs have used more than 15 % of a core is repeated; so is, in both cases, one of which the host of the machine has taken more than 2 %
// of a core, or during which the system has lost packets elsewhere. That is done twice at the most and while there is time, and the run that
// was disturbed least counts. The table says how many were disturbed all the same, and by how much.
//
// The last line has the medians of our cost against rtpengine's, and how many times as many plain calls our engine carries on one core before
// 1 packet in 1,000 is lost or 1 in 100 needs longer than 20 ms.
//
// With -sound it measures calls whose sides have no codec in common instead: PCMU with Opus, for which it has to be built with the tag libopus, and
// PCMU with G.722. Both sides say the same of a voice, over and over. A packet is known by its place in the order then, and one of each way may be
// held back; the log-spectral distance between what was said and what one call's sides have heard stands beside the cost. Beside these are calls
// in which the caller has PCMU, too, and the same where nothing may be transcoded: they cost the same, and every packet comes as it was sent, byte
// for byte. The last line has the ratios of the costs at rtpengine's complexity of Opus and at ours, and the share of packets of calls with a
// common codec that did not come as they were sent.
// It needs Linux, two cores, taskset and rtpengine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alexacall/alexacall/media"
)

// plan is what is to be measured.
type plan struct {
	calls, rounds int
	length        time.Duration // of a run
	modes         []string
	without       []string      // programs that are left out
	limit         time.Duration // for everything: a disturbed run is repeated only if there is time
	extremes      bool          // few calls, many calls, and the most
	sound         bool          // modes that transcode, in place of the others
	profile       string        // directory for profiles of our programs; empty: none
	workers       int           // of rtpengine; 0: its own choice
	realtime      bool

	pinned      bool
	core        int           // of the subjects
	warm, drain time.Duration // before what counts, and for the last packets
	began       time.Time
	done, todo  int // runs
	repeated    int
}

const (
	fewCalls, manyCalls = 100, 1000

	// drain is for what is still on its way, and no longer: what comes later is of no use to anybody.
	warmUp, drain = 500 * time.Millisecond, 300 * time.Millisecond
)

func main() {
	p := plan{warm: warmUp, drain: drain}
	var names, without string
	flag.IntVar(&p.calls, "calls", 400, "calls of sound; of pictures a tenth of it, where sound is transcoded a twentieth")
	flag.IntVar(&p.rounds, "rounds", 5, "rounds of each mode; of H.264, and of the simple relay, half as many")
	flag.DurationVar(&p.length, "length", 2*time.Second, "how long a run is measured")
	flag.StringVar(&names, "modes", "", "what to measure; empty: all")
	flag.StringVar(&without, "without", "", "programs to leave out: engine, rtpengine, simple")
	flag.DurationVar(&p.limit, "limit", 5*time.Minute, "for everything: disturbed runs are repeated while there is time")
	flag.BoolVar(&p.extremes, "extremes", true, "measure few calls, many calls, and the most that one core carries, too")
	flag.StringVar(&p.profile, "profile", "", "directory for profiles of our programs")
	flag.IntVar(&p.workers, "workers", 1, "of rtpengine; 0: its own choice")
	flag.BoolVar(&p.realtime, "realtime", true, "go before all other programs of the machine, where it is allowed (SCHED_RR)")
	flag.BoolVar(&p.sound, "sound", false, "measure calls in which sound may be transcoded, and nothing else")
	name := flag.String("serve", "", "be one of the programs: engine or simple")
	complexity := flag.Int("opus", 0, "of the engine as it is served: the complexity of Opus; 0: nothing is transcoded")
	flag.Parse()
	p.without = strings.Split(without, ",")
	p.choose(names)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *name != "" {
		err = serve(*name, p.profile, opus(*complexity))
	} else if err = p.pin(); err == nil {
		err = p.run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// choose takes the modes that are named, or all.
func (p *plan) choose(names string) {
	if p.sound {
		p.without, p.extremes = append(p.without, "simple"), false
	}
	switch {
	case names != "":
		p.modes = strings.Split(names, ",")
	case p.sound:
		p.modes = []string{"opus_same", "opus_default", "g722", "common", "plain"}
	default:
		p.modes = []string{"plain", "cm80", "gcm", "h264"}
	}
}

var errNoMode = errors.New("relay: no mode")

// mode returns a mode by its name.
func (p *plan) mode(name string) (mode, error) {
	if p.sound {
		return soundMode(name)
	}
	m, ok := modes()[name]
	if !ok {
		return m, fmt.Errorf("%w %q", errNoMode, name)
	}
	return m, nil
}

// pin ties this process, the generator, to one core, and chooses the other for the programs, which inherit its priority.
func (p *plan) pin() error {
	subject, generator, ok := cores()
	if !ok {
		return errors.New("relay: two cores are needed")
	}
	p.pinned, p.core = true, subject
	err := pin(generator, p.realtime)
	if p.realtime && errors.Is(err, unix.EPERM) {
		p.realtime = false
		err = pin(generator, false)
	}
	return err
}

// expect counts the runs.
func (p *plan) expect() {
	p.began = time.Now()
	names, _ := programs()
	for _, name := range names {
		if p.skips(name) {
			continue
		}
		for _, mode := range p.modes {
			p.todo += p.roundsOf(name, mode)
		}
		if p.extremes && name != "simple" {
			p.todo += usualTries
		}
		if p.extremes && name == "engine" {
			p.todo += 2 * p.fewRounds()
		}
	}
}

func (p *plan) fewRounds() int { return (p.rounds + 1) / 2 }

// roundsOf returns how often a program is measured in a mode: less often where no verdict hangs on it.
func (p *plan) roundsOf(name, mode string) int {
	if name == "simple" || mode == "h264" {
		return p.fewRounds()
	}
	return p.rounds
}

func (p *plan) skips(name string) bool { return slices.Contains(p.without, name) }

// run measures everything and writes the result.
func (p *plan) run(ctx context.Context, w io.Writer) error {
	p.expect()
	results := map[string]map[string]*row{}
	if err := writeHead(w); err != nil {
		return err
	}
	for _, name := range p.modes {
		m, err := p.mode(name)
		if err != nil {
			return err
		}
		calls := p.calls
		switch {
		case m.transcodes():
			calls = max(calls/20, 1)
		case m.kind == media.Video:
			calls = max(calls/10, 1)
		}
		if results[name], err = p.compare(ctx, w, m, calls); err != nil {
			return err
		}
	}
	ours, rival := 0, 0
	if p.extremes {
		var err error
		if ours, rival, err = p.measureExtremes(ctx, w, results["plain"]); err != nil {
			return err
		}
	}
	of := func(mode string) spread {
		e, r := results[mode]["engine"], results[mode]["rtpengine"]
		if e == nil || r == nil {
			return spread{}
		}
		return spreadOf(ratios(e.costs, r.costs))
	}
	if err := writeCommon(w, results["common"]["engine"], results["plain"]["engine"]); err != nil {
		return err
	}
	last := verdict(of("plain"), of("cm80"), of("gcm"), ours, rival)
	if p.sound {
		last = soundVerdict(of("opus_same"), of("opus_default"), of("g722"), results["common"]["engine"].changed())
	}
	_, err := fmt.Fprintf(w, "%d runs were repeated for foreign load, %.0f s in all\n%s\n", p.repeated, time.Since(p.began).Seconds(), last)
	return err
}

// measureExtremes measures few calls against many, and the most that our engine and rtpengine carry.
func (p *plan) measureExtremes(ctx context.Context, w io.Writer, plain map[string]*row) (ours, rival int, err error) {
	cost := func(name string) float64 {
		if r := plain[name]; r != nil {
			return spreadOf(r.costs).mid
		}
		return 10
	}
	if !p.skips("engine") {
		if err := p.flat(ctx, w); err != nil {
			return 0, 0, err
		}
		if ours, err = p.most(ctx, w, "engine", cost("engine")); err != nil {
			return 0, 0, err
		}
	}
	if !p.skips("rtpengine") {
		rival, err = p.most(ctx, w, "rtpengine", cost("rtpengine"))
	}
	return ours, rival, err
}
