package calltest_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, e *calltest.Engine, p *media.Policy) *calltest.Terminal {
	t.Helper()
	term, err := e.Open(p, nil)
	must(t, err)
	return term.(*calltest.Terminal)
}

// TestTerminalsNegotiate has two terminals agree, and one of them restart ICE.
func TestTerminalsNegotiate(t *testing.T) {
	for name, policy := range map[string]*media.Policy{"a phone": media.Phone(), "a browser": media.Browser()} {
		t.Run(name, func(t *testing.T) {
			near, far := &calltest.Engine{}, &calltest.Engine{Addr: "192.0.2.2"}
			a, b := open(t, near, policy), open(t, far, policy)
			if c := a.Stream(media.Audio).Codec(); c != (media.Codec{}) {
				t.Errorf("%v is sent before anything is agreed", c)
			}
			offer, err := a.Offer(nil)
			must(t, err)
			answer, err := b.Answer(offer, media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMA()}}})
			must(t, err)
			must(t, a.Accept(answer))
			if near, far := a.Stream(media.Audio).Codec(), a.Peer.Stream(media.Audio).Codec(); near != media.PCMA() || far != near {
				t.Errorf("%v and %v are sent, want what is agreed", near, far)
			}
			if !strings.Contains(text(t, offer), "192.0.2.1") || !strings.Contains(text(t, answer), "192.0.2.2") {
				t.Errorf("offer\n%s\nanswer\n%s", text(t, offer), text(t, answer))
			}
			if a.Accepted() != 1 || b.Accepted() != 0 || a.Port(t) != b.Port(t) {
				t.Errorf("%d and %d answers, ports %d and %d", a.Accepted(), b.Accepted(), a.Port(t), b.Port(t))
			}
			if a.Plan() == nil || a.Plan().String() != b.Plan().String() || !a.Stands(a.Plan()) {
				t.Errorf("agreed on %v and %v", a.Plan(), b.Plan())
			}
			again, err := a.Offer(nil)
			must(t, err)
			a.Rollback()
			same, err := b.Answer(again, nil)
			must(t, err)
			if got, want := credentials(t, same), credentials(t, answer); got != want {
				t.Errorf("a refresh is answered with %q, want %q", got, want)
			}
			other := open(t, near, policy)
			restart, err := other.Offer(nil)
			must(t, err)
			fresh, err := b.Answer(restart, nil)
			must(t, err)
			if got, old := credentials(t, fresh), credentials(t, answer); policy.ICE && got == old {
				t.Errorf("a restart is answered with the old %q", got)
			}
		})
	}
}

func text(t testing.TB, d media.Description) string {
	t.Helper()
	b, err := d.AppendText(nil)
	must(t, err)
	return string(b)
}

// credentials returns the first name of ICE in a description.
func credentials(t testing.TB, d media.Description) string {
	_, rest, _ := strings.Cut(text(t, d), "a=ice-ufrag:")
	name, _, _ := strings.Cut(rest, "\r\n")
	return name
}

func TestEngineCounts(t *testing.T) {
	e := &calltest.Engine{}
	a, b := open(t, e, media.Phone()), open(t, e, media.Phone())
	must(t, a.Close())
	must(t, a.Close())
	if got := e.Only(t); got != b || e.Last(t) != b {
		t.Error("the terminal that was closed is open, or the last")
	}
	if _, err := a.Offer(nil); !errors.Is(err, media.ErrClosed) {
		t.Errorf("an offer of a closed terminal: %v", err)
	}
	offer, err := b.Offer(nil)
	must(t, err)
	c := open(t, e, media.Phone())
	e.Full.Store(true)
	if _, err := e.Open(media.Phone(), nil); !errors.Is(err, media.ErrFull) {
		t.Errorf("Open of a full engine: %v", err)
	}
	e.NoPorts.Store(true)
	if _, err := c.Answer(offer, nil); !errors.Is(err, media.ErrFull) || c.Plan() != nil {
		t.Errorf("Answer without ports: %v, %v", err, c.Plan())
	}
	must(t, b.Close())
	must(t, c.Close())
	if n := len(e.Terminals()); n != 0 {
		t.Errorf("%d terminals are left", n)
	}
}

// TestTold looks at what signalling has told a terminal.
func TestTold(t *testing.T) {
	term := open(t, &calltest.Engine{}, media.Phone())
	if term.Up() || term.Signalled().IsValid() || len(term.Injected()) != 0 {
		t.Error("a new terminal has been told something")
	}
	payload := []byte{1, 2, 3, 4}
	term.Inject(media.Audio, &media.Packet{What: media.Digit, Payload: payload})
	payload[0] = 9 // it is the caller's
	from := netip.MustParseAddr("192.0.2.7")
	term.Signals(from)
	term.Answered()
	if got := term.Injected(); !term.Up() || term.Signalled() != from || len(got) != 1 || got[0].What != media.Digit || got[0].Payload[0] != 1 {
		t.Errorf("up %v, from %v, injected %+v", term.Up(), term.Signalled(), got)
	}
}

func TestHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := open(t, &calltest.Engine{}, media.Phone())
		r := term.Stream(media.Audio).Reader()
		defer r.Close()
		term.Hear()
		var p media.Packet
		must(t, r.Read(make([]byte, 1500), &p))
		if p.Codec == nil || *p.Codec != media.PCMU() || len(p.Payload) != 160 {
			t.Errorf("heard %+v", p)
		}
	})
}

func TestLegs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := bridge.Pipe(media.Phone().Plan())
		go func() {
			time.Sleep(time.Minute)
			_ = near.Ring(t.Context(), nil)
			time.Sleep(time.Minute)
			_ = near.Hangup(t.Context(), bridge.Busy)
		}()
		began := time.Now()
		if info := calltest.WaitPhase(t, far, bridge.Alerting); info.Phase != bridge.Alerting || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", info.Phase, time.Since(began))
		}
		calltest.WantEnd(t, far, bridge.Busy, true)
		if end := calltest.End(t, far); end.Cause != bridge.Busy || time.Since(began) != 2*time.Minute {
			t.Errorf("ended with %v after %v", end, time.Since(began))
		}
	})
}
