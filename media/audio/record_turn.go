package audio

import "time"

// pieceFrames is how many frames of 20 ms the writer is woken for.
const pieceFrames = int64(recordPiece / FrameTime)

// turn is the recorder's share of a turn of the clock: 20 ms more.
func (r *Recorder) turn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason != 0 {
		return
	}
	over := true
	for _, s := range r.sides {
		over = s.drain(r.now, r.paused) && over
	}
	if !r.keepTime() {
		return
	}
	r.record()
	switch {
	case over:
		r.overLocked(RecordStreamOver)
	case r.most > 0 && r.now >= r.most:
		r.overLocked(RecordTooLong)
	case r.o.StopAfterSilence > 0 && time.Duration(r.quiet)*FrameTime >= r.o.StopAfterSilence:
		r.overLocked(RecordSilence)
	case r.turns-r.asked >= pieceFrames:
		r.asked = r.turns
		r.rouse()
	}
}

// keepTime counts a frame, and those that the clock has left out. It returns false if the clock is ahead of the time: it makes up for
// frames that have been counted as left out.
func (r *Recorder) keepTime() bool {
	behind := time.Since(r.began) - time.Duration(r.turns)*FrameTime
	if behind < -2*FrameTime {
		return false
	}
	if behind > lostTime+2*FrameTime {
		frames := int64(behind / FrameTime)
		r.turns += frames
		r.pass(frames)
		if !r.paused {
			r.dropped += frames
		}
	}
	r.turns++
	return true
}

// pass lets frames go by of which nothing is recorded.
func (r *Recorder) pass(frames int64) {
	if r.paused {
		r.left += frames
		early := min(frames, r.ahead)
		r.ahead -= early
		if frames -= early; !r.o.KeepPauses {
			return
		}
	}
	r.now += frames * r.frame
	if r.most > 0 {
		r.now = min(r.now, r.most)
	}
}

// record adds a frame of all sides.
func (r *Recorder) record() {
	heard := false
	for _, s := range r.sides {
		if !r.paused {
			heard = s.listen() || heard
		}
	}
	at := r.now
	r.pass(1)
	switch {
	case r.paused:
	case r.o.Format != RecordOpus && r.full():
		r.dropped++
	case r.o.Format != RecordOpus:
		r.frames(at)
	case r.full():
		r.dropped++
		r.sides[0].line.release(nil, r.now-heldFor)
	default:
		r.sides[0].line.release(&r.batch, r.now-heldFor)
	}
	r.batch.upTo = max(r.batch.upTo, r.heldSince())
	if r.quiet++; heard || r.paused {
		r.quiet = 0
	}
}

// full reports whether the writer is too far behind.
func (r *Recorder) full() bool {
	return r.now-r.taken > samplesIn(recordBacklog, r.rate)
}

// heldSince is the time before which all is in the batch.
func (r *Recorder) heldSince() int64 {
	if r.o.Format == RecordOpus {
		return r.now - heldFor
	}
	return r.now
}

// frames adds the frame that all sides have heard.
func (r *Recorder) frames(at int64) {
	n := len(r.batch.data)
	b, err := r.sound.append(r.batch.data, r.o.Stereo, r.sides)
	if err != nil { // G.711 takes everything
		r.dropped++
		return
	}
	r.batch.data = b
	r.batch.add(at, len(b)-n)
}

// release puts all packets that wait and are before a time into the batch.
func (r *Recorder) release(before int64) {
	if r.o.Format == RecordOpus {
		r.sides[0].line.release(&r.batch, before)
	}
	r.batch.upTo = max(r.batch.upTo, min(before, r.now))
}

// lastFrames is how much of what waits is recorded at the end at most.
const lastFrames = int64(time.Second / FrameTime)

// last records what has come and waits for what would come late: it was said before now.
func (r *Recorder) last() {
	for _, s := range r.sides {
		s.drain(r.now, false)
	}
	if r.o.Format == RecordOpus {
		r.release(r.now + heldFor)
		return
	}
	for range lastFrames {
		waits := false
		for _, s := range r.sides {
			waits = waits || s.sound.Stats().Delay > 0
		}
		if !waits {
			return
		}
		r.record()
		r.ahead++
	}
}
