package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// Past a limit no call is opened, and the error says which limit it is; those that stand go on.
func TestFull(t *testing.T) {
	const limit = 10
	for option, o := range map[string]*engine.Options{
		"Options.MaxTerminals":  {MaxTerminals: 1},
		"Options.MaxPacketRate": {MaxPacketRate: limit},
	} {
		e := listenWith(t, o)
		a := newPhone(t)
		sent, standing := uint64(1), open(t, e, media.Phone())
		a.offer(standing, g711())
		eventually(t, option, func() bool {
			for range 4 * limit {
				a.send([]byte("busy"))
				sent++
			}
			term, err := e.Open(media.Phone(), nil)
			if err == nil {
				_ = term.Close()
				return false
			}
			if !errors.Is(err, engine.ErrFull) || !errors.Is(err, media.ErrFull) || !strings.Contains(err.Error(), option) ||
				!strings.HasPrefix(err.Error(), "engine: ") {
				t.Fatalf("%s: %v", option, err)
			}
			return true
		})
		a.send([]byte("still here"))
		eventually(t, "all that was sent is heard", func() bool { return incoming(standing).Packets == sent })
		if o.MaxTerminals > 0 {
			_ = standing.Close()
		}
		eventually(t, "room again after "+option, func() bool {
			term, err := e.Open(media.Phone(), nil)
			return err == nil && term.Close() == nil
		})
	}
}
