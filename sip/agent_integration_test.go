package sip_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// within is how long a call on loopback may take to do anything.
const within = 20 * time.Second

// listen opens an agent with a real engine on loopback.
func listen(t testing.TB, o *sip.Options) *sip.Agent {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := e.Stats().Terminals; left != 0 {
			t.Errorf("%d terminals left", left)
		}
		_ = e.Close()
	})
	a, err := sip.Listen("127.0.0.1:0", e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// newPhone makes a phone that is closed before the agent.
func newPhone(t testing.TB, o *siptest.PhoneOptions) *siptest.Phone {
	t.Helper()
	p, err := siptest.NewPhone(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// hears waits until a phone has heard a tone.
func hears(t testing.TB, who string, c *siptest.Call, hz float64) {
	t.Helper()
	for deadline := time.Now().Add(within); ; {
		if c.Heard().ToneShare(hz, 400*time.Millisecond) > 0.9 && len(c.Heard().PCM) > 4000 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not hear %.0f Hz: share %.2f of %d packets", who, hz, c.Heard().ToneShare(hz, time.Second), c.Heard().Packets)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// through calls from one phone through an agent to another and returns both ends.
func through(t testing.TB, ann *siptest.Phone, to string, o *siptest.CallOptions, bob *siptest.Phone) (out, in *siptest.Call) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	out, err := ann.Call(ctx, to, o)
	if err != nil {
		t.Fatal(err)
	}
	if in, err = bob.NextCall(ctx); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.WaitState(ctx, siptest.Up), in.WaitState(ctx, siptest.Up)); err != nil {
		t.Fatal(err)
	}
	return out, in
}

// onwards is a bridge that joins each call with one that the same agent places.
func onwards(to string) bridge.Bridge {
	return bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		l, ok := in.(*sip.Leg)
		if !ok {
			return errors.New("not a SIP leg")
		}
		return bridge.To(l.Agent(), to, nil).Handle(ctx, in)
	})
}

// TestCallThrough joins two phones: both hear each other, hold and resume pass, and the end does.
func TestCallThrough(t *testing.T) {
	for _, c := range []struct {
		name, from, to string // networks
		offerless      bool
		early          bool
	}{
		{"UDP", "udp", "udp", false, false},
		{"TCP", "tcp", "tcp", false, false},
		{"UDP to TCP", "udp", "tcp", false, false},
		{"offerless", "udp", "udp", true, false},
		{"early media", "udp", "udp", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: c.to, Play: siptest.Tone(880), AnswerAfter: 200 * time.Millisecond, EarlyMedia: c.early})
			a := listen(t, &sip.Options{Bridge: onwards(bob.URI())})
			ann := newPhone(t, &siptest.PhoneOptions{User: "ann", Network: c.from, Play: siptest.Tone(440)})
			to := fmt.Sprintf("sip:room@%s;transport=%s", a.Addr(), c.from)
			out, in := through(t, ann, to, &siptest.CallOptions{Offerless: c.offerless}, bob)
			hears(t, "ann", out, 880)
			hears(t, "bob", in, 440)
			if got := out.Responses(); !c.offerless && slices.Contains(got, 183) != c.early {
				t.Errorf("responses %v, early media %v", got, c.early)
			}
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			if err := out.Hold(ctx); err != nil {
				t.Fatalf("hold: %v", err)
			}
			wait(t, "hold reaches bob", func() bool { return strings.Contains(in.RemoteSDP(), "a=sendonly") })
			if err := out.Resume(ctx); err != nil {
				t.Fatalf("resume: %v", err)
			}
			wait(t, "resume reaches bob", func() bool { return strings.Contains(in.RemoteSDP(), "a=sendrecv") })
			hears(t, "ann", out, 880)
			if err := out.SendDigits(ctx, "159#"); err != nil {
				t.Errorf("digits: %v", err)
			}
			wait(t, "digits reach bob", func() bool { return in.Digits() == "159#" })
			if err := in.Hangup(ctx); err != nil {
				t.Errorf("hang up: %v", err)
			}
			if err := out.WaitState(ctx, siptest.Ended); err != nil {
				t.Error(err)
			}
			if status, _, byRemote := out.Ended(); status != 200 || !byRemote {
				t.Errorf("ann's call ended with %d, by the other side %v", status, byRemote)
			}
			wait(t, "the end of the legs", func() bool { return a.Stats().Standing == 0 })
		})
	}
}

func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// TestRejectedThrough refuses a call at its far end: the caller is told why.
func TestRejectedThrough(t *testing.T) {
	for status, want := range map[int]int{486: 486, 600: 486, 404: 404, 403: 403, 480: 480, 603: 480, 503: 503, 500: 500, 488: 488} {
		t.Run(statusText(status), func(t *testing.T) {
			t.Parallel()
			bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Reject: status, NoMedia: true})
			a := listen(t, &sip.Options{Bridge: onwards(bob.URI())})
			ann := newPhone(t, &siptest.PhoneOptions{User: "ann", NoMedia: true})
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			out, err := ann.Call(ctx, "sip:room@"+a.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := out.WaitState(ctx, siptest.Ended); err != nil {
				t.Fatal(err)
			}
			if got, _, _ := out.Ended(); got != want {
				t.Errorf("%d becomes %d, want %d", status, got, want)
			}
		})
	}
}

// TestAskedForCredentials dials a phone that wants a password.
func TestAskedForCredentials(t *testing.T) {
	for _, password := range []string{"sesame", "wrong"} {
		t.Run(password, func(t *testing.T) {
			t.Parallel()
			bob := newPhone(t, &siptest.PhoneOptions{User: "bob", RequireAuth: true, Username: "gw", Password: "sesame", NoMedia: true})
			a := listen(t, &sip.Options{Credentials: []sip.Credentials{{Host: "127.0.0.1", Username: "gw", Password: password}}})
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			l, err := a.Dial(ctx, bob.URI(), nil)
			if password == "wrong" {
				wantDialError(t, err, bridge.Forbidden, 407)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			waitPhase(t, l, bridge.Up)
			if err := l.Hangup(ctx, bridge.Normal); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInfoDigits has a far side send its digits as INFO: the other side hears them as telephone events.
func TestInfoDigits(t *testing.T) {
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Play: siptest.Tone(440)})
	a := listen(t, &sip.Options{Network: "udp", Bridge: onwards(bob.URI())})
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sound, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sound.Close()
	p := &peer{t: t, addr: conn.LocalAddr().String(), conn: conn, to: net.UDPAddrFromAddrPort(a.Addr())}
	s := p.call()
	s.agentURI = "sip:room@" + a.Addr().String()
	s.send("INVITE", strings.ReplaceAll(describe(1, "sendrecv", sound.LocalAddr().(*net.UDPAddr).Port, "0 101"), "192.0.2.2", "127.0.0.1"))
	for {
		res, _ := p.receive(within).(interface{ IsProvisional() bool })
		if res == nil || !res.IsProvisional() {
			break
		}
	}
	if !strings.HasPrefix(string(p.raw), "SIP/2.0 200") {
		t.Fatalf("not answered:\n%s", p.raw)
	}
	_, tag, _ := strings.Cut(string(p.raw), "To: <sip:room@example.net>;tag=")
	s.agentTag, _, _ = strings.Cut(tag, "\r\n")
	s.ack("")
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	in, err := bob.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = sound.SetReadDeadline(time.Now().Add(within))
	if _, err := sound.Read(make([]byte, 1500)); err != nil {
		t.Fatalf("the call is not joined: %v", err)
	}
	for _, key := range []string{"4", "2", "#"} {
		s.send("INFO", "Signal="+key+"\r\nDuration=120\r\n", "Content-Type: application/dtmf-relay")
		for p.receive(within) != nil && strings.Contains(string(p.raw), " INVITE\r\n") {
			continue // on a busy machine the 200 to INVITE may come again
		}
		if !strings.Contains(string(p.raw), " INFO\r\n") || !strings.HasPrefix(string(p.raw), "SIP/2.0 200") {
			t.Fatalf("INFO is not answered:\n%s", p.raw)
		}
	}
	wait(t, "digits reach bob", func() bool { return in.Digits() == "42#" })
	s.send("BYE", "")
	p.response(200, "BYE")
	wait(t, "the end", func() bool { return a.Stats().Standing == 0 })
}

// TestManyCalls has a phone answer a hundred calls of ours at once, over UDP and TCP.
func TestManyCalls(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: network})
			a := listen(t, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 2*within)
			defer cancel()
			var done []<-chan error
			for range 100 {
				done = append(done, async(func() error {
					l, err := a.Dial(ctx, bob.URI(), &bridge.DialOptions{Plan: media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}})
					if err != nil {
						return err
					}
					for info := l.Info(); info.Phase < bridge.Up; {
						if info, err = l.Next(ctx, info.Rev); err != nil {
							return err
						}
					}
					return l.Hangup(ctx, bridge.Normal)
				}))
			}
			for _, c := range done {
				if err := <-c; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestInteropSIPp runs SIPp's own scenarios, caller and called, over UDP and TCP.
func TestInteropSIPp(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	for _, transport := range []string{"u1", "t1"} {
		t.Run("uac "+transport, func(t *testing.T) { sippCalls(t, transport) })
		t.Run("uas "+transport, func(t *testing.T) { sippAnswers(t, transport) })
	}
}
