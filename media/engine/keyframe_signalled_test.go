package engine_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// TestKeyFramesBySignalling asks a far side that takes no requests in its RTCP by the hook of its leg, when somebody begins to see it and when
// who sees it asks, and hands on a request that has come by signalling.
func TestKeyFramesBySignalling(t *testing.T) {
	e := listen(t)
	deaf, asked := seeing(media.Phone()), make(chan struct{}, 16)
	deaf.Feedback = 0
	ta, err := e.Open(deaf, &media.OpenOptions{KeyFrame: func() { asked <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer ta.Close()
	wait := func(why string) {
		t.Helper()
		select {
		case <-asked:
		case <-time.After(10 * time.Second):
			t.Fatalf("nobody is asked %s", why)
		}
	}
	a, b, tb := newVideoPhone(t), newVideoPhone(t), open(t, e, seeing(media.Phone()))
	a.offer(ta, a.description(a.video.port()), nil)
	b.offer(tb, b.description(b.video.port()), nil)
	relayed(t, ta, tb)
	a.video.see(a.vp8(), "pictures")
	source := binary.BigEndian.Uint32(b.video.raw()[8:])
	wait("when the first pictures pass")
	pli, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 8}, &rtcp.PictureLossIndication{SenderSSRC: 8, MediaSSRC: source}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.video.insist(pli)() // for a moment nothing is asked again
	wait("for who sees it")
	if err := ta.Stream(media.Video).Write(&media.Packet{What: media.KeyFrame}); err != nil {
		t.Fatal(err)
	}

	r := ta.Stream(media.Video).Reader()
	defer r.Close()
	ta.Inject(media.Video, &media.Packet{What: media.KeyFrame})
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); err != nil || p.What != media.KeyFrame {
		t.Errorf("%v, %v, want the request that came by signalling", p.What, err)
	}
	sound := open(t, e, media.Phone())
	sound.Inject(media.Video, &media.Packet{What: media.KeyFrame}) // of which there are none
	sound.Inject(media.Audio, &media.Packet{What: media.KeyFrame})
}
