package media_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
)

// phonePlan is a party that takes PCMU and digits.
func phonePlan(dir media.Direction) media.Plan {
	return audio(dir, media.PCMU(), media.TelephoneEvent(8000))
}

func write(t testing.TB, s media.Stream, p *media.Packet) {
	t.Helper()
	if err := s.Write(p); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// TestPipeCarriesEveryPacketOnce sends both ways at once and checks each packet at the other end.
func TestPipeCarriesEveryPacketOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const packets = 500
		a, b := media.Pipe(phonePlan(sendRecv))
		var all sync.WaitGroup
		for _, way := range [][2]media.Endpoint{{a, b}, {b, a}} {
			from, r := way[0].Stream(media.Audio), way[1].Stream(media.Audio).Reader()
			all.Go(func() {
				for n := range packets {
					write(t, from, voice(n))
					time.Sleep(20 * time.Millisecond)
				}
			})
			all.Go(func() {
				defer r.Close()
				for n := range packets {
					p := read(t, r)
					if int(p.Seq) != n || p.Time != uint32(n)*160 || len(p.Payload) != 160 || p.Payload[0] != byte(n) || *p.Codec != media.PCMU() || p.Start != (n == 0) {
						t.Errorf("packet %d arrives as %d at %d, Start %v, codec %v", n, p.Seq, p.Time, p.Start, p.Codec)
					}
				}
			})
		}
		all.Wait()
		want := time.Now().Add(-20 * time.Millisecond)
		for _, e := range []media.Endpoint{a, b} {
			s := e.Stream(media.Audio).Stats()
			if s.In.Packets != packets || s.Out.Packets != packets || s.In.Bytes != packets*160 || s.Out.Bytes != packets*160 {
				t.Errorf("counted %+v", s)
			}
			if !s.In.Last.Equal(want) || !s.Out.Last.Equal(want) || s.In.Last.Sub(s.In.First) != (packets-1)*20*time.Millisecond || s.Out.First != s.In.First {
				t.Errorf("from %v to %v and from %v to %v", s.In.First, s.In.Last, s.Out.First, s.Out.Last)
			}
			if s.In.Blocked+s.Out.Blocked+s.Out.Mismatched != 0 {
				t.Errorf("dropped some of %+v", s)
			}
		}
	})
}

func TestPipeEnds(t *testing.T) {
	p := phonePlan(sendOnly)
	a, b := media.Pipe(p)
	if !a.Plan().Equal(p) {
		t.Errorf("the near end has %v, want %v", a.Plan(), p)
	}
	if want := phonePlan(recvOnly); !b.Plan().Equal(want) || !p.Equal(phonePlan(sendOnly)) {
		t.Errorf("the far end has %v, want %v; the plan is now %v", b.Plan(), want, p)
	}
	for _, e := range []media.Endpoint{a, b} {
		for _, k := range []media.Kind{media.Audio, media.Video} {
			if e.Stream(k) == nil || e.Stream(k) != e.Stream(k) {
				t.Errorf("the stream of %v is not one value for ever", k)
			}
		}
		if e.Stream(media.Audio).Codec() != media.PCMU() || e.Stream(media.Video).Codec() != (media.Codec{}) {
			t.Errorf("sends %v and %v", e.Stream(media.Audio).Codec(), e.Stream(media.Video).Codec())
		}
	}
	none, _ := media.Pipe(nil)
	if none.Plan() != nil || none.Stream(media.Audio).Codec() != (media.Codec{}) {
		t.Errorf("a pipe without a plan has %v", none.Plan())
	}
	digits, _ := media.Pipe(audio(sendRecv, media.TelephoneEvent(8000), media.PCMA()))
	if got := digits.Stream(media.Audio).Codec(); got != media.PCMA() {
		t.Errorf("sends %v, want PCMA", got)
	}
}

// TestPipeGates opens and shuts every direction of plan and gates: a packet passes where all agree, and is counted where one does not.
func TestPipeGates(t *testing.T) {
	all := []media.Direction{inactive, sendOnly, recvOnly, sendRecv}
	for _, plan := range all {
		for _, near := range all {
			for _, far := range all {
				a, b := media.Pipe(phonePlan(plan))
				a.Stream(media.Audio).Gate(near)
				b.Stream(media.Audio).Gate(far)
				// The plan speaks for the far party of a: what a writes arrives if that receives.
				leaves := plan.Receives() && near.Sends()
				checkGate(t, a, b, leaves, leaves && far.Receives())
				leaves = plan.Sends() && far.Sends()
				checkGate(t, b, a, leaves, leaves && near.Receives())
			}
		}
	}
}

func checkGate(t *testing.T, from, to media.Endpoint, leaves, arrives bool) {
	t.Helper()
	r := to.Stream(media.Audio).Reader()
	write(t, from.Stream(media.Audio), voice(7))
	out, in := from.Stream(media.Audio).Stats().Out, to.Stream(media.Audio).Stats().In
	if (out.Packets == 1) != leaves || (out.Blocked == 1) == leaves {
		t.Errorf("left: %d sent and %d blocked, want sent %v", out.Packets, out.Blocked, leaves)
	}
	if (in.Packets == 1) != arrives || (in.Blocked == 1) != (leaves && !arrives) {
		t.Errorf("arrived: %d taken and %d blocked, want taken %v", in.Packets, in.Blocked, arrives)
	}
	if arrives {
		if got := read(t, r).Seq; got != 7 {
			t.Errorf("packet %d, want 7", got)
		}
	}
	_ = r.Close()
	wantEnd(t, r, media.ErrClosed)
}

func TestPipeOpensAgain(t *testing.T) {
	a, b := media.Pipe(phonePlan(sendRecv))
	s, r := a.Stream(media.Audio), b.Stream(media.Audio).Reader()
	write(t, s, voice(1))
	s.Gate(recvOnly)
	write(t, s, voice(2))
	s.Gate(sendRecv)
	write(t, s, voice(3))
	if x, y := read(t, r).Seq, read(t, r).Seq; x != 1 || y != 3 {
		t.Errorf("hears %d and %d, want 1 and 3", x, y)
	}
	if got := s.Stats().Out; got.Packets != 2 || got.Blocked != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestPipeCodecs(t *testing.T) {
	a, b := media.Pipe(phonePlan(sendRecv))
	s, r := a.Stream(media.Audio), b.Stream(media.Audio).Reader()
	pcma, other := media.PCMA(), media.PCMU()
	other.Params = "a receiver's preference"
	p := voice(1)
	p.Codec = &pcma
	if err := s.Write(p); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Errorf("PCMA to a party with PCMU: %v, want ErrNoCommonCodec", err)
	}
	p.Codec = &other
	write(t, s, p)
	event := media.TelephoneEvent(8000)
	write(t, s, &media.Packet{What: media.Digit, Codec: &event, Seq: 2, Payload: []byte{11, 10, 0, 160}})
	write(t, s, &media.Packet{What: media.KeyFrame, Seq: 3})
	write(t, s, &media.Packet{What: media.Ceiling, Seq: 4, Time: 32000})
	for i, what := range []media.What{media.RTP, media.Digit, media.KeyFrame, media.Ceiling} {
		if got := read(t, r); got.What != what || int(got.Seq) != i+1 {
			t.Errorf("arrives %v %d, want %v %d", got.What, got.Seq, what, i+1)
		}
	}
	if in, out := b.Stream(media.Audio).Stats().In, s.Stats().Out; in.Digits != 1 || in.Packets != 4 || out.Mismatched != 1 || out.Packets != 4 {
		t.Errorf("counted %+v and %+v", in, out)
	}
	if err := a.Stream(media.Video).Write(voice(1)); err != nil || a.Stream(media.Video).Stats().Out.Blocked != 1 {
		t.Errorf("video without a plan: %v, counted %+v", err, a.Stream(media.Video).Stats().Out)
	}
}

// TestPipeAgreesAnew changes what one end has agreed on: what it sends and hears changes, and its readers are told of other codecs alone.
func TestPipeAgreesAnew(t *testing.T) {
	a, b := media.Pipe(nil)
	s, here, there := a.Stream(media.Audio), a.Stream(media.Audio).Reader(), b.Stream(media.Audio).Reader()
	a.Agree(phonePlan(sendRecv))
	b.Agree(phonePlan(sendRecv))
	for _, r := range []*media.Reader{here, there} {
		wantEnd(t, r, media.ErrChanged)
	}
	write(t, s, voice(1))
	if got := read(t, there).Seq; got != 1 || s.Codec() != media.PCMU() || !a.Plan().Equal(phonePlan(sendRecv)) {
		t.Errorf("packet %d in %v comes, with %v agreed on", got, s.Codec(), a.Plan())
	}
	a.Agree(phonePlan(sendOnly))
	write(t, s, voice(2))
	write(t, b.Stream(media.Audio), voice(3))
	if got := read(t, here).Seq; got != 3 || s.Stats().Out.Blocked != 1 {
		t.Errorf("packet %d comes, %d are not sent", got, s.Stats().Out.Blocked)
	}
}

// TestPipeCloses ends the media of both ends, whichever closes and however often.
func TestPipeCloses(t *testing.T) {
	a, b := media.Pipe(phonePlan(sendRecv))
	here, there := a.Stream(media.Audio).Reader(), b.Stream(media.Audio).Reader()
	write(t, a.Stream(media.Audio), voice(1))
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	read(t, there) // what was said before
	for _, r := range []*media.Reader{here, there, a.Stream(media.Video).Reader()} {
		wantEnd(t, r, io.EOF)
	}
	for _, e := range []media.Endpoint{a, b} {
		if err := e.Stream(media.Audio).Write(voice(2)); !errors.Is(err, media.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}

func TestPipeDoesNotAllocate(t *testing.T) {
	a, b := media.Pipe(phonePlan(sendRecv))
	s, r := a.Stream(media.Audio), b.Stream(media.Audio).Reader()
	p, buf := voice(1), make([]byte, 2048)
	var got media.Packet
	once := func() {
		if err := errors.Join(s.Write(p), r.Read(buf, &got)); err != nil {
			t.Fatal(err)
		}
	}
	for range depth {
		once()
	}
	if n := testing.AllocsPerRun(1000, once); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}

// TestPipeWithoutListener lets packets go where nobody listens: counted, and not kept.
func TestPipeWithoutListener(t *testing.T) {
	a, b := media.Pipe(phonePlan(sendRecv))
	write(t, a.Stream(media.Audio), voice(1))
	r := b.Stream(media.Audio).Reader()
	write(t, a.Stream(media.Audio), voice(2))
	if got := read(t, r); got.Seq != 2 || !got.Start {
		t.Errorf("hears %d, Start %v; want 2, true", got.Seq, got.Start)
	}
	if got := b.Stream(media.Audio).Stats().In.Packets; got != 2 {
		t.Errorf("counted %d, want 2", got)
	}
	var p media.Packet
	write(t, a.Stream(media.Audio), voice(3))
	if err := r.Read(nil, &p); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("Read without a buffer gives %v", err)
	}
}
