package siptest_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

func TestCallBothHear(t *testing.T) {
	for _, codec := range []string{"PCMU", "PCMA"} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(codec+" "+network, func(t *testing.T) {
				t.Parallel()
				a := phone(t, &siptest.PhoneOptions{User: "guest", Network: network, Codecs: []string{codec}, Play: siptest.Tone(440)})
				b := phone(t, &siptest.PhoneOptions{Network: network, Codecs: []string{"PCMA", "PCMU"}, Play: siptest.Tone(1000)})
				out, in := call(t, a, b, nil)
				reach(t, siptest.Up, out, in)
				hears(t, out, 1000)
				hears(t, in, 440)
				if got, want := out.Responses(), []int{100, 180, 200}; !slices.Equal(got, want) {
					t.Errorf("Responses() = %v, want %v", got, want)
				}
				if out.HadSDP(180) || !out.HadSDP(200) {
					t.Errorf("session description in 180: %t, in 200: %t", out.HadSDP(180), out.HadSDP(200))
				}
				if err := out.Hangup(within(t)); err != nil {
					t.Error(err)
				}
				ended(t, out, 200, "BYE", false)
				ended(t, in, 200, "BYE", true)
				heard := in.Heard()
				if heard.Lost != 0 || heard.Reordered != 0 || heard.Unknown != 0 || heard.First.IsZero() {
					t.Errorf("heard %d packets: %d lost, %d reordered, %d unknown", heard.Packets, heard.Lost, heard.Reordered, heard.Unknown)
				}
			})
		}
	}
}

func TestRecordingAsWAV(t *testing.T) {
	t.Parallel()
	a := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(700)})
	b := phone(t, nil)
	out, in := call(t, a, b, nil)
	hears(t, in, 700)
	if share := out.Heard().ToneShare(700, 0); share != 0 {
		t.Errorf("share of a tone in silence: %g", share)
	}
	path := filepath.Join(t.TempDir(), "heard.wav")
	if err := in.Heard().WriteWAV(path); err != nil {
		t.Fatal(err)
	}
	// What one phone has recorded another one plays.
	c := phone(t, &siptest.PhoneOptions{Play: siptest.WAV(path)})
	_, in = call(t, c, b, nil)
	hears(t, in, 700)
	if share := testutil.ToneShare(in.Heard().PCM, 8000, 700); share < 0.9 {
		t.Errorf("share of the tone by another measure: %g", share)
	}
}

func TestReject(t *testing.T) {
	a := phone(t, nil)
	for _, c := range []struct {
		name string
		o    siptest.PhoneOptions
		want []int
		why  string
	}{
		{"busy", siptest.PhoneOptions{Reject: 486}, []int{100, 486}, "Busy Here"},
		{"declined after ringing", siptest.PhoneOptions{Reject: 603, RejectReason: "Not now", AnswerAfter: 50 * time.Millisecond}, []int{100, 180, 603}, "Not now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := phone(t, &c.o)
			out, in := call(t, a, b, nil)
			ended(t, out, c.o.Reject, c.why, true)
			ended(t, in, c.o.Reject, c.why, false)
			if got := out.Responses(); !slices.Equal(got, c.want) {
				t.Errorf("Responses() = %v, want %v", got, c.want)
			}
			if err := out.WaitState(within(t), siptest.Up); err == nil {
				t.Error("a rejected call is said to have been up")
			}
		})
	}
}

func TestNoCodecInCommon(t *testing.T) {
	a, b := phone(t, &siptest.PhoneOptions{Codecs: []string{"PCMA"}}), phone(t, nil)
	out, err := a.Call(within(t), b.URI(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ended(t, out, 488, "Not Acceptable Here", true)
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the phone that refused has %d calls", len(calls))
	}
}

func TestHangUpBySide(t *testing.T) {
	t.Run("cancel while ringing", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, &siptest.PhoneOptions{AnswerAfter: -1})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Ringing, out, in)
		if err := out.Hangup(within(t)); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 487, "Request Terminated", false)
		ended(t, in, 487, "Request Terminated", true)
		if got, want := out.Responses(), []int{100, 180, 487}; !slices.Equal(got, want) {
			t.Errorf("Responses() = %v, want %v", got, want)
		}
	})
	t.Run("declined by hand", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, &siptest.PhoneOptions{AnswerAfter: -1})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Ringing, out)
		if err := in.Hangup(within(t)); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 603, "Decline", true)
	})
	t.Run("refused before ringing", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, &siptest.PhoneOptions{RingAfter: -1, AnswerAfter: -1})
		out, in := call(t, a, b, nil)
		if err := in.Hangup(within(t)); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 480, "Temporarily Unavailable", true)
	})
	t.Run("callee hangs up", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, nil)
		out, in := call(t, a, b, nil)
		reach(t, siptest.Up, in)
		if err := in.Hangup(within(t)); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 200, "BYE", true)
		ended(t, in, 200, "BYE", false)
	})
	t.Run("picked up by hand, hung up by itself", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, &siptest.PhoneOptions{AnswerAfter: -1, HangUpAfter: 50 * time.Millisecond})
		out, in := call(t, a, b, nil)
		reach(t, siptest.Ringing, out)
		if err := in.Answer(); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 200, "BYE", true)
		if err := in.Answer(); err == nil {
			t.Error("a call that has ended can be answered")
		}
		if err := out.Answer(); err == nil {
			t.Error("a call out can be answered")
		}
	})
	t.Run("close hangs up", func(t *testing.T) {
		a, b := phone(t, nil), phone(t, nil)
		out, in := call(t, a, b, nil)
		reach(t, siptest.Up, out, in)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		ended(t, out, 200, "BYE", true)
		if _, err := b.Call(within(t), a.URI(), nil); err == nil {
			t.Error("a closed phone places a call")
		}
		if _, err := b.NextCall(within(t)); err == nil {
			t.Error("a closed phone has a next call")
		}
	})
}

func TestEarlyMedia(t *testing.T) {
	t.Parallel()
	a := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440)})
	b := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(1000), EarlyMedia: true, AnswerAfter: -1})
	out, in := call(t, a, b, nil)
	reach(t, siptest.Early, out, in)
	hears(t, out, 1000)
	hears(t, in, 440)
	if s := out.State(); s != siptest.Early {
		t.Errorf("state is %s before the answer", s)
	}
	if err := in.Answer(); err != nil {
		t.Fatal(err)
	}
	reach(t, siptest.Up, out, in)
	if got, want := out.Responses(), []int{100, 183, 200}; !slices.Equal(got, want) || !out.HadSDP(183) || !out.HadSDP(200) {
		t.Errorf("Responses() = %v, want %v with a description in each", got, want)
	}
}

func TestOfferless(t *testing.T) {
	t.Parallel()
	a := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440), Codecs: []string{"PCMA"}})
	b := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(1000), Codecs: []string{"PCMU", "PCMA"}})
	out, in := call(t, a, b, &siptest.CallOptions{Offerless: true})
	if got := in.Header("Content-Type"); got != "" {
		t.Errorf("the INVITE has a body of %s", got)
	}
	hears(t, out, 1000)
	hears(t, in, 440)
	if out.LocalSDP() == "" || out.LocalSDP() != in.RemoteSDP() || in.LocalSDP() != out.RemoteSDP() {
		t.Error("the descriptions of both sides differ")
	}
}

func TestCallerAndHeaders(t *testing.T) {
	a, b := phone(t, nil), phone(t, nil)
	_, in := call(t, a, b, &siptest.CallOptions{From: "sip:room12@hotel.example", Headers: [][2]string{{"X-Room", "12"}}})
	if got, want := in.Header("x-room"), "12"; got != want {
		t.Errorf("X-Room: %q, want %q", got, want)
	}
	if got, want := in.Header("From"), "<sip:room12@hotel.example>"; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("From: %q, want %q", got, want)
	}
	if !in.Incoming() {
		t.Error("the call in is not said to be incoming")
	}
	for _, bad := range []string{"", "desk", "tel:+1", "sips:desk@127.0.0.1", "sip:x@127.0.0.1\r\nX: y", "sip:"} {
		if _, err := a.Call(within(t), bad, nil); err == nil {
			t.Errorf("a call to %q is placed", bad)
		}
	}
	if _, err := a.Call(within(t), b.URI(), &siptest.CallOptions{Headers: [][2]string{{"X", "a\r\nY: b"}}}); err == nil {
		t.Error("a header with a line end is sent")
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []siptest.PhoneOptions{
		{User: "a b"},
		{User: "a\r\n"},
		{Network: "tls"},
		{Codecs: []string{"opus"}},
		{Play: siptest.Tone(5000)},
		{Play: siptest.Tone(-1)},
		{Play: siptest.WAV("does-not-exist.wav")},
		{Reject: 200},
		{Reject: 486, RejectReason: "a\r\nb"},
		{RequireAuth: true},
	} {
		if p, err := siptest.NewPhone(&o); err == nil {
			_ = p.Close()
			t.Errorf("a phone is made of %+v", o)
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	a, b := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440)}), phone(t, nil)
	out, in := call(t, a, b, nil)
	reach(t, siptest.Up, out, in)
	if err := out.SendDigits(within(t), "1#1D*"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all digits", func() bool { return in.Digits() == "1#1D*" })
	if err := in.SendDigits(within(t), "99"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all digits back", func() bool { return out.Digits() == "99" })
	hears(t, in, 440) // the tone goes on after them
	if err := out.SendDigits(within(t), "12x"); err == nil {
		t.Error("x is sent as a digit")
	}
	if err := out.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := out.SendDigits(within(t), "1"); err == nil {
		t.Error("a digit is sent after the call")
	}
}

func TestReportsArrive(t *testing.T) {
	t.Parallel()
	a, b := phone(t, nil), phone(t, nil)
	out, in := call(t, a, b, nil)
	for _, c := range []*siptest.Call{out, in} {
		eventually(t, "a sender report", func() bool { return c.Heard().RTCP > 0 })
	}
}

func TestDigest(t *testing.T) {
	b := phone(t, &siptest.PhoneOptions{RequireAuth: true, Username: "room12", Password: "correct horse"})
	a := phone(t, &siptest.PhoneOptions{Username: "room12", Password: "correct horse"})
	out, in := call(t, a, b, nil)
	reach(t, siptest.Up, out, in)
	if got, want := out.Responses(), []int{407, 100, 180, 200}; !slices.Equal(got, want) {
		t.Errorf("Responses() = %v, want %v", got, want)
	}
	if err := out.Hold(within(t)); err != nil {
		t.Error(err)
	}
	if err := out.Hangup(within(t)); err != nil {
		t.Error(err)
	}

	for _, o := range []*siptest.PhoneOptions{nil, {Username: "room12", Password: "wrong"}, {Username: "room13", Password: "correct horse"}} {
		out, err := phone(t, o).Call(within(t), b.URI(), nil)
		if err != nil {
			t.Fatal(err)
		}
		ended(t, out, 407, "Proxy Authentication Required", true)
	}
	if n := len(b.Calls()); n != 1 {
		t.Errorf("%d calls came through, want 1", n)
	}
}
