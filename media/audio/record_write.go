package audio

import "time"

// write is the goroutine of a recorder: it alone touches the file.
func (r *Recorder) write() {
	for over := !r.start(); !over; {
		<-r.wake
		over = r.step()
	}
	r.stop()
	r.finish()
	close(r.done)
	if r.o.Ended != nil {
		r.o.Ended(r.end)
	}
}

// start writes the head of a file that has none to wait for, and returns false if it cannot be written to. That of Opus depends on the first
// packet.
func (r *Recorder) start() bool {
	if r.o.Format != RecordOpus {
		r.writer.begin(&r.out, nil)
		r.begun = true
		r.out.flush()
	}
	return r.out.err == nil
}

// step writes what has been recorded, and returns true if that is the end of it.
func (r *Recorder) step() bool {
	b, why := r.take()
	if !r.begun && (b.upTo > 0 || why != 0) {
		r.writer.begin(&r.out, b.first())
		r.begun = true
	}
	return r.begun && !r.store(b) || why != 0
}

// take returns what has been recorded since the last time, and why there is no more, if so.
func (r *Recorder) take() (*recordBatch, RecordReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	upTo := r.batch.upTo
	r.batch, r.spare = r.spare, r.batch
	r.batch.upTo = upTo
	r.taken = r.now
	return &r.spare, r.reason
}

// store puts b into the file. It returns false if that is the end of the recording.
func (r *Recorder) store(b *recordBatch) bool {
	room := b.put(r.writer, &r.out)
	r.writer.flush(&r.out)
	b.reset()
	switch {
	case r.out.err != nil:
		return false
	case !room:
		r.over(RecordTooLarge)
		return false
	}
	return true
}

// endless is more samples than any recording has.
const endless = 1 << 48

// finish ends the file. No turn is taken any more.
func (r *Recorder) finish() {
	r.mu.Lock()
	if !r.paused && r.reason != RecordTooLong && r.reason != RecordTooLarge {
		r.last()
	}
	r.release(r.now)
	r.mu.Unlock()
	b, why := r.take()
	if r.out.err == nil && why != RecordTooLarge {
		r.store(b)
	}
	most := r.most
	if most == 0 {
		most = endless
	}
	r.writer.end(&r.out, most)
	r.out.close()
	for _, s := range r.sides {
		_ = s.from.Close()
	}
	r.end = r.summary()
}

// summary says what came of the recording.
func (r *Recorder) summary() RecordEnd {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := RecordEnd{
		Reason:   r.reason,
		Err:      r.out.err,
		Bytes:    r.out.size,
		Duration: recordTime(r.writer.heard(), r.rate),
		Dropped:  time.Duration(r.dropped) * FrameTime,
		Paused:   time.Duration(r.left) * FrameTime,
	}
	switch {
	case e.Err == nil:
	case noSpace(e.Err):
		e.Reason = RecordDiskFull
	default:
		e.Reason = RecordFailed
	}
	for i, s := range r.sides {
		e.Sides[i] = s.summary()
	}
	if w, ok := r.writer.(*oggWriter); ok {
		w.count.addTo(&e.Sides[0])
	}
	return e
}
