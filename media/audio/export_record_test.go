package audio

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// OpusTime is how long a packet of Opus lasts in samples at 48 kHz.
func OpusTime(packet []byte) int { return opusTime(packet) }

// OpusGap returns the packets that stand for a gap of so many samples after a frame.
func OpusGap(before byte, gap int) (packets []byte) {
	for gap >= opusShortest {
		packets = append(packets, opusLost(before, int64(gap)))
		gap -= opusTime(packets[len(packets)-1:])
	}
	return packets
}

// RecorderTurns is a Recorder without a clock and a goroutine.
type RecorderTurns struct{ r *Recorder }

// NewRecorderTurns returns a recorder whose turns are taken by hand.
func NewRecorderTurns(f RecordFile, o *RecorderOptions, sides ...*media.Reader) (*RecorderTurns, error) {
	r, err := newRecorder(f, o, sides)
	if err != nil {
		return nil, err
	}
	r.stop = func() {}
	return &RecorderTurns{r}, nil
}

// Turn takes a turn, and does what the goroutine does if it is woken.
func (t *RecorderTurns) Turn() {
	r := t.r
	r.began = time.Now().Add(-time.Duration(r.turns) * FrameTime) // it is always in time
	r.turn()
	select {
	case <-r.wake:
		r.step()
	default:
	}
}

// Close ends the recording.
func (t *RecorderTurns) Close() {
	t.r.over(RecordClosed)
	t.r.finish()
}

// OpusArrival is a packet of Opus that comes, so long after the one before.
type OpusArrival struct {
	After   int // samples at 48 kHz
	Packet  media.Packet
	Flushes bool // the disk is written to then
}

// OpusFile writes what arrives to a file, and returns when its last packet came.
func OpusFile(f RecordFile, arrivals []OpusArrival) (now int64) {
	l, w, o, b := &packetLine{}, &oggWriter{}, &recordOut{file: f, limit: wavMost}, &recordBatch{}
	w.begin(o, nil)
	for i := range arrivals {
		now += int64(arrivals[i].After)
		l.put(&arrivals[i].Packet, now)
		l.release(b, now-heldFor)
		b.upTo = max(b.upTo, now-heldFor)
		if arrivals[i].Flushes {
			b.put(w, o)
			w.flush(o)
			b.reset()
		}
	}
	l.release(b, now+heldFor)
	b.upTo = now
	b.put(w, o)
	w.end(o, 1<<60)
	return now
}
