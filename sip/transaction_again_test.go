package sip_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/sip"
)

// TestRepeatedElsewhere loses the connection of a message, before its response and after, and has it repeated over another, as senders do
// that cannot know whether it arrived: it is taken once, and answered where it came from last.
func TestRepeatedElsewhere(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			taken, release := 0, make(chan struct{})
			w := listenWiresWith(t, &sip.Options{Network: "tcp", Message: func(contextT, *sip.Message) error {
				taken++
				if late {
					<-release
				}
				return nil
			}})
			first := w.connect(t, 5070)
			p, _ := overStream(t, first, "TCP")
			text := p.call().send("MESSAGE", "<alarm/>", "Content-Type: text/xml")
			if !late {
				p.response(200, "MESSAGE")
			}
			synctest.Wait()
			_ = first.Close()
			synctest.Wait()
			p, _ = overStream(t, w.connect(t, 5071), "TCP")
			p.send(text)
			synctest.Wait()
			close(release)
			p.response(200, "MESSAGE")
			if taken != 1 {
				t.Errorf("late %v: taken %d times", late, taken)
			}
		})
	}
}
