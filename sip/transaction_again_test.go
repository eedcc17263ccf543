package sip_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/sip"
)

// TestRepeatedElsewhere loses the connection of a message, after its response, before it, or so that it cannot be written, and has the message
// repeated over another, as senders do that cannot know whether it arrived: it is taken once, and answered where it came from last.
func TestRepeatedElsewhere(t *testing.T) {
	for _, answered := range [...]string{"before the loss", "after the loss", "after the repetition"} {
		synctest.Test(t, func(t *testing.T) {
			taken, release := 0, make(chan struct{})
			w := listenWiresWith(t, &sip.Options{Network: "tcp", Message: func(contextT, *sip.Message) error {
				taken++
				if answered != "before the loss" {
					<-release
				}
				return nil
			}})
			first := w.connect(t, 5070)
			p, _ := overStream(t, first, "TCP")
			text := p.call().send("MESSAGE", "<alarm/>", "Content-Type: text/xml")
			if answered == "before the loss" {
				p.response(200, "MESSAGE")
			}
			synctest.Wait()
			_ = first.Close()
			synctest.Wait()
			if answered == "after the loss" {
				close(release)
				synctest.Wait()
			}
			p, _ = overStream(t, w.connect(t, 5071), "TCP")
			p.send(text)
			synctest.Wait()
			if answered == "after the repetition" {
				close(release)
			}
			p.response(200, "MESSAGE")
			if taken != 1 {
				t.Errorf("answered %s: taken %d times", answered, taken)
			}
		})
	}
}
