package media_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/media"
)

// depth is how many packets a reader holds, as its comment says: 2.5 s of audio in 20 ms packets.
const depth = 128

// voice returns the nth packet of a source of PCMU, 20 ms each; its payload is made from n.
func voice(n int) *media.Packet {
	c := media.PCMU()
	return &media.Packet{Codec: &c, Seq: uint16(n), Time: uint32(n) * 160, Payload: bytes.Repeat([]byte{byte(n)}, 160)}
}

// read reads one packet, which must be there.
func read(t testing.TB, r *media.Reader) media.Packet {
	t.Helper()
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); err != nil {
		t.Fatalf("Read: %v", err)
	}
	return p
}

func wantEnd(t testing.TB, r *media.Reader, want error) {
	t.Helper()
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); !errors.Is(err, want) {
		t.Errorf("Read gives %v (packet %d), want %v", err, p.Seq, want)
	}
}

func TestReaderGetsCopies(t *testing.T) {
	var f media.Fanout
	a, b := f.Open(), f.Open()
	event := media.TelephoneEvent(8000)
	sent := []*media.Packet{voice(1), voice(2), {What: media.Digit, Marker: true, Codec: &event, Seq: 3, Time: 320, Payload: []byte{5, 10, 0, 160}}, {What: media.KeyFrame}, {What: media.Ceiling, Time: 64000}}
	for _, p := range sent {
		scratch := *p
		scratch.Payload = bytes.Clone(p.Payload)
		f.Deliver(&scratch)
		clear(scratch.Payload) // the caller's buffer is its own again
		scratch.Seq = 999
	}
	for _, r := range []*media.Reader{a, b} {
		for i, want := range sent {
			got := read(t, r)
			if got.What != want.What || got.Marker != want.Marker || got.Codec != want.Codec || got.Seq != want.Seq || got.Time != want.Time || !bytes.Equal(got.Payload, want.Payload) {
				t.Errorf("packet %d is %+v, want %+v", i, got, *want)
			}
			if got.Start != (i == 0) {
				t.Errorf("packet %d has Start %v", i, got.Start)
			}
		}
		if r.Lost() != 0 {
			t.Errorf("lost %d", r.Lost())
		}
	}
}

func TestReaderLosesTheOldest(t *testing.T) {
	var f media.Fanout
	slow := f.Open()
	for n := range depth + 50 {
		f.Deliver(voice(n))
	}
	if got := slow.Lost(); got != 50 {
		t.Errorf("lost %d, want 50", got)
	}
	for n := 50; n < depth+50; n++ {
		p := read(t, slow)
		if int(p.Seq) != n || p.Payload[0] != byte(n) {
			t.Fatalf("packet %d with %d, want %d", p.Seq, p.Payload[0], n)
		}
		if p.Start != (n == 50) {
			t.Errorf("packet %d has Start %v", n, p.Start)
		}
	}
	f.Deliver(voice(1000))
	if p := read(t, slow); p.Seq != 1000 || p.Start || slow.Lost() != 50 {
		t.Errorf("afterwards %d, Start %v, lost %d", p.Seq, p.Start, slow.Lost())
	}
}

// TestReaderStart marks the first packet of a reader, passes on marks of the source, and lets none get lost with its packet.
func TestReaderStart(t *testing.T) {
	var f media.Fanout
	early := f.Open()
	f.Deliver(voice(0))
	late := f.Open()
	f.Deliver(voice(1))
	next := voice(2)
	next.Start = true
	f.Deliver(next)
	for r, want := range map[*media.Reader][]bool{early: {true, false, true}, late: {true, true}} {
		for i, start := range want {
			if got := read(t, r).Start; got != start {
				t.Errorf("packet %d of %d has Start %v", i, len(want), got)
			}
		}
	}

	// A second source begins in what a full reader loses.
	f.Deliver(voice(3))
	f.Deliver(next)
	for n := range depth {
		f.Deliver(voice(10 + n))
	}
	if p := read(t, early); p.Seq != 10 || !p.Start {
		t.Errorf("packet %d has Start %v, want 10 with the mark of the lost one", p.Seq, p.Start)
	}
	if p := read(t, early); p.Start {
		t.Error("the mark stays")
	}
}

func TestReaderShortBuffer(t *testing.T) {
	var f media.Fanout
	r := f.Open()
	short := func() {
		t.Helper()
		var p media.Packet
		if err := r.Read(make([]byte, 159), &p); !errors.Is(err, io.ErrShortBuffer) {
			t.Fatalf("Read gives %v, want io.ErrShortBuffer", err)
		}
	}
	f.Deliver(voice(1))
	f.Deliver(voice(2))
	short()
	if p := read(t, r); p.Seq != 2 || !p.Start || r.Lost() != 1 {
		t.Errorf("then packet %d with Start %v, lost %d; want 2, true, 1", p.Seq, p.Start, r.Lost())
	}
	begins := voice(3)
	begins.Start = true
	f.Deliver(begins)
	short()
	f.Deliver(voice(4))
	if p := read(t, r); p.Seq != 4 || !p.Start || r.Lost() != 2 {
		t.Errorf("then packet %d with Start %v, lost %d; want 4, true, 2", p.Seq, p.Start, r.Lost())
	}
}

// TestTryRead takes what is there and waits for nothing: a packet, a change of codec, the end.
func TestTryRead(t *testing.T) {
	var f media.Fanout
	r := f.Open()
	f.Deliver(voice(1))
	f.Change()
	buf := make([]byte, 2048)
	for i, want := range []error{nil, media.ErrChanged} {
		var p media.Packet
		if ok, err := r.TryRead(buf, &p); !ok || !errors.Is(err, want) || (want == nil && p.Seq != 1) {
			t.Errorf("read %d: %v, %v, packet %d", i, ok, err, p.Seq)
		}
		if i == 0 {
			continue
		}
		if ok, err := r.TryRead(buf, &p); ok || err != nil {
			t.Errorf("nothing there: %v, %v", ok, err)
		}
	}
	f.Close()
	var p media.Packet
	if ok, err := r.TryRead(buf, &p); !ok || !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v, %v", ok, err)
	}
	_ = r.Close()
	if ok, err := r.TryRead(buf, &p); !ok || !errors.Is(err, media.ErrClosed) {
		t.Errorf("closed: %v, %v", ok, err)
	}
}

func TestReaderChanged(t *testing.T) {
	var f media.Fanout
	r := f.Open()
	f.Deliver(voice(1))
	f.Change()
	f.Change()
	f.Deliver(voice(2))
	if a, b := read(t, r).Seq, read(t, r).Seq; a != 1 || b != 2 {
		t.Errorf("before the change %d and %d, want 1 and 2", a, b)
	}
	wantEnd(t, r, media.ErrChanged)
	f.Deliver(voice(3))
	if got := read(t, r).Seq; got != 3 {
		t.Errorf("after the change %d, want 3", got)
	}
	f.Change()
	f.Close()
	wantEnd(t, r, media.ErrChanged)
	wantEnd(t, r, io.EOF)
	fresh := f.Open()
	wantEnd(t, fresh, io.EOF)
}

func TestReaderEnds(t *testing.T) {
	var f media.Fanout
	r := f.Open()
	f.Deliver(voice(1))
	f.Close()
	f.Close()
	f.Deliver(voice(2))
	f.Change()
	if got := read(t, r).Seq; got != 1 {
		t.Errorf("packet %d, want the queued 1", got)
	}
	wantEnd(t, r, io.EOF)
	wantEnd(t, r, io.EOF)
	if f.Active() {
		t.Error("a closed fanout is active")
	}
	late := f.Open()
	f.Deliver(voice(3))
	wantEnd(t, late, io.EOF)
	for _, r := range []*media.Reader{r, late} {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wantEnd(t, r, media.ErrClosed)
	}
}

func TestReaderClose(t *testing.T) {
	var f media.Fanout
	if f.Active() {
		t.Error("active without a reader")
	}
	f.Deliver(voice(0))
	a, b, c := f.Open(), f.Open(), f.Open()
	f.Deliver(voice(1))
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	f.Deliver(voice(2))
	wantEnd(t, b, media.ErrClosed)
	for _, r := range []*media.Reader{a, c} {
		if x, y := read(t, r).Seq, read(t, r).Seq; x != 1 || y != 2 {
			t.Errorf("the others read %d and %d, want 1 and 2", x, y)
		}
	}
	_, _ = a.Close(), c.Close()
	if f.Active() {
		t.Error("active after the last reader has gone")
	}
}

// TestReaderUnblocks waits in Read for each thing that ends the wait.
func TestReaderUnblocks(t *testing.T) {
	for name, c := range map[string]struct {
		wake func(*media.Fanout, *media.Reader)
		want error
	}{
		"packet": {func(f *media.Fanout, _ *media.Reader) { f.Deliver(voice(1)) }, nil},
		"change": {func(f *media.Fanout, _ *media.Reader) { f.Change() }, media.ErrChanged},
		"end":    {func(f *media.Fanout, _ *media.Reader) { f.Close() }, io.EOF},
		"close":  {func(_ *media.Fanout, r *media.Reader) { _ = r.Close() }, media.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f media.Fanout
				r := f.Open()
				got := errors.New("still waiting")
				done := make(chan struct{})
				go func() {
					defer close(done)
					var p media.Packet
					got = r.Read(make([]byte, 2048), &p)
				}()
				synctest.Wait()
				select {
				case <-done:
					t.Fatalf("Read gave %v with nothing there", got)
				default:
				}
				c.wake(&f, r)
				<-done
				if !errors.Is(got, c.want) {
					t.Errorf("Read gives %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestReaderDoesNotAllocate counts allocations of a packet on its way to two readers.
func TestReaderDoesNotAllocate(t *testing.T) {
	var f media.Fanout
	readers := []*media.Reader{f.Open(), f.Open()}
	p, buf := voice(1), make([]byte, 2048)
	var got media.Packet
	once := func() {
		f.Deliver(p)
		for _, r := range readers {
			if err := r.Read(buf, &got); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range depth { // each place in the ring gets its buffer
		once()
	}
	if n := testing.AllocsPerRun(1000, once); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
	for range depth { // a full reader loses and does not allocate either
		f.Deliver(p)
	}
	if n := testing.AllocsPerRun(1000, func() { f.Deliver(p) }); n != 0 {
		t.Errorf("%v allocations a packet that pushes out another, want 0", n)
	}
}
