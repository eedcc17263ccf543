package siptest_test

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestInteropSIPpCalls lets SIPp's own scenario of a caller make calls to a phone.
func TestInteropSIPpCalls(t *testing.T) {
	testutil.Need(t, "sipp")
	for _, transport := range []string{"u1", "t1"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			p := phone(t, &siptest.PhoneOptions{RingAfter: 20 * time.Millisecond, AnswerAfter: 50 * time.Millisecond, Play: siptest.Tone(440)})
			const calls = 10
			out, err := exec.CommandContext(within(t), "sipp", "-sn", "uac", "-t", transport, "-i", "127.0.0.1", "-s", "desk", // it finds ports itself
				"-m", strconv.Itoa(calls), "-r", "20", "-d", "200", "-nostdin", "-timeout", "15s",
				p.Addr().String()).CombinedOutput()
			if err != nil {
				t.Fatalf("sipp: %v\n%s", err, tail(string(out)))
			}
			all := p.Calls()
			if len(all) != calls {
				t.Fatalf("%d calls came in, want %d", len(all), calls)
			}
			for _, c := range all {
				ended(t, c, 200, "BYE", true)
			}
		})
	}
}

// TestInteropSIPpAnswers calls SIPp's own scenario of a called side, which sends back the sound that it gets.
func TestInteropSIPpAnswers(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	port, mediaPort := testutil.FreePort(t), testutil.FreePort(t)
	cmd := exec.CommandContext(t.Context(), "sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-mi", "127.0.0.1",
		"-mp", strconv.Itoa(mediaPort), "-rtp_echo", "-nostdin", "-m", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440)})
	// SIPp listens some time after it has started: the INVITE is repeated until then.
	c, err := p.Call(within(t), "sip:echo@127.0.0.1:"+strconv.Itoa(port), nil)
	if err != nil {
		t.Fatal(err)
	}
	reach(t, siptest.Up, c)
	hears(t, c, 440)
	if err := c.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	ended(t, c, 200, "BYE", false)
	_ = cmd.Process.Kill() // it would wait some seconds for a BYE that is repeated
	_ = cmd.Wait()
}

// tail returns the end of what a program has printed.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
