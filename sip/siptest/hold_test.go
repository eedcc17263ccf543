package siptest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/sip/siptest"
)

// directionIn returns the direction that a description states.
func directionIn(sdp string) string {
	for _, dir := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		if strings.Contains(sdp, "\r\na="+dir+"\r\n") {
			return dir
		}
	}
	return ""
}

// versionIn returns the version in the origin of a description.
func versionIn(t *testing.T, sdp string) int {
	t.Helper()
	for line := range strings.Lines(sdp) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "o=") && len(fields) == 6 {
			n, err := strconv.Atoi(fields[2])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no origin in %q", sdp)
	return 0
}

// silent waits until a call has heard nothing for a while.
func silent(t *testing.T, c *siptest.Call) {
	t.Helper()
	eventually(t, "silence", func() bool { return time.Since(c.Heard().Last) > 300*time.Millisecond })
}

func TestHoldAndResume(t *testing.T) {
	for _, side := range []string{"caller", "callee"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			a, b := phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440)}), phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440)})
			holder, held := call(t, a, b, nil)
			if side == "callee" {
				holder, held = held, holder
			}
			reach(t, siptest.Up, holder, held)
			hears(t, holder, 440)
			first := versionIn(t, held.LocalSDP())

			if err := holder.Hold(within(t)); err != nil {
				t.Fatal(err)
			}
			if got := directionIn(holder.LocalSDP()); got != "sendonly" {
				t.Errorf("the holder offers %s", got)
			}
			if got := directionIn(held.LocalSDP()); got != "recvonly" {
				t.Errorf("the answer to a hold is %s", got)
			}
			if v := versionIn(t, held.LocalSDP()); v != first+1 {
				t.Errorf("version of the answer: %d after %d", v, first)
			}
			silent(t, holder)
			packets := held.Heard().Packets
			eventually(t, "music on hold", func() bool { return held.Heard().Packets > packets+10 })

			// Both hold: nothing flows. The one that held first resumes: it goes on being held.
			if err := held.Hold(within(t)); err != nil {
				t.Fatal(err)
			}
			if offer, answer := directionIn(held.LocalSDP()), directionIn(holder.LocalSDP()); offer != "sendonly" || answer != "inactive" {
				t.Errorf("hold of a held call: %s answered with %s", offer, answer)
			}
			silent(t, held)
			if err := held.Resume(within(t)); err != nil {
				t.Fatal(err)
			}
			if offer, answer := directionIn(held.LocalSDP()), directionIn(holder.LocalSDP()); offer != "sendrecv" || answer != "sendonly" {
				t.Errorf("resuming a held call: %s answered with %s", offer, answer)
			}
			if err := holder.Resume(within(t)); err != nil {
				t.Fatal(err)
			}
			if offer, answer := directionIn(holder.LocalSDP()), directionIn(held.LocalSDP()); offer != "sendrecv" || answer != "sendrecv" {
				t.Errorf("resume: %s answered with %s", offer, answer)
			}
			packets = holder.Heard().Packets
			eventually(t, "sound after hold", func() bool { return holder.Heard().Packets > packets+50 })
			hears(t, holder, 440)
			hears(t, held, 440)

			if err := holder.Hangup(within(t)); err != nil {
				t.Fatal(err)
			}
			if err := holder.Hold(within(t)); err == nil {
				t.Error("a call that has ended can be held")
			}
		})
	}
}
