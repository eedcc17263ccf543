package engine_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// listenWatching opens an engine with time-outs of its own.
func listenWatching(t testing.TB, first, silence time.Duration) *engine.Engine {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{FirstMedia: first, Silence: silence})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// given is what a leg says of its end.
type given struct {
	mu  sync.Mutex
	err error
	n   int
}

func (g *given) up(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err, g.n = err, g.n+1
}

func (g *given) said() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n, g.err
}

// openGiven opens a leg that a plain phone has called. From now on its time passes as the test says.
func openGiven(t testing.TB, e *engine.Engine) (media.Terminal, *phone, *given) {
	t.Helper()
	g := new(given)
	term, err := e.Open(media.Phone(), &media.OpenOptions{Failed: g.up})
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t)
	p.offer(term, nil)
	return term, p, g
}

// TestMediaTimeout gives a call up when, and only when, nothing has been heard of it for so long.
func TestMediaTimeout(t *testing.T) {
	const never = -1
	hear := func(t *testing.T, term media.Terminal, p *phone) {
		t.Helper()
		n := incoming(term).Packets
		p.send([]byte("hello"))
		counts(t, term, "packets", taken, n+1)
	}
	again := func(direction string) func(*testing.T, media.Terminal, *phone) {
		return func(t *testing.T, term media.Terminal, p *phone) { t.Helper(); reoffer(t, term, p, direction) }
	}
	type step struct {
		do    func(*testing.T, media.Terminal, *phone)
		after time.Duration // of it, the engine looks
		ends  bool
	}
	stands := func(after time.Duration) step { return step{nil, after, false} }
	for _, c := range []struct {
		name           string
		first, silence time.Duration
		before         func(*testing.T, media.Terminal, *phone)
		rings          bool
		steps          []step
		why            media.Silence
	}{
		{"no media at all", 0, 0, nil, false, []step{stands(20 * time.Second), {nil, 32 * time.Second, true}}, media.SilentNothing},
		{"it stops", 0, 0, hear, false, []step{stands(45 * time.Second), {nil, 62 * time.Second, true}}, media.SilentStopped},
		{"it rings", 0, 0, nil, true, []step{stands(time.Hour)}, 0},
		{"it rings with early media", 0, 0, hear, true, []step{stands(time.Hour)}, 0},
		{"never", never, never, nil, false, []step{stands(time.Hour)}, 0},
		{"never once heard", 0, never, hear, false, []step{stands(time.Hour)}, 0},
		{"as the program says", 10 * time.Minute, time.Hour, nil, false, []step{stands(9 * time.Minute), {nil, 11 * time.Minute, true}}, media.SilentNothing},
		{"as the program says, later", 10 * time.Minute, time.Hour, hear, false, []step{stands(50 * time.Minute), {nil, 2 * time.Hour, true}}, media.SilentStopped},
		{"the phone holds", 0, 0, hear, false, []step{{again("sendonly"), time.Hour, false}}, 0},
		{"the phone is mute", 0, 0, hear, false, []step{{again("recvonly"), time.Hour, false}}, 0},
		{"nothing is wanted", 0, 0, nil, false, []step{{again("inactive"), time.Hour, false}}, 0},
		{"held, and taken up again", 0, 0, hear, false, []step{
			{again("inactive"), time.Hour, false}, {again(""), 0, false}, stands(45 * time.Second), {nil, 62 * time.Second, true},
		}, media.SilentStopped},
		{"only what was not agreed on", 0, 0, func(t *testing.T, term media.Terminal, p *phone) {
			_, _ = p.conn.WriteToUDPAddrPort(header(0x80, 97, 1, 2, 3), p.to)
			eventually(t, "it is counted", func() bool { return incoming(term).Unknown == 1 })
		}, false, []step{stands(20 * time.Second), {nil, 32 * time.Second, true}}, media.SilentUnknown},
		{"our gate is closed", 0, 0, func(_ *testing.T, term media.Terminal, _ *phone) {
			term.Stream(media.Audio).Gate(media.SendOnly)
		}, false, []step{stands(20 * time.Second), {nil, 32 * time.Second, true}}, media.SilentGated},
	} {
		t.Run(c.name, func(t *testing.T) {
			term, p, g := openGiven(t, listenWatching(t, c.first, c.silence))
			if c.before != nil {
				c.before(t, term, p)
			}
			if !c.rings {
				term.Answered()
				term.Answered()
			}
			for i, s := range c.steps {
				if s.do != nil {
					s.do(t, term, p)
				}
				began := time.Now()
				engine.Watch(term, began)
				engine.Watch(term, began.Add(s.after))
				if n, _ := g.said(); (n > 0) != s.ends {
					t.Fatalf("step %d, after %v: ended %v, want %v", i, s.after, n > 0, s.ends)
				}
			}
			if last := c.steps[len(c.steps)-1]; !last.ends {
				return
			}
			engine.Watch(term, time.Now().Add(time.Hour))
			n, err := g.said()
			silent, ok := errors.AsType[*media.SilentError](err)
			if n != 1 || !ok || silent.Kind != media.Audio || silent.Why != c.why || silent.For < time.Second {
				t.Errorf("said %d times: %v; want %v", n, err, c.why)
			}
		})
	}
}

// TestAnsweredSettles takes the answers of forks until the call has been accepted, and none after it: neither that of another place, nor
// the same again. An offer within the call has one answer.
func TestAnsweredSettles(t *testing.T) {
	e := listen(t)
	term, forks := open(t, e, media.Phone()), []*phone{newPhone(t), newPhone(t), newPhone(t)}
	offer, err := term.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(p *phone, offer media.Description) media.Description {
		t.Helper()
		_, d, err := media.Negotiation{}.Answer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil, offer)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	check := func(what string, err, want error, at *phone) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if got, want := engine.RemoteOf(term), at.conn.LocalAddr().String(); got != want || !term.Stands(nil) {
			t.Errorf("%s: packets go to %s, want %s", what, got, want)
		}
	}
	check("a fork", term.Accept(answer(forks[0], offer)), nil, forks[0])
	check("another", term.Accept(answer(forks[1], offer)), nil, forks[1])
	term.Answered()
	check("a late one", term.Accept(answer(forks[2], offer)), media.ErrRefused, forks[1])
	check("the same again", term.Accept(answer(forks[1], offer)), media.ErrRefused, forks[1])
	again, err := term.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	term.Answered()
	check("an offer within the call", term.Accept(answer(forks[2], again)), nil, forks[2])
	check("another answer to that", term.Accept(answer(forks[0], again)), media.ErrRefused, forks[2])
	if term.Plan() == nil {
		t.Error("nothing is agreed on")
	}
}

// TestMediaTimeoutByItself waits for the engine's own goroutine to look.
func TestMediaTimeoutByItself(t *testing.T) {
	t.Parallel()
	term, _, g := openGiven(t, listenWatching(t, time.Millisecond, 0))
	term.Answered()
	eventually(t, "the leg fails", func() bool { n, _ := g.said(); return n == 1 })
	_ = term.Close()
}
