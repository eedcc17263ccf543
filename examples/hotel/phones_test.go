package main_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// portTries is how often to try with a phone that cannot find a free port itself.
const portTries = 5

// checkGuestCall checks a run with -pbx: the guest's call alone, in which the Echo has heard a tone that it does not share with another.
func checkGuestCall(t *testing.T, o outcome, tone float64) {
	t.Helper()
	v := o.verdict(t)
	if o.status != 0 || !v.OK || len(v.Calls) != 1 {
		t.Fatalf("exit status %d, verdict %+v, want 0 and one good call", o.status, v)
	}
	if c := v.Calls[0]; c.From != "echo" || !c.EchoHeard || c.PhoneHeard != nil || c.Ended != "normal" {
		t.Errorf("the call is %+v, want one from echo with echo_heard, without phone_heard", c)
	}
	if strings.Contains(o.stdout, `"phone_heard"`) {
		t.Error("phone_heard is there, though it cannot be known")
	}
	o.quiet(t)
	files := o.recordings(t)
	if len(files) != 1 || !strings.HasSuffix(files[0], "-from-echo-heard-by-echo.wav") {
		t.Fatalf("recordings %q, want what the Echo heard", files)
	}
	rate, samples, err := testutil.ReadWAV(files[0])
	if err != nil {
		t.Fatal(err)
	}
	share := testutil.ToneShare(samples, rate, tone)
	t.Logf("the Echo heard %.1f s with a share of %.3f at %v Hz", float64(len(samples))/float64(rate), share, tone)
	if share < 0.9 || len(samples) < rate {
		t.Errorf("the Echo heard %d samples at %d Hz with a share of %.3f at %v Hz", len(samples), rate, share, tone)
	}
}

// TestInteropHotelSIPp has SIPp's own scenario of a called side as the front desk: it sends back what it hears, which is the Echo's tone.
func TestInteropHotelSIPp(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	const cannotBind = 254
	for range portTries {
		port, media := testutil.FreePort(t), testutil.FreePort(t)
		sipp := program.Start(t, os.Environ(), "sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-mi", "127.0.0.1", "-mp", strconv.Itoa(media),
			"-rtp_echo", "-nostdin", "-m", "1", "-timeout", "60s", "-timeout_error")
		// SIPp listens some time after it has started: the INVITE is repeated until then.
		o := run(t, "-json", "-pbx", fmt.Sprintf("sip:reception@127.0.0.1:%d", port))
		if sipp.Ended() && sipp.Wait(t, program.Patience) == cannotBind {
			continue
		}
		checkGuestCall(t, o, echoTone)
		if status := sipp.Wait(t, program.Patience); status != 0 {
			t.Errorf("SIPp ends with status %d: the call was not as it expects calls to be", status)
		}
		return
	}
	t.Fatalf("SIPp found its ports taken %d times", portTries)
}
