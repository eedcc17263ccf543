package engine_test

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// The stream of pictures of a leg that has none so far is made when somebody asks for it: one for all, and it does what that of any leg
// does while nothing is agreed.
func TestStreamOfPicturesIsMadeOnce(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	newPhone(t).offer(term, nil)
	var all [8]media.Stream
	var work sync.WaitGroup
	for i := range all {
		work.Go(func() { all[i] = term.Stream(media.Video) })
	}
	work.Wait()
	for _, s := range all {
		if s != all[0] || s == term.Stream(media.Audio) {
			t.Fatal("the streams are not one")
		}
	}
	codec := media.VP8()
	if err := all[0].Write(&media.Packet{Codec: &codec, Payload: []byte("picture")}); err != nil {
		t.Error(err)
	}
	if s := all[0].Stats(); s.Out.Blocked != 1 || s.Out.Silence != media.SilentUnused || all[0].Codec() != (media.Codec{}) {
		t.Errorf("%+v in %v", s.Out, all[0].Codec())
	}
}

// One that is made after the leg has ended has ended too, for who reads and for who writes.
func TestStreamOfPicturesAfterClose(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	before := term.Stream(media.Audio).Reader()
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	codec := media.PCMU()
	for _, s := range []media.Stream{term.Stream(media.Audio), term.Stream(media.Video)} {
		for _, what := range []media.What{media.RTP, media.Digit, media.KeyFrame, media.Ceiling} {
			if err := s.Write(&media.Packet{What: what, Codec: &codec, Payload: make([]byte, 4)}); !errors.Is(err, media.ErrClosed) {
				t.Errorf("writing %v: %v, want %v", what, err, media.ErrClosed)
			}
		}
	}
	for _, r := range []*media.Reader{before, term.Stream(media.Video).Reader()} {
		if err := r.Read(nil, new(media.Packet)); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want %v", err, io.EOF)
		}
	}
}
