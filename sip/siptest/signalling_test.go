package siptest_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

// The tests in this file run in fake time, over a network in memory.

// silentPhone returns a phone without media at conn.
func silentPhone(t *testing.T, conn net.PacketConn, o siptest.PhoneOptions) *siptest.Phone {
	t.Helper()
	o.PacketConn, o.NoMedia = conn, true
	return phone(t, &o)
}

// journal collects what a phone sends and receives.
type journal struct{ entries []siptest.Entry }

func (j *journal) add(e siptest.Entry) { j.entries = append(j.entries, e) }

// lines returns the journal as text, each line with its time in seconds.
func (j *journal) lines() []string {
	var all []string
	for _, e := range j.entries {
		all = append(all, e.At.String()+" "+e.String())
	}
	return all
}

// same compares journals line by line.
func (j *journal) same(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := j.lines(); !slices.Equal(got, want) {
		t.Errorf("messages:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCallUnderFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		var j journal
		a := silentPhone(t, near, siptest.PhoneOptions{OnMessage: j.add})
		b := silentPhone(t, far, siptest.PhoneOptions{RingAfter: 3 * time.Second, AnswerAfter: 10 * time.Second, HangUpAfter: time.Minute})
		out, in := call(t, a, b, nil)
		if err := out.WaitState(t.Context(), siptest.Ended); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 200, "BYE", true)
		ended(t, in, 200, "BYE", false)
		j.same(t,
			"0s -> INVITE (SDP)",
			"0s <- 100 Trying to INVITE",
			"3s <- 180 Ringing to INVITE",
			"10s <- 200 OK to INVITE (SDP)",
			"10s -> ACK",
			"1m10s <- BYE",
			"1m10s -> 200 OK to BYE",
		)
	})
}

func TestCancelUnderFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		var j journal
		a := silentPhone(t, near, siptest.PhoneOptions{OnMessage: j.add})
		b := silentPhone(t, far, siptest.PhoneOptions{AnswerAfter: -1})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Ringing, out)
		time.Sleep(5 * time.Second)
		if err := out.Hangup(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended(t, in, 487, "Request Terminated", true)
		j.same(t,
			"0s -> INVITE (SDP)",
			"0s <- 100 Trying to INVITE",
			"0s <- 180 Ringing to INVITE",
			"5s -> CANCEL",
			"5s <- 200 OK to CANCEL",
			"5s <- 487 Request Terminated to INVITE",
			"5s -> ACK",
		)
	})
}

// dropping returns an impairment that loses the first n packets that begin with prefix.
func dropping(conn net.PacketConn, n int, prefix string) net.PacketConn {
	return testutil.Impair(conn, testutil.Impairment{
		Drop: testutil.DropNext(n, func(p []byte) bool { return bytes.HasPrefix(p, []byte(prefix)) }),
	})
}

func TestAnswerRepeatedUntilAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		var j journal
		a := silentPhone(t, dropping(near, 5, "ACK"), siptest.PhoneOptions{OnMessage: j.add})
		b := silentPhone(t, far, siptest.PhoneOptions{})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Up, out, in)
		time.Sleep(15 * time.Second)
		if err := in.Hangup(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.same(t,
			"0s -> INVITE (SDP)",
			"0s <- 100 Trying to INVITE",
			"0s <- 180 Ringing to INVITE",
			"0s <- 200 OK to INVITE (SDP)", "0s -> ACK",
			"500ms <- 200 OK to INVITE (SDP)", "500ms -> ACK",
			"1.5s <- 200 OK to INVITE (SDP)", "1.5s -> ACK",
			"3.5s <- 200 OK to INVITE (SDP)", "3.5s -> ACK",
			"7.5s <- 200 OK to INVITE (SDP)", "7.5s -> ACK",
			"11.5s <- 200 OK to INVITE (SDP)", "11.5s -> ACK",
			"15s <- BYE", "15s -> 200 OK to BYE",
		)
		if got, want := out.Responses(), []int{100, 180, 200}; !slices.Equal(got, want) {
			t.Errorf("Responses() = %v, want %v", got, want)
		}
	})
}

func TestNeverAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		a := silentPhone(t, dropping(near, 1000, "ACK"), siptest.PhoneOptions{})
		b := silentPhone(t, far, siptest.PhoneOptions{})
		out, in := call(t, a, b, nil)
		began := time.Now()
		if err := in.WaitState(t.Context(), siptest.Ended); err != nil {
			t.Fatal(err)
		}
		ended(t, in, 408, "no ACK", false)
		ended(t, out, 200, "BYE", true)
		if took := time.Since(began); took != 32*time.Second {
			t.Errorf("given up after %s, want 32s", took)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := testutil.PacketPipe(t)
		a := silentPhone(t, near, siptest.PhoneOptions{})
		out, err := a.Call(t.Context(), "sip:desk@192.0.2.9", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := out.WaitState(t.Context(), siptest.Ended); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 408, "no response", false)
		if took := time.Since(began); took != 32*time.Second {
			t.Errorf("given up after %s, want 32s", took)
		}
	})
}

func TestNotAnsweredInThreeMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		a, b := silentPhone(t, near, siptest.PhoneOptions{}), silentPhone(t, far, siptest.PhoneOptions{AnswerAfter: -1})
		out, in := call(t, a, b, nil)
		began := time.Now()
		if err := out.WaitState(t.Context(), siptest.Ended); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 408, "not answered", false)
		ended(t, in, 487, "Request Terminated", true)
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("given up after %s, want 3m", took)
		}
	})
}

func TestGlare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		// Both offers must be on their way before either is seen.
		late := testutil.Impairment{Delay: 10 * time.Millisecond}
		var j journal
		a := silentPhone(t, testutil.Impair(near, late), siptest.PhoneOptions{OnMessage: j.add})
		b := silentPhone(t, testutil.Impair(far, late), siptest.PhoneOptions{})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Up, out, in)
		time.Sleep(time.Second)
		errs := make(chan error, 2)
		for _, c := range []*siptest.Call{out, in} {
			go func() { errs <- c.Hold(t.Context()) }()
		}
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Fatal(err)
		}
		pending := 0
		for _, e := range j.entries {
			if e.Status == 491 {
				pending++
				if e.At > 1100*time.Millisecond {
					t.Errorf("%s only after %s", e, e.At)
				}
			}
		}
		if pending != 2 {
			t.Errorf("%d responses of 491, want one each way", pending)
		}
		if x, y := directionIn(out.LocalSDP()), directionIn(in.LocalSDP()); !slices.Contains([]string{"sendonly inactive", "inactive sendonly"}, x+" "+y) {
			t.Errorf("both hold: %s and %s", x, y)
		}
	})
}

func TestSignallingAcrossLoss(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			near, far := testutil.PacketPipe(t)
			lossy := testutil.Impairment{Seed: seed, Loss: 0.15, Duplicate: 0.2, Reorder: 0.2}
			a := silentPhone(t, testutil.Impair(near, lossy), siptest.PhoneOptions{})
			lossy.Seed += 100
			b := silentPhone(t, testutil.Impair(far, lossy), siptest.PhoneOptions{RingAfter: time.Second, AnswerAfter: 2 * time.Second})
			for range 5 {
				out, in := lossyCall(t, a, b)
				if err := errors.Join(out.Hold(t.Context()), in.Hold(t.Context()), out.Hangup(t.Context())); err != nil {
					t.Error(err)
				}
				ended(t, in, 200, "BYE", true)
			}
		})
	}
}

// lossyCall places a call from a to b and returns both ends once it is up. A try may fail: 32 s of repeating are not enough for each.
func lossyCall(t *testing.T, a, b *siptest.Phone) (out, in *siptest.Call) {
	t.Helper()
	for range 5 {
		out, err := a.Call(t.Context(), b.URI(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.WaitState(t.Context(), siptest.Up) != nil {
			continue
		}
		for _, in := range b.Calls() {
			if in.Header("Call-ID") == out.Header("Call-ID") {
				return out, in
			}
		}
		t.Fatal("a call is up that never came in")
	}
	t.Fatal("no call has come up")
	return nil, nil
}

func TestRefusalAcrossLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		var j journal
		a := silentPhone(t, dropping(near, 2, "ACK"), siptest.PhoneOptions{OnMessage: j.add})
		b := silentPhone(t, far, siptest.PhoneOptions{Reject: 486})
		out, _ := call(t, a, b, nil)
		ended(t, out, 486, "Busy Here", true)
		time.Sleep(time.Minute)
		j.same(t,
			"0s -> INVITE (SDP)",
			"0s <- 100 Trying to INVITE",
			"0s <- 486 Busy Here to INVITE", "0s -> ACK",
			"500ms <- 486 Busy Here to INVITE", "500ms -> ACK",
			"1.5s <- 486 Busy Here to INVITE", "1.5s -> ACK",
		)
		if got, want := out.Responses(), []int{100, 486}; !slices.Equal(got, want) {
			t.Errorf("Responses() = %v, want %v", got, want)
		}
	})
}

func TestLogKeepsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		var log bytes.Buffer
		o := siptest.PhoneOptions{
			User: "4930123456", Username: "room12", Password: "correct horse",
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 8})),
		}
		a := silentPhone(t, near, o)
		o.RequireAuth = true
		b := silentPhone(t, far, o)
		out, in := call(t, a, b, nil)
		reach(t, siptest.Up, out, in)
		if err := errors.Join(out.Hold(t.Context()), out.Hangup(t.Context())); err != nil {
			t.Error(err)
		}
		out, err := a.Call(t.Context(), b.URI(), &siptest.CallOptions{Headers: [][2]string{{"X-Long", strings.Repeat("x", 2000)}}})
		if err == nil {
			_ = out.Hangup(t.Context())
			t.Error("a message longer than UDP takes is sent")
		} else if strings.Contains(err.Error(), "4930123456") {
			t.Errorf("the error names the number: %v", err)
		}
		for _, junk := range []string{"INVITE 4930123456", "INVITE sip:4930123456@x SIP/2.0\r\nTo: 4930123456\r\n\r\n"} {
			if _, err := far.WriteTo([]byte(junk), near.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
		if log.Len() == 0 {
			t.Error("nothing is logged")
		}
		for _, secret := range []string{"4930123456", "correct horse", "room12", "m=audio", "o=", "Digest", "response="} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%q is in the log:\n%s", secret, log.String())
			}
		}
	})
}
