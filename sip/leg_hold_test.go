package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestHolds holds and resumes in each spelling. What says again what was said is answered at once; else the other party is asked.
func TestHolds(t *testing.T) {
	nowhere := strings.ReplaceAll(offer(6), "IN IP4 192.0.2.2\r\nt=", "IN IP4 0.0.0.0\r\nt=")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		for _, c := range []struct {
			name, offer, far, answer string
			asks                     bool
		}{
			{"sendonly", hold(2), "sendonly", "recvonly", true},
			{"again", hold(2), "sendonly", "recvonly", false},
			{"a new version that says the same", hold(3), "sendonly", "recvonly", false},
			{"inactive", describe(4, "inactive", 30000, "0 8 101"), "inactive", "inactive", true},
			{"resumed", offer(5), "sendrecv", "sendrecv", true},
			{"without an address", nowhere, "sendonly", "recvonly", true},
			{"resumed again", offer(7), "sendrecv", "sendrecv", true},
			{"muted", describe(8, "recvonly", 30000, "0 8 101"), "recvonly", "sendonly", true},
		} {
			s.send("INVITE", c.offer)
			synctest.Wait()
			info := l.Info()
			if info.Pending != c.asks || !strings.HasPrefix(info.Far.String(), "audio "+c.far) {
				t.Errorf("%s: %s, pending %v", c.name, info.Far, info.Pending)
			}
			if c.asks {
				if err := l.Answer(background, nil); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			ok := w.peer.response(200, "INVITE")
			if !strings.Contains(string(ok.Body()), "a="+c.answer+"\r\n") && (c.answer != "sendrecv" || strings.Contains(string(ok.Body()), "only")) {
				t.Errorf("%s: answered\n%s", c.name, ok.Body())
			}
			s.ack("")
			synctest.Wait()
		}
	})
}
