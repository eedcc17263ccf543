package engine_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// protectionTable has the ways in which a leg is carried. Each has telephone events on a clock of its own, so that they are re-timed on the
// way to the others.
var protectionTable = []struct {
	name   string
	policy func() *media.Policy
	digits int
}{
	{"RTP", media.Phone, 8000},
	{"SDES", func() *media.Policy { p := media.Phone(); p.Security = media.SDES; return p }, 16000},
	{"DTLS", func() *media.Policy { return lockedByDTLS(true) }, 24000},
	{"ICE", media.AlexaCalling, 48000},
}

// side is one leg of the engine that is tested, and the far side's end of it, on an engine of its own.
type side struct {
	near, far media.Terminal
	digits    int
}

// newSide sets up leg i of protectionTable. The far side offers if it calls.
func newSide(t *testing.T, e *engine.Engine, i int, calls bool) *side {
	t.Helper()
	row := protectionTable[i]
	policy := func() *media.Policy {
		p := seeing(row.policy())
		p.Audio = []media.Codec{media.PCMU(), media.TelephoneEvent(row.digits)}
		return p
	}
	s := &side{open(t, e, policy()), open(t, listen(t), policy()), row.digits}
	from, to := s.near, s.far
	if calls {
		from, to = s.far, s.near
	}
	offer, err := from.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := to.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.Accept(answer); err != nil {
		t.Fatal(err)
	}
	return s
}

// talk has the far side of a leg send until the test ends: sound, pictures, and one long digit.
func (s *side) talk(ctx context.Context, mark byte) {
	sound, picture, event := media.PCMU(), media.VP8(), media.TelephoneEvent(s.digits)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		seq := uint16(2 * n)
		_ = s.far.Stream(media.Audio).Write(&media.Packet{Codec: &sound, Start: n == 0, Seq: seq, Time: uint32(n) * 160, Payload: []byte{mark, 1}})
		digit := []byte{mark & 0xf, 10, 0, 0}
		binary.BigEndian.PutUint16(digit[2:], uint16(s.digits/100)) // 10 ms
		_ = s.far.Stream(media.Audio).Write(&media.Packet{What: media.Digit, Codec: &event, Seq: seq + 1, Payload: digit})
		_ = s.far.Stream(media.Video).Write(&media.Packet{Codec: &picture, Start: n == 0, Seq: uint16(n), Time: uint32(n) * 450, Payload: []byte{mark, 2}})
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// hears waits until the far side of a leg has sound, a digit and pictures of the other leg's, and nothing else.
func (s *side) hears(ctx context.Context, t *testing.T, name string, mark byte) {
	t.Helper()
	s.takes(ctx, t, name+" sound", media.Audio, media.RTP, string([]byte{mark, 1}))
	digit := []byte{mark & 0xf, 10, 0, 0}
	binary.BigEndian.PutUint16(digit[2:], uint16(s.digits/100))
	s.takes(ctx, t, name+" digit", media.Audio, media.Digit, string(digit))
	s.takes(ctx, t, name+" pictures", media.Video, media.RTP, string([]byte{mark, 2}))
}

func (s *side) takes(ctx context.Context, t *testing.T, name string, kind media.Kind, what media.What, want string) {
	t.Helper()
	r := s.far.Stream(kind).Reader()
	defer r.Close()
	defer context.AfterFunc(ctx, func() { _ = r.Close() })()
	for buf := make([]byte, 2048); ; {
		var p media.Packet
		if err := r.Read(buf, &p); err != nil {
			t.Fatalf("%s: %v; in %+v, out %+v", name, err, s.near.Stream(kind).Stats().In, s.near.Stream(kind).Stats().Out)
		}
		if p.What != what {
			continue
		}
		if string(p.Payload) != want {
			t.Fatalf("%s: %x, want %x", name, p.Payload, want)
		}
		return
	}
}

// TestPairings relays sound, pictures and digits both ways between legs of every kind.
func TestPairings(t *testing.T) {
	t.Parallel()
	for i, first := range protectionTable {
		for k, second := range protectionTable {
			t.Run(first.name+" to "+second.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				e := listen(t)
				a, b := newSide(t, e, i, true), newSide(t, e, k, false)
				relayed(t, a.near, b.near)
				talking, stop := context.WithCancel(ctx)
				done := make(chan struct{}, 2)
				for mark, s := range map[byte]*side{5: a, 7: b} {
					go func() { s.talk(talking, mark); done <- struct{}{} }()
				}
				b.hears(ctx, t, second.name, 5)
				a.hears(ctx, t, first.name, 7)
				stop()
				<-done
				<-done
			})
		}
	}
}
