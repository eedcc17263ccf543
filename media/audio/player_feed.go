package audio

import (
	"context"
	"errors"
	"io"
	"time"
)

// feeder reads a source for a prompt, in the goroutine of Play.
type feeder struct {
	to   *prompt
	from Source
	o    *PlayOptions
	pcm  []int16

	given int64 // samples
}

const (
	feedAtOnce = 100 * time.Millisecond
	mostEmpty  = 100 // reads without a sample and without an error, on end
)

// run reads until the source has ended as often as it is to be played, or cannot be read, or nobody hears it any more.
func (f *feeder) run(ctx context.Context) error {
	f.pcm = make([]int16, max(samplesIn(feedAtOnce, f.to.rate), 1))
	if err := f.begin(); err != nil {
		return err
	}
	for again := f.o.Loop; ; again-- {
		total, err := f.once(ctx)
		switch {
		case !errors.Is(err, io.EOF):
			return err
		case again == 0 || total == 0:
			return nil
		}
		if err := f.from.(Seeker).SeekTo(0); err != nil {
			return err
		}
		if !f.pause(ctx) {
			return nil
		}
		again = max(again, -1)
	}
}

// begin goes to where the source is to begin, and sees whether it can be repeated.
func (f *feeder) begin() error {
	s, ok := f.from.(Seeker)
	switch {
	case f.o.Loop == 0 && f.o.From <= 0:
		return nil
	case ok:
		err := s.SeekTo(max(f.o.From, 0))
		if err == nil || f.o.Loop != 0 || !errors.Is(err, ErrSeek) {
			return err
		}
	case f.o.Loop != 0:
		return &SourceError{Err: ErrSeek}
	}
	return f.leaveOut(samplesIn(f.o.From, f.to.rate))
}

// leaveOut reads samples that nobody hears.
func (f *feeder) leaveOut(n int64) error {
	for empty := 0; n > 0; {
		got, err := f.from.Read(f.pcm[:min(int64(len(f.pcm)), n)])
		n -= int64(got)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case got > 0:
			empty = 0
		default:
			if empty++; empty == mostEmpty {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// once reads to the source's end, which is io.EOF; nil: nobody hears it any more.
func (f *feeder) once(ctx context.Context) (total int, err error) {
	for empty := 0; ; {
		n, err := f.from.Read(f.pcm)
		total += n
		if !f.give(ctx, f.pcm[:n]) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		if empty++; n > 0 {
			empty = 0
		}
		if empty == mostEmpty {
			return total, io.ErrNoProgress
		}
	}
}

func (f *feeder) pause(ctx context.Context) bool {
	clear(f.pcm)
	for n := samplesIn(max(f.o.Pause, 0), f.to.rate); n > 0; {
		piece := f.pcm[:min(n, int64(len(f.pcm)))]
		if !f.give(ctx, piece) {
			return false
		}
		n -= int64(len(piece))
	}
	return true
}

// give waits until all of pcm has been taken, and returns false if nobody wants it any more.
func (f *feeder) give(ctx context.Context, pcm []int16) bool {
	for {
		n := f.to.put(pcm)
		pcm = pcm[n:]
		f.given += int64(n)
		select {
		case <-f.to.over:
			return false
		case <-ctx.Done():
			return false
		default:
		}
		if len(pcm) == 0 {
			return true
		}
		select {
		case <-f.to.room:
		case <-f.to.over:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
