package engine_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

func linker(m media.Terminal) media.Linker { return m.Stream(media.Audio).(media.Linker) }

func TestLinkOnce(t *testing.T) {
	e, other := listen(t), listen(t)
	a, b, c := open(t, e, media.Phone()), open(t, e, media.Phone()), open(t, other, media.Phone())
	if _, ok := linker(a).Link(c.Stream(media.Audio), nil); ok {
		t.Error("linked to another engine")
	}
	near, _ := media.Pipe(g711())
	if _, ok := linker(a).Link(near.Stream(media.Audio), nil); ok {
		t.Error("linked to a pipe")
	}
	unlink, ok := linker(a).Link(b.Stream(media.Audio), nil)
	if !ok {
		t.Fatal("not linked")
	}
	if _, ok := linker(a).Link(b.Stream(media.Audio), nil); ok {
		t.Error("linked twice")
	}
	unlink()
	unlink()
	if unlink, ok = linker(a).Link(b.Stream(media.Audio), nil); !ok {
		t.Error("not linked again")
	}
	unlink()
}

// A change of codec on either leg is told to the link and to who listens in; a change of direction is told to nobody.
func TestLinkChanges(t *testing.T) {
	e := listen(t)
	ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
	var changes atomic.Int32
	unlink, ok := linker(ta).Link(tb.Stream(media.Audio), func() { changes.Add(1) })
	if !ok {
		t.Fatal("not linked")
	}
	defer unlink()
	expect := func(want int32, when string) {
		t.Helper()
		if got := changes.Load(); got != want {
			t.Errorf("%s: told %d times, want %d", when, got, want)
		}
	}
	a, b := newPhone(t), newPhone(t)
	a.offer(ta, nil)
	expect(1, "the first agreement of one leg")
	b.offer(tb, nil)
	expect(2, "the first agreement of the other")
	tap := ta.Stream(media.Audio).Reader()
	defer tap.Close()
	a.send([]byte("before"))
	heardFirst(t, tap, "before", true)
	if _, _, got := b.receive(); string(got) != "before" {
		t.Errorf("got %q", got)
	}

	reoffer(t, ta, a, "sendonly")
	reoffer(t, ta, a, "")
	reoffer(t, tb, b, "inactive")
	reoffer(t, tb, b, "")
	expect(2, "hold and resume")

	offerOf := func(term media.Terminal, p *phone, codecs ...media.Codec) {
		t.Helper()
		policy := media.Phone()
		policy.Audio = codecs
		_, d, err := media.Negotiation{}.Offer(policy, media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Answer(d, nil); err != nil {
			t.Fatal(err)
		}
	}
	offerOf(ta, a, media.PCMA(), media.PCMU())
	expect(3, "another codec of the source")
	var p media.Packet
	if err := tap.Read(make([]byte, 100), &p); !errors.Is(err, media.ErrChanged) {
		t.Errorf("who listens in is told %v", err)
	}
	a.send([]byte("after"))
	heardFirst(t, tap, "after", false)
	if _, _, got := b.receive(); string(got) != "after" {
		t.Errorf("got %q", got)
	}
	offerOf(tb, b, media.PCMA())
	expect(4, "another codec of the other leg")
	a.send([]byte("in PCMU"))
	eventually(t, "what the other leg does not take is counted", func() bool { return outgoing(tb).Mismatched == 1 })
	unlink()
	offerOf(ta, a, media.PCMU())
	expect(4, "after the end of the link")
}

// Whatever order relay and legs end in, while packets flow both ways, everything ends and nothing is torn.
func TestUnlinkInEveryOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 5))
	e := listen(t)
	for range 200 {
		ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
		a, b := newPhone(t), newPhone(t)
		a.offer(ta, nil)
		b.offer(tb, nil)
		r, err := media.NewRelay(ta, tb, nil)
		if err != nil {
			t.Fatal(err)
		}
		tap := ta.Stream(media.Audio).Reader()
		done := make(chan struct{})
		var work sync.WaitGroup
		for _, p := range []*phone{a, b} {
			work.Go(func() {
				tick := time.NewTicker(100 * time.Microsecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						p.send([]byte("hello"))
					}
				}
			})
		}
		work.Go(func() {
			var p media.Packet
			for buf := make([]byte, 2048); ; {
				if err := tap.Read(buf, &p); err != nil && !errors.Is(err, media.ErrChanged) {
					return
				}
			}
		})
		a.receive()
		b.receive()
		ends := []func() error{r.Close, ta.Close, tb.Close, tap.Close, func() error { ta.Inject(media.Audio, digit()); return nil }}
		rnd.Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
		for _, end := range ends {
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		close(done)
		work.Wait()
		_, _ = a.conn.Close(), b.conn.Close()
	}
	if n := e.Stats().Terminals; n != 0 {
		t.Errorf("%d terminals are left", n)
	}
}

func digit() *media.Packet {
	codec := media.TelephoneEvent(8000)
	return &media.Packet{What: media.Digit, Codec: &codec, Payload: tone(1, true, 160)}
}

// One leg ends; those beside it hear no difference.
func TestCloseOneOfMany(t *testing.T) {
	e := listen(t)
	ta, tb, tc := open(t, e, media.Phone()), open(t, e, media.Phone()), open(t, e, media.Phone())
	a, b, c := newPhone(t), newPhone(t), newPhone(t)
	a.offer(ta, nil)
	b.offer(tb, nil)
	c.offer(tc, nil)
	linked(t, ta, tb)
	r := ta.Stream(media.Audio).Reader()
	defer r.Close()
	a.send([]byte("one"))
	b.receive()
	heardFirst(t, r, "one", true)
	if err := tb.Close(); err != nil {
		t.Fatal(err)
	}
	a.send([]byte("two"))
	heardFirst(t, r, "two", false)
	c.send([]byte("three"))
	eventually(t, "the third leg is heard", func() bool { return incoming(tc).Packets == 1 })
	before := e.Stats().Strays
	b.send([]byte("four"))
	strays(t, e, before+1)
	if got := outgoing(tb).Packets; got != 1 {
		t.Errorf("the closed leg has sent %d packets, want 1", got)
	}
	for name, err := range map[string]error{
		"offer":  second(tb.Offer(nil)),
		"accept": tb.Accept(media.Description{}),
		"answer": second(tb.Answer(media.Description{}, nil)),
	} {
		if !errors.Is(err, media.ErrClosed) {
			t.Errorf("%s after close: %v", name, err)
		}
	}
	if err := tb.Close(); err != nil {
		t.Errorf("a second close: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestEngineClose(t *testing.T) {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ta, tb, tc := open(t, e, media.Phone()), open(t, e, media.Phone()), open(t, e, media.AlexaCalling())
	if _, err := e.Open(media.Phone(), nil); !errors.Is(err, engine.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	_ = tb.Close()
	tb = open(t, e, media.Phone())
	if n := e.Stats().Terminals; n != 3 {
		t.Errorf("%d terminals, want 3", n)
	}
	a := newPhone(t)
	a.offer(ta, nil)
	newPhone(t).offer(tb, nil)
	if _, err := tc.Offer(nil); err != nil { // an agent runs
		t.Fatal(err)
	}
	linked(t, ta, tb)
	r := ta.Stream(media.Audio).Reader()
	a.send([]byte("last words"))
	eventually(t, "it is heard", func() bool { return incoming(ta).Packets == 1 })

	var work sync.WaitGroup
	for range 3 {
		work.Go(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	heardFirst(t, r, "last words", true)
	timer := time.AfterFunc(5*time.Second, func() { _ = r.Close() })
	defer timer.Stop()
	var p media.Packet
	if err := r.Read(make([]byte, 100), &p); !errors.Is(err, io.EOF) {
		t.Errorf("a reader ends with %v", err)
	}
	if _, err := e.Open(media.Phone(), nil); !errors.Is(err, media.ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
	again, err := engine.Listen(e.Addr().String(), nil)
	if err != nil {
		t.Fatalf("the ports are not free: %v", err)
	}
	_ = again.Close()
}
