package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// Whatever the sources do, the stream that goes out is one: its numbers do not go back, nor does its time, and what belongs together
// stays together.
func TestRewriterKeepsOneLine(t *testing.T) {
	for seed := range testutil.Seeds(t, 200) {
		w := newWorld(t, seed)
		for step := 0; step < 400 && !t.Failed(); step++ {
			w.step()
		}
		if w.sent < 1000 && !t.Failed() {
			t.Errorf("only %d packets went out: the test does not test", w.sent)
		}
	}
}

// world drives a receiver and the rewriter behind it, as a link does, and keeps its own account of what has to come out.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	now     time.Time
	in      receiver
	out     rewriter
	sent    int
	numbers map[uint16]int // when each went out last

	sources []*source
	current int
	held    bool // the outgoing side has dropped something since its last packet

	last   *source // whose packet was taken last
	broken bool    // a hold has come between
	line   line
	any    bool // something has gone out
	top    uint16
	topSeq uint16 // of the current line, at the source
	newest uint32 // highest time sent
	when   time.Time
	rate   int
	event  event
}

// line is a stretch of one source, which keeps its distances.
type line struct {
	seqIn, seqOut uint16
	timed         bool
	in, out       uint32
}

type event struct {
	known bool
	clock int
	in    uint32
	out   uint32
}

type source struct {
	ssrc   uint32
	codec  media.Codec
	events media.Codec
	seq    uint16
	time   uint32
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1_700_000_000, 0), numbers: map[uint16]int{}}
	w.out.begin(uint16(w.rand.Uint32()>>17), w.rand.Uint32())
	for i := range 4 {
		w.sources = append(w.sources, &source{
			ssrc: uint32(i + 1), seq: uint16(w.rand.Uint32()), time: w.rand.Uint32(), codec: w.codec(), events: media.TelephoneEvent(w.clock()),
		})
	}
	return w
}

func (w *world) clock() int { return [...]int{8000, 48000}[w.rand.IntN(2)] }

func (w *world) codec() media.Codec {
	return [...]media.Codec{media.PCMU(), media.PCMA(), media.Opus()}[w.rand.IntN(3)]
}

// step lets one thing happen.
func (w *world) step() {
	s := w.sources[w.current]
	switch w.rand.IntN(14) {
	case 0: // another source takes its place
		w.current = w.rand.IntN(len(w.sources))
	case 1: // loss or silence
		n := uint16(w.rand.IntN(maxDropout - 100))
		s.seq += n
		s.time += uint32(n) * uint32(s.codec.ClockRate/50)
	case 2: // time goes by
		w.now = w.now.Add(time.Duration(w.rand.IntN(5000)) * time.Millisecond)
	case 3: // the incoming side is held
		w.send(s, s.packet(), w.rand.IntN(3), true)
	case 4: // the outgoing side is held
		w.held = true
		s.packet()
	case 5: // two change places
		a, b := s.packet(), s.packet()
		w.send(s, b, 0, false)
		w.send(s, a, 0, false)
	case 6: // one of another source comes late
		other := w.sources[w.rand.IntN(len(w.sources))]
		late := other.packet()
		w.send(other, late, 0, false)
	case 7: // the source takes another codec and goes on in the numbers
		s.codec, s.time = w.codec(), w.rand.Uint32()
	case 8:
		w.digit(s)
	case 9: // the source begins anew under its SSRC
		s.seq += 10_000 + uint16(w.rand.IntN(40_000))
		s.time = w.rand.Uint32()
	default:
		for range 1 + w.rand.IntN(40) {
			w.send(s, s.packet(), 0, false)
		}
	}
}

// packet makes the next packet of a source, of 20 ms.
func (s *source) packet() media.Packet {
	p := media.Packet{Codec: &s.codec, Seq: s.seq, Time: s.time}
	s.seq++
	s.time += uint32(s.codec.ClockRate / 50)
	return p
}

// digit sends the packets of one telephone event, between which sound may come.
func (w *world) digit(s *source) {
	at := uint32(uint64(s.time) * uint64(s.events.ClockRate) / uint64(s.codec.ClockRate))
	if s.events.ClockRate == s.codec.ClockRate {
		at = s.time
	}
	for i := range 3 + w.rand.IntN(5) {
		w.send(s, media.Packet{What: media.Digit, Marker: i == 0, Codec: &s.events, Seq: s.seq, Time: at, Payload: make([]byte, 4)}, 0, false)
		s.seq++
		if w.rand.IntN(2) == 0 {
			w.send(s, s.packet(), 0, false)
		}
	}
	s.time += uint32(s.codec.ClockRate)
}

// send passes a packet through receiver and rewriter, some milliseconds after the last one, and checks what comes out.
func (w *world) send(s *source, p media.Packet, jitter int, blocked bool) {
	w.now = w.now.Add(time.Duration(15+w.rand.IntN(10)+jitter) * time.Millisecond)
	codec := *p.Codec
	p.Codec = &codec
	if !w.in.accept(&p, s.ssrc, w.now, !blocked) {
		w.broken = w.broken || blocked
		return
	}
	if (s != w.last || w.broken) && !p.Start {
		w.t.Errorf("a packet of another source is not marked as its first")
	}
	w.last, w.broken = s, false
	start := p.Start || w.held
	clock := codec.ClockRate
	fresh := start || !w.any || p.What == media.RTP && clock != w.rate
	seq, ts, ok := w.out.next(&p, clock, start, w.now)
	if !ok {
		if fresh || int16(p.Seq-w.topSeq) > 0 {
			w.t.Errorf("packet %d of source %d was dropped, though it is not late", p.Seq, s.ssrc)
		}
		return
	}
	w.held = false
	if before, known := w.numbers[seq]; known && w.sent-before < 1<<15 {
		w.t.Errorf("number %d goes out twice", seq)
	}
	w.numbers[seq] = w.sent
	w.sent++
	if p.What == media.RTP || !w.any {
		defer func() { w.rate = clock }()
	}
	w.sequence(&p, seq, fresh)
	w.time(&p, ts, start)
	w.any = true
}

// sequence checks a number: the next one for a new line, the same distance within one.
func (w *world) sequence(p *media.Packet, seq uint16, fresh bool) {
	if fresh {
		if w.any && seq != w.top+1 {
			w.t.Errorf("a new source begins at %d after %d", seq, w.top)
		}
		w.line = line{seqIn: p.Seq, seqOut: seq}
		w.top, w.topSeq = seq, p.Seq
		return
	}
	if seq-w.line.seqOut != p.Seq-w.line.seqIn {
		w.t.Errorf("number %d for %d: the distances of the source are not kept", seq, p.Seq)
	}
	if int16(seq-w.top) <= 0 != (int16(p.Seq-w.topSeq) <= 0) {
		w.t.Errorf("number %d after %d, at the source %d after %d", seq, w.top, p.Seq, w.topSeq)
	}
	if int16(seq-w.top) > 0 {
		w.top, w.topSeq = seq, p.Seq
	}
}

// time checks a timestamp.
func (w *world) time(p *media.Packet, ts uint32, start bool) {
	defer func() {
		if !w.any || int32(ts-w.newest) > 0 {
			w.newest, w.when = ts, w.now
		}
	}()
	ours := w.rate // the clock of the line when this packet came
	if p.What == media.RTP || !w.any {
		ours = p.Codec.ClockRate
	}
	if p.What == media.Digit {
		same := w.event.known && w.event.clock == p.Codec.ClockRate && w.event.in == p.Time && (!start || !p.Marker)
		if same {
			if ts != w.event.out {
				w.t.Errorf("an event goes on at %d, it began at %d", ts, w.event.out)
			}
			return
		}
		w.event = event{true, p.Codec.ClockRate, p.Time, ts}
		if p.Codec.ClockRate != ours {
			w.after(ts, "an event of another clock")
			return
		}
	}
	if !w.line.timed {
		w.after(ts, "a new source")
		w.line.timed, w.line.in, w.line.out = true, p.Time, ts
		return
	}
	if ts-w.line.out != p.Time-w.line.in {
		w.t.Errorf("time %d for %d: the distances of the source are not kept", ts, p.Time)
	}
}

// after checks that a time is as much after the newest one as has passed since, and at least a tick.
func (w *world) after(ts uint32, what string) {
	if !w.any {
		return
	}
	passed := min(w.now.Sub(w.when), time.Hour)
	want := max(1, uint32(passed*time.Duration(w.rate)/time.Second))
	if ts-w.newest != want {
		w.t.Errorf("%s is at %d, %d after the newest time, want %d", what, ts, int32(ts-w.newest), want)
	}
}
