package audio

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
)

// A RecordFormat is what a recording is written as.
type RecordFormat uint8

// The formats of recordings.
const (
	RecordWAV   RecordFormat = iota // 16-bit PCM
	RecordMuLaw                     // WAV of G.711 mu-law, half as large
	RecordOpus                      // Ogg Opus: the packets of one side as they come, which has to send Opus
)

const (
	// recordPiece is how often what was recorded is written. What a killed program loses is this and what waits for late packets.
	recordPiece = 250 * time.Millisecond
	// recordBacklog is how far a disk may fall behind before what comes is left out.
	recordBacklog = 8 * time.Second
	// leastBytes is the least that MaxBytes may be.
	leastBytes = 4096
)

// RecorderOptions are the options of NewRecorder; nil and every zero field are valid.
type RecorderOptions struct {
	Format RecordFormat
	// Rate of the samples of a WAV file in Hz: 8000, which is what 0 means, or 16000.
	Rate int
	// Stereo gives each of two sides a channel, the first one the left. Else they are mixed.
	Stereo bool
	// KeepPauses makes a pause silence. Else it is cut out.
	KeepPauses bool
	// MaxDuration ends the recording when it is so long; 0: never.
	MaxDuration time.Duration
	// MaxBytes ends the recording before the file is larger, at least 4096; 0: at 2 GiB, which is what every program reads.
	MaxBytes int64
	// StopAfterSilence ends the recording when none of its sides has been heard for so long; 0: never.
	StopAfterSilence time.Duration
	// Ended is told once how the recording has ended, after the file has been closed. It must not call Close. Nil: nobody is.
	Ended func(RecordEnd)
}

// A Recorder writes what comes on one stream or two into a file. It is one more reader of each, so that nobody notices, and holds up
// nobody: a disk that is slow or full costs the recording and never the call. The file's time is that of the clock on the wall: what was
// lost or never sent is there as silence, and two sides are as they were heard together.
//
// The file can be played at any time, also after the program was killed: it then lacks less than the last second. A power failure is
// another matter; what the file system keeps then, it keeps.
//
// Its methods are safe for concurrent use.
type Recorder struct {
	o      RecorderOptions
	rate   int   // of the file's samples, in Hz
	frame  int64 // samples in 20 ms
	most   int64 // samples
	sides  []*recordSide
	sound  soundWriter
	writer recordWriter
	out    recordOut
	began  time.Time
	stop   func() // ends the turns

	wake chan struct{}
	done chan struct{}
	work sync.WaitGroup
	end  RecordEnd // once done is closed

	spare recordBatch // the writer's
	begun bool        // the file has a head

	mu      sync.Mutex
	reason  RecordReason // 0: it goes on
	paused  bool
	batch   recordBatch // what the writer has not seen
	turns   int64       // frames since it began
	asked   int64       // what turns was when the writer was woken
	now     int64       // samples of the recording
	taken   int64       // what now was when the writer took a batch
	left    int64       // frames of pauses
	ahead   int64       // frames that were recorded before their time
	dropped int64       // frames
	quiet   int64       // frames since a side was heard
}

// NewRecorder begins to record what comes on one side, or two. The recorder closes the readers and the file when it ends; on an error,
// which is about the options, they stay as they are. Whoever starts a recorder has to see its end: by Close, by Stop and Wait, or by the end
// of the streams and Ended.
func NewRecorder(c *Clock, f RecordFile, o *RecorderOptions, sides ...*media.Reader) (*Recorder, error) {
	r, err := newRecorder(f, o, sides)
	if err != nil {
		return nil, fmt.Errorf("audio: record: %w", err)
	}
	r.stop = c.Every(r.turn)
	r.work.Go(r.write)
	return r, nil
}

func newRecorder(f RecordFile, o *RecorderOptions, sides []*media.Reader) (*Recorder, error) {
	r := &Recorder{wake: make(chan struct{}, 1), done: make(chan struct{}), began: time.Now()}
	if o != nil {
		r.o = *o
	}
	if err := r.o.check(len(sides)); err != nil {
		return nil, err
	}
	var err error
	if r.sound, err = newSoundWriter(r.o.Format); err != nil {
		return nil, err
	}
	r.rate = r.o.rate()
	r.frame = int64(frameSamples(r.rate))
	r.most = samplesIn(r.o.MaxDuration, r.rate)
	r.out = recordOut{file: f, limit: wavMost}
	if r.o.MaxBytes > 0 {
		r.out.limit = min(r.o.MaxBytes, wavMost)
	}
	for _, from := range sides {
		r.sides = append(r.sides, newRecordSide(from, &r.o))
	}
	r.writer = r.o.writer()
	return r, nil
}

func (o *RecorderOptions) check(sides int) error {
	switch {
	case sides < 1 || sides > 2:
		return fmt.Errorf("%d sides, want one or two", sides)
	case o.Format > RecordOpus:
		return fmt.Errorf("format %d is unknown", o.Format)
	case o.Format == RecordOpus && sides > 1:
		return errors.New("packets of Opus are of one side; two sides are two files")
	case o.Stereo && sides != 2:
		return fmt.Errorf("stereo of %d sides", sides)
	case o.Format != RecordOpus && o.rate() != 8000 && o.rate() != 16000:
		return fmt.Errorf("%d Hz, want 8000 or 16000", o.Rate)
	case o.MaxDuration < 0 || o.StopAfterSilence < 0 || o.MaxBytes < 0:
		return errors.New("a limit is negative")
	case o.MaxBytes > 0 && o.MaxBytes < leastBytes:
		return fmt.Errorf("a file of %d bytes, want at least %d", o.MaxBytes, leastBytes)
	}
	return nil
}

func (o *RecorderOptions) rate() int {
	switch {
	case o.Format == RecordOpus:
		return opusRate
	case o.Rate == 0:
		return 8000
	default:
		return o.Rate
	}
}

func (o *RecorderOptions) writer() recordWriter {
	if o.Format == RecordOpus {
		return &oggWriter{serial: rand.Uint32()}
	}
	w := &wavWriter{mu: o.Format == RecordMuLaw, rate: o.rate(), channels: 1}
	if o.Stereo {
		w.channels = 2
	}
	return w
}

// Pause leaves out what comes from now on, or has it recorded again: what is said in a pause is in the file in no form.
func (r *Recorder) Pause(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on && !r.paused && r.reason == 0 {
		r.last()
		for _, s := range r.sides {
			s.leave()
		}
	}
	r.paused, r.quiet = on, 0
}

// Stop ends the recording and does not wait for the disk; Wait does.
func (r *Recorder) Stop() { r.over(RecordClosed) }

// Close ends the recording and returns when the file is whole, on the disk, and closed, which takes as long as the disk takes: who cannot
// wait for it calls Stop, and Wait with a deadline. The error is RecordEnd.Err. Close is idempotent.
func (r *Recorder) Close() error {
	r.Stop()
	r.work.Wait()
	return r.end.Err
}

// Wait returns how the recording has ended, once the file has been closed. It does not end it: when ctx ends first, its error is returned
// and the recording goes on.
func (r *Recorder) Wait(ctx context.Context) (RecordEnd, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		select {
		case <-r.done: // both
		default:
			return RecordEnd{}, ctx.Err()
		}
	}
	return r.end, nil
}

// over ends the recording for a reason, unless it has another.
func (r *Recorder) over(why RecordReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.overLocked(why)
}

func (r *Recorder) overLocked(why RecordReason) {
	if r.reason == 0 {
		r.reason = why
	}
	r.rouse()
}

func (r *Recorder) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
