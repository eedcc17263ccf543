package audio

import (
	"errors"
	"io"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	// recordBuffer is the largest payload that is recorded: 20 ms of L16 at 48 kHz.
	recordBuffer = 1920
	// drainMost is how many packets of a side are taken at a turn at most: what a reader holds, and what comes meanwhile.
	drainMost = 256
	// recordHeld is how much sound waits for what comes late: nobody waits for a recorder.
	recordHeld = 60 * time.Millisecond
	// opusHeardAt is the rate in Hz at which packets are decoded that are only looked through for a voice.
	opusHeardAt = 16000
)

// A recordSide is what a recorder knows of one of its readers.
type recordSide struct {
	from  *media.Reader
	over  bool        // nothing comes any more
	sound *Jitter     // where samples are needed
	pcm   []int16     // of the latest frame
	voice *Voice      // where somebody is listened for
	line  *packetLine // where packets are recorded as they are

	count RecordSide
	o     JitterOptions
	p     media.Packet
	buf   [recordBuffer]byte
}

func newRecordSide(from *media.Reader, o *RecorderOptions) *recordSide {
	s := &recordSide{from: from}
	rate, samples := o.rate(), true
	if o.Format == RecordOpus {
		s.line, rate, samples = &packetLine{}, opusHeardAt, o.StopAfterSilence > 0
	}
	if samples {
		s.o = JitterOptions{Rate: rate, Min: recordHeld}
		s.sound = NewJitter(&s.o)
		s.pcm = make([]int16, frameSamples(rate))
	}
	if o.StopAfterSilence > 0 {
		s.voice = NewVoice(&VoiceOptions{Rate: rate})
	}
	return s
}

// drain takes what has come. It returns true if nothing will come any more.
func (s *recordSide) drain(now int64, paused bool) bool {
	for n := 0; n < drainMost && !s.over; n++ {
		ok, err := s.from.TryRead(s.buf[:], &s.p)
		switch {
		case !ok:
			return false
		case err == nil:
			s.take(now, paused)
		case errors.Is(err, io.EOF), errors.Is(err, media.ErrClosed):
			s.over = true
		case errors.Is(err, io.ErrShortBuffer):
			s.count.Foreign++
		} // media.ErrChanged: packets name their codec
	}
	return s.over
}

func (s *recordSide) take(now int64, paused bool) {
	sound := s.p.What == media.RTP
	if sound {
		s.count.Packets++
	}
	if paused {
		return
	}
	if s.sound != nil {
		s.sound.Put(&s.p) // digits too, whose numbers are of the same source
	}
	if s.line != nil && sound {
		s.line.put(&s.p, now)
	}
}

// listen hears a frame and reports whether there is a voice in it.
func (s *recordSide) listen() bool {
	if s.sound == nil {
		return false
	}
	s.sound.Get(s.pcm)
	return s.voice != nil && s.voice.Hear(s.pcm)
}

// leave forgets where the source is: a pause begins.
func (s *recordSide) leave() {
	if s.line != nil {
		s.line.leave()
	}
	if s.sound != nil {
		s.add(s.sound.Stats())
		s.sound = NewJitter(&s.o)
	}
}

// add counts what became of the sound so far.
func (s *recordSide) add(j JitterStats) {
	s.count.Foreign += j.Unknown + j.Bad
	s.count.Concealed += j.Concealed + j.Starved + j.Inserted
	s.count.Silent += j.Paused + j.Waiting
	s.count.Discarded += j.Dropped + j.Discarded
}

// summary says what became of the side. The recording is over.
func (s *recordSide) summary() RecordSide {
	s.count.Lost = s.from.Lost()
	if s.line == nil {
		s.add(s.sound.Stats())
		return s.count
	}
	s.count.Foreign += s.line.foreign
	s.count.Discarded += s.line.late
	return s.count
}
