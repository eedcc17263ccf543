package bridge_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// ear reads what arrives on a leg's audio.
type ear struct {
	r    *media.Reader
	mu   sync.Mutex
	got  []string
	done sync.WaitGroup
}

// listen opens an ear.
func listen(t *testing.T, l bridge.Leg) *ear {
	t.Helper()
	e := &ear{r: l.Media().Stream(media.Audio).Reader()}
	e.done.Go(func() {
		buf := make([]byte, 2048)
		for {
			var p media.Packet
			switch err := e.r.Read(buf, &p); {
			case err == nil:
				e.mu.Lock()
				e.got = append(e.got, string(p.Payload))
				e.mu.Unlock()
			case errors.Is(err, media.ErrChanged):
			default:
				if !errors.Is(err, media.ErrClosed) && !errors.Is(err, io.EOF) {
					t.Errorf("reading: %v", err)
				}
				return
			}
		}
	})
	return e
}

// take returns what was heard since the last time.
func (e *ear) take() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

// hears lets a party say something and checks that it arrives once.
func (e *ear) hears(t *testing.T, from bridge.Leg, words string) {
	t.Helper()
	e.take()
	say(t, from, words)
	if got := e.take(); len(got) != 1 || got[0] != words {
		t.Errorf("heard %q, want %q once", got, words)
	}
}

// silent lets a party say something and checks that it does not arrive.
func (e *ear) silent(t *testing.T, from bridge.Leg) {
	t.Helper()
	e.take()
	say(t, from, "nobody hears this")
	if got := e.take(); len(got) != 0 {
		t.Errorf("heard %q, want silence", got)
	}
}

func (e *ear) close(t *testing.T) {
	t.Helper()
	if err := e.r.Close(); err != nil {
		t.Error(err)
	}
	e.done.Wait()
}

// say sends one packet from a party.
func say(t *testing.T, from bridge.Leg, words string) {
	t.Helper()
	codec := media.PCMU()
	if m, _ := from.Media().Plan().Find(media.Audio); len(m.Codecs) > 0 {
		codec = m.Codecs[0]
	}
	if err := from.Media().Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: []byte(words)}); err != nil {
		t.Errorf("saying %q: %v", words, err)
	}
}
