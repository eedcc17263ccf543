package mediaserver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// told says what requests tell, and in which second they came.
func told(all []asked) string {
	s := make([]string, len(all))
	for i, r := range all {
		s[i] = fmt.Sprintf("%.1f", r.at.Seconds())
		if r.Digits != nil {
			s[i] += fmt.Sprintf(" %q/%d", r.Digits.Digits, r.Digits.Reason)
		}
		if r.Record != nil {
			s[i] += fmt.Sprintf(" %s/%.1f/%d", r.Record.File, r.Record.Duration.Seconds(), r.Record.Reason)
		}
		for _, f := range r.Failed {
			s[i] += fmt.Sprintf(" !%d", f.Index)
		}
	}
	return strings.Join(s, ", ")
}

func (k *talk) tells(want string) {
	k.t.Helper()
	if got := told(k.asks()); got != want {
		k.t.Errorf("told %s, want %s", got, want)
	}
}

// TestIVRPhrases plays what it is told, in order, and asks after each command.
func TestIVRPhrases(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{say("a1"), say("b0.5")}}, {Phrases: []Phrase{say("c1")}}}, func(t *testing.T, k *talk) {
		k.run()
		k.tells("1.5, 2.5")
		k.hears("a1 b0.5 c1")
	})
}

// TestIVRDigits has every way in which digits come to their end.
func TestIVRDigits(t *testing.T) {
	hello := []Phrase{say("a1")}
	for _, tt := range []struct {
		name  string
		d     Digits
		keys  string
		at    time.Duration // when they are pressed
		barge bool
		want  string
		hears string
	}{
		{"max", Digits{Max: 2}, "123", 2 * time.Second, false, `2.2 "12"/1`, "a1 -0"},
		{"termination", Digits{Termination: "#*"}, "12*", 2 * time.Second, false, `2.4 "12"/2`, "a1 -0"},
		{"termination alone", Digits{Max: 4, Termination: "#"}, "#", 2 * time.Second, false, `2.0 ""/2`, "a1 -0"},
		{"first", Digits{Max: 1, First: 3 * time.Second}, "", 0, false, `4.0 ""/3`, "a1 -3"},
		{"total", Digits{Max: 9, Total: 3 * time.Second}, "12", 2 * time.Second, false, `4.0 "12"/3`, "a1 -3"},
		{"total before between", Digits{Max: 9, Total: 3 * time.Second, Between: 2 * time.Second}, "1", 3 * time.Second, false, `4.0 "1"/3`, "a1 -3"},
		{"between", Digits{}, "12", 2 * time.Second, false, `7.2 "12"/4`, "a1 -6.2"},
		{"between of its own", Digits{Between: time.Second}, "12", 2 * time.Second, false, `3.2 "12"/4`, "a1 -2.2"},
		{"match", Digits{Pattern: pattern("1|12?3")}, "123", 2 * time.Second, false, `2.0 "1"/5`, "a1 -0"},
		{"match of all", Digits{Pattern: pattern("2|12")}, "12", 2 * time.Second, false, `2.2 "12"/5`, "a1 -0"},
		{"match of nothing at first", Digits{Pattern: pattern("(12)*")}, "12", 2 * time.Second, false, `2.2 "12"/5`, "a1 -0"},
		{"hook flash", Digits{Max: 2}, "1!2", 2 * time.Second, false, `2.4 "12"/1`, "a1 -0"},
		{"while it plays", Digits{Max: 1}, "5", 300 * time.Millisecond, false, `1.0 "5"/1`, "a1"},
		{"between, while it plays", Digits{Max: 3, Between: 500 * time.Millisecond}, "5", 300 * time.Millisecond, false, `1.5 "5"/4`, "a1 -0.5"},
		{"between, begun while it plays", Digits{Max: 3, Between: 500 * time.Millisecond}, "56", 900 * time.Millisecond, false, `1.6 "56"/4`, "a1 -0.6"},
		{"barge-in", Digits{Max: 2}, "56", 300 * time.Millisecond, true, `0.5 "56"/1`, "a0.3 -0.2"},
		{"barge-in starts the times", Digits{Max: 2, Total: time.Second}, "5", 300 * time.Millisecond, true, `1.3 "5"/3`, "a0.3 -1"},
		{"most", Digits{Between: time.Second}, strings.Repeat("1", 70), 0, false, fmt.Sprintf(`12.6 %q/1`, strings.Repeat("1", 64)), "a1 -11.6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			talks(t, []*Command{{Phrases: hello, Digits: &tt.d, BargeIn: tt.barge}}, func(t *testing.T, k *talk) {
				k.run()
				k.until(tt.at)
				if tt.keys != "" {
					k.press(tt.keys)
				}
				k.tells(tt.want)
				k.hears(tt.hears)
			})
		})
	}
}

// TestIVRDigitsForEver waits for digits as long as it takes.
func TestIVRDigitsForEver(t *testing.T) {
	talks(t, []*Command{{Digits: &Digits{Max: 1}}}, func(t *testing.T, k *talk) {
		k.run()
		k.until(3 * time.Minute)
		k.press("7")
		k.tells(`180.0 "7"/1`)
	})
}

// TestIVRTypeAhead keeps what was typed before it was wanted, over commands that do not want it, until one clears it.
func TestIVRTypeAhead(t *testing.T) {
	talks(t, []*Command{
		{Phrases: []Phrase{say("a2")}},
		{Phrases: []Phrase{say("b1")}, Digits: &Digits{Max: 2}},
		{Phrases: []Phrase{say("c1")}, BargeIn: true},                                                           // 3 is left: nothing is heard
		{Phrases: []Phrase{say("d1")}, BargeIn: true, Digits: &Digits{Max: 2, First: 1, Between: 2e9}},          // nor here
		{Phrases: []Phrase{say("a2")}, Digits: &Digits{Max: 1, First: time.Second}},                             // 45 are typed here
		{Phrases: []Phrase{say("b1")}, BargeIn: true, Digits: &Digits{Max: 1, First: time.Second, Clear: true}}, // and forgotten here
	}, func(t *testing.T, k *talk) {
		k.run()
		k.press("123")
		k.until(6 * time.Second)
		k.press("45")
		k.tells(`2.0, 3.0 "12"/1, 3.0, 5.0 "3"/4, 7.0 "4"/1, 9.0 ""/3`)
		k.hears("a2 b1 -2 a2 b1 -1")
	})
}

// TestIVRDigitsWithPauses has somebody type slowly while a long phrase plays: what is typed is one input.
func TestIVRDigitsWithPauses(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{say("a20")}, Digits: &Digits{Max: 3}}}, func(t *testing.T, k *talk) {
		k.run()
		for _, at := range []time.Duration{2, 9, 22} {
			k.until(at * time.Second)
			k.press("1")
		}
		k.tells(`22.0 "111"/1`)
		k.hears("a20 -2")
	})
}

// TestIVRBargeInAlone ends phrases by digits that this command does not want, and keeps them.
func TestIVRBargeInAlone(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{say("a9"), say("b9")}, BargeIn: true}, {Digits: &Digits{Max: 2}}}, func(t *testing.T, k *talk) {
		k.run()
		k.until(time.Second)
		k.press("42")
		k.tells(`1.0, 1.2 "42"/1`)
		k.hears("a1 -0.2")
	})
}

// TestIVRLeaves hangs up, or calls, when the command has been carried out; no other is asked for.
func TestIVRLeaves(t *testing.T) {
	call := &Action{Kind: Call}
	for name, tt := range map[string]struct {
		command Command
		call    *Action
		at      time.Duration
	}{
		"hangup":            {Command{Phrases: []Phrase{say("a1")}, Hangup: true, After: time.Hour}, nil, time.Second},
		"hangup at once":    {Command{Hangup: true}, nil, 0},
		"call":              {Command{Phrases: []Phrase{say("a1")}, Call: call, After: time.Hour}, call, time.Second},
		"hangup and call":   {Command{Call: call, Hangup: true}, nil, 0},
		"digits and hangup": {Command{Digits: &Digits{First: 2 * time.Second}, Hangup: true}, nil, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			talks(t, []*Command{&tt.command}, func(t *testing.T, k *talk) {
				k.run()
				if e := <-k.over; e.err != nil || e.call != tt.call {
					t.Errorf("left with %+v", e)
				}
				if at := time.Since(k.began); (at-tt.at).Abs() > 100*time.Millisecond || len(k.requests) != 1 {
					t.Errorf("after %v and %d requests", at, len(k.requests))
				}
			})
		})
	}
}

// TestIVRPauses asks again after a pause where it was told to, or told nothing at all.
func TestIVRPauses(t *testing.T) {
	music := &Background{Phrase: say("a60")}
	talks(t, []*Command{{After: 3 * time.Second}, {}, {Background: music}, nil, {Phrases: []Phrase{say("b1")}, After: time.Second}}, func(t *testing.T, k *talk) {
		k.run()
		k.tells("3.0, 8.0, 13.0, 18.0, 20.0")
		k.hears("-8 a10 b1 a1")
	})
	talks(t, []*Command{{}}, func(t *testing.T, k *talk) {
		k.server.CommandPause = 20 * time.Second
		k.run()
		k.tells("20.0")
	})
}

// TestIVRBackground is heard whenever nothing else is, from where it was left, until it is replaced.
func TestIVRBackground(t *testing.T) {
	once := &Background{Phrase: say("a1"), RepeatPause: 500 * time.Millisecond}
	again := &Background{Phrase: say("a1"), RepeatPause: 500 * time.Millisecond}
	talks(t, []*Command{
		{Background: once, After: 4 * time.Second},
		{Background: again, After: time.Second}, // the same: it goes on
		{Phrases: []Phrase{say("b1")}, Digits: &Digits{First: time.Second}},
		{Background: &Background{Phrase: say("c5")}, Phrases: []Phrase{say("b1")}, After: time.Second},
		{Background: &Background{}, After: time.Second},
	}, func(t *testing.T, k *talk) {
		k.run()
		k.tells(`4.0, 5.0, 7.0 ""/3, 9.0, 10.0`)
		k.hears("a1 -0.5 a1 -0.5 a1 -0.5 a0.5 b1 a0.4 -0.5 a0.1 b1 c1 -1")
	})
	talks(t, []*Command{{Background: &Background{Phrase: say("a60")}, After: time.Second}, {Phrases: []Phrase{say("b1")}}}, func(t *testing.T, k *talk) {
		k.slow = 2 * time.Second // the application
		k.run()
		k.tells("3.0, 6.0")
		k.hears("-2 a3 b1 a2")
	})
}

// TestIVRSlowPhrase has the background be heard while a phrase is not ready, and gives up after ten seconds.
func TestIVRSlowPhrase(t *testing.T) {
	talks(t, []*Command{{Background: &Background{Phrase: say("a60")}, Phrases: []Phrase{say("b1"), say("c2"), say("d2"), say("b1")}}}, func(t *testing.T, k *talk) {
		k.voice.before = func(ctx context.Context, s *Speech) error {
			switch s.Text {
			case "c2":
				return pause(ctx, 4*time.Second)
			case "d2":
				return pause(ctx, time.Hour)
			}
			return nil
		}
		k.run()
		all := k.asks()
		if told(all) != "15.0 !2" || !errors.Is(all[0].Failed[0].Err, errSlow) {
			t.Errorf("told %s, %v", told(all), all[0].Failed)
		}
		k.hears("b1 -0.1 a2.9 c2 -0.1 a7.9 b1")
	})
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TestIVRContext ends with ctx in every state, and leaves the stream to others.
func TestIVRContext(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]*Command{
		"phrase":     {Phrases: []Phrase{say("a60")}},
		"digits":     {Digits: &Digits{}},
		"background": {Background: &Background{Phrase: say("a60")}, After: time.Hour},
		"after":      {After: time.Hour},
		"pause":      {},
		"echo":       {Echo: &Echo{}},
	} {
		t.Run(name, func(t *testing.T) {
			talks(t, []*Command{c}, func(t *testing.T, k *talk) {
				k.run()
				k.until(time.Second)
				k.cancel(gone)
				if e := k.end(); !errors.Is(e.err, gone) {
					t.Errorf("%+v", e)
				}
				if d := time.Since(k.began); d > 2100*time.Millisecond {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
	talks(t, nil, func(t *testing.T, k *talk) {
		k.slow = time.Hour
		k.run()
		k.until(time.Second)
		k.cancel(gone)
		if e := k.end(); !errors.Is(e.err, gone) {
			t.Errorf("asking: %+v", e)
		}
	})
}

// TestIVRAskFails ends with what the application failed by.
func TestIVRAskFails(t *testing.T) {
	talks(t, nil, func(t *testing.T, k *talk) {
		down := errors.New("down")
		k.ivr.ask = func(context.Context, *IVRRequest) (*Command, error) { return nil, down }
		k.run()
		if e := k.end(); !errors.Is(e.err, down) {
			t.Errorf("%+v", e)
		}
	})
}

// TestIVRLoop ends what would go on for ever.
func TestIVRLoop(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Command
		pace time.Duration
		want int
	}{
		"quick":            {Command{Phrases: []Phrase{{Format: "nobody"}}}, 0, maxQuick},
		"quick, but asked": {Command{Phrases: []Phrase{{Format: "nobody"}}}, time.Second, maxQuick},
		"empty":            {Command{}, 0, mostCommands},
	} {
		t.Run(name, func(t *testing.T) {
			talks(t, nil, func(t *testing.T, k *talk) {
				n := 0
				k.ivr.ask = func(ctx context.Context, _ *IVRRequest) (*Command, error) {
					n++
					return &tt.c, pause(ctx, tt.pace)
				}
				k.server.CommandPause = 100 * time.Millisecond
				k.run()
				if e := k.end(); !errors.Is(e.err, ErrLoop) || n != tt.want {
					t.Errorf("%+v after %d", e, n)
				}
			})
		})
	}
	// Digits that were typed ahead are nobody's loop.
	talks(t, nil, func(t *testing.T, k *talk) {
		n := 0
		k.ivr.ask = func(ctx context.Context, _ *IVRRequest) (*Command, error) {
			switch n++; {
			case n == 1:
				return &Command{After: 10 * time.Second}, nil
			case n <= 20:
				return &Command{Digits: &Digits{Max: 1}}, nil
			}
			return &Command{Hangup: true}, nil
		}
		k.run()
		k.press(strings.Repeat("1", 19))
		if e := k.end(); e.err != nil || n != 21 {
			t.Errorf("%+v after %d", e, n)
		}
	})
}

// TestIVREcho has the party hear itself, and then the IVR again.
func TestIVREcho(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{say("a1")}, Echo: &Echo{For: 3 * time.Second}, Background: &Background{Phrase: say("c60")}}, {Phrases: []Phrase{say("b1")}}}, func(t *testing.T, k *talk) {
		k.run()
		k.until(2 * time.Second)
		k.speak('d', time.Second)
		k.tells("4.0, 5.0")
		k.hears("a1 d1 b1")
	})
}

// TestIVREnded goes on without a party until ctx says that it is over.
func TestIVREnded(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{say("a1")}, Digits: &Digits{Max: 1, First: time.Second}}}, func(t *testing.T, k *talk) {
		var fan media.Fanout
		k.ivr.media = endedEndpoint{k.ivr.media, &fan}
		fan.Close()
		k.run()
		k.tells(`2.0 ""/3`)
	})
}

// endedEndpoint is an endpoint that nothing comes from any more.
type endedEndpoint struct {
	media.Endpoint
	fan *media.Fanout
}

func (e endedEndpoint) Stream(k media.Kind) media.Stream {
	return endedStream{e.Endpoint.Stream(k), e.fan}
}

type endedStream struct {
	media.Stream
	fan *media.Fanout
}

func (s endedStream) Reader() *media.Reader { return s.fan.Open() }
func pattern(s string) *regexp.Regexp       { return regexp.MustCompile(s) }
