package mediaserver

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestIVRMediaEnd has the media of a party end in the midst of what it hears: nothing more is asked, and nothing has failed, until ctx says how
// the call has ended.
func TestIVRMediaEnd(t *testing.T) {
	for name, c := range map[string]*Command{
		"a phrase":     {Phrases: []Phrase{say("a30"), say("b1")}, Digits: &Digits{Max: 1, First: time.Second}},
		"a background": {Background: &Background{Phrase: say("c2")}, Digits: &Digits{Max: 1, First: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			talks(t, []*Command{c, {Phrases: []Phrase{say("b1")}}}, func(t *testing.T, k *talk) {
				var log strings.Builder
				k.ivr.log = slog.New(slog.NewTextHandler(&log, nil))
				near := k.ivr.media.(*media.PipeEnd)
				_ = k.ear.Close()
				k.run()
				time.AfterFunc(2*time.Second, func() { _ = near.Close() })
				k.until(4 * time.Second)
				gone := errors.New("the caller has hung up")
				k.cancel(gone)
				if e := <-k.over; !errors.Is(e.err, gone) || time.Since(k.began) > 4*time.Second {
					t.Errorf("ended with %+v after %v", e, time.Since(k.began))
				}
				if len(k.requests) != 1 || log.Len() > 0 {
					t.Errorf("asked %d times, logged %s", len(k.requests), &log)
				}
			})
		})
	}
}
