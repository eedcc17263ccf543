package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

// usage is what a program has used by a moment.
type usage struct{ Processor, Clock time.Duration }

// since returns the share of a core that was used since before.
func (u usage) since(before usage) float64 {
	return float64(u.Processor-before.Processor) / float64(u.Clock-before.Clock)
}

// tick is the unit of processor time in /proc (proc(5)).
const tick = 10 * time.Millisecond

// used returns what this program has used, by a clock that began at some time.
func used(began time.Time) (usage, error) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return usage{}, fmt.Errorf("ivr: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var user, system time.Duration
	if f := strings.Fields(rest); len(f) > 12 { // from the state on: fields 14 and 15 are utime and stime
		_, err = fmt.Sscan(f[11]+" "+f[12], &user, &system)
	}
	if err != nil {
		return usage{}, fmt.Errorf("ivr: /proc/self/stat: %w", err)
	}
	return usage{(user + system) * tick, time.Since(began)}, nil
}

// outcome is what came of all sessions.
type outcome struct {
	Prompts, Lost  int
	P50, P99, P999 float64 // in ms
}

// outcomeOf sums up how long each prompt took.
func outcomeOf(delays []time.Duration, lost int) outcome {
	slices.Sort(delays)
	at := func(share float64) float64 {
		if len(delays) == 0 {
			return 0
		}
		return float64(delays[min(int(share*float64(len(delays))), len(delays)-1)].Microseconds()) / 1000
	}
	return outcome{len(delays), lost, at(0.5), at(0.99), at(0.999)}
}

// conferred is what came of conferences: members who heard nothing or were lost, and the share of a core that they took.
type conferred struct {
	Lost  int
	Share float64
}

// ask gives a program a line, and reads what it answers.
func ask(p *measured.Process, line string, v any) error {
	if _, err := io.WriteString(p.In, line+"\n"); err != nil {
		return fmt.Errorf("ivr: %w", err)
	}
	return hear(p, v)
}

// hear reads what a program says.
func hear(p *measured.Process, v any) error {
	if !p.Out.Scan() {
		return fmt.Errorf("ivr: a program is gone: %w", io.ErrUnexpectedEOF)
	}
	if err := json.Unmarshal(p.Out.Bytes(), v); err != nil {
		return fmt.Errorf("ivr: %w", err)
	}
	return nil
}
