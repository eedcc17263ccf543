package mediaserver

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

const (
	recordMax = time.Hour        // Record.Max
	recordEnd = 30 * time.Second // how long a disk may take to complete a file

	beepHz  = 1000
	beepFor = 400 * time.Millisecond
)

// record records whom the IVR talks to. Nothing else is heard meanwhile. It never ends the call.
func (v *ivr) record(ctx context.Context, t *ivrTurn) *RecordResult {
	o := t.c.Record
	v.back.off()
	if o.Beep {
		tone := audio.NewTones([]audio.Tone{{Hz: [2]float64{beepHz}}}, &audio.TonesOptions{For: beepFor})
		if err := v.say(ctx, tone, nil); err != nil && ctx.Err() == nil {
			v.log.Warn("the tone before a recording cannot be played", "err", err)
		}
	}
	r, file, over, err := v.startRecording(ctx, o)
	if err != nil {
		v.log.Warn("a recording cannot be begun", "err", err)
		return &RecordResult{Reason: RecordFailed}
	}
	defer over()
	lasts, stop := context.WithCancel(ctx)
	defer stop()
	t.records(stop)
	end, err := endOfRecording(lasts, r)
	keyed := t.recorded()
	if err != nil { // the store has the file, and may put it in its place some day
		v.log.Warn("a recording is not whole", "err", err)
		return &RecordResult{Reason: RecordFailed}
	}
	return v.finishRecording(file, end, keyed)
}

// startRecording begins to record what the party says; over is of newRecorder.
func (v *ivr) startRecording(ctx context.Context, o *Record) (r *audio.Recorder, file Recording, over func(), err error) {
	if v.server.Prompts == nil {
		return nil, nil, nil, errNoPrompts
	}
	file, err = v.server.Prompts.Record(ctx, v.domain, v.server.recordName(o.File, ""))
	if err != nil {
		return nil, nil, nil, err
	}
	options := &audio.RecorderOptions{MaxDuration: cmp.Or(o.Max, recordMax), StopAfterSilence: o.Silence}
	reader := v.media.Stream(media.Audio).Reader()
	r, over, err = v.server.newRecorder(file, options, reader)
	if err != nil {
		return nil, nil, nil, errors.Join(err, reader.Close(), file.Close(), file.Discard())
	}
	return r, file, over, nil
}

// endOfRecording waits for the end of a recording, which it ends with ctx, and then for as long as a disk may take.
func endOfRecording(ctx context.Context, r *audio.Recorder) (audio.RecordEnd, error) {
	if end, err := r.Wait(ctx); err == nil {
		return end, nil
	}
	r.Stop()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordEnd)
	defer cancel()
	return r.Wait(last)
}

// finishRecording puts a recording in its place, if there is anything in it.
func (v *ivr) finishRecording(file Recording, end audio.RecordEnd, keyed bool) *RecordResult {
	r := &RecordResult{Duration: end.Duration, Reason: recordReason(end.Reason, keyed)}
	if end.Err != nil {
		v.log.Warn("a recording lacks its end", "duration", end.Duration, "err", end.Err)
	}
	name, err := keepRecording(file, &end)
	if err != nil {
		v.log.Warn("a recording cannot be put in its place", "err", err)
		r.Reason = RecordFailed
	}
	r.File = name
	if v.recorded != nil && name != "" {
		v.recorded(name, end.Duration, end.Err != nil)
	}
	return r
}

// recordReason returns why a recording of an IVR has ended.
func recordReason(why audio.RecordReason, keyed bool) RecordReason {
	switch why {
	case audio.RecordTooLong, audio.RecordTooLarge:
		return RecordMax
	case audio.RecordSilence:
		return RecordSilence
	case audio.RecordDiskFull, audio.RecordFailed:
		return RecordFailed
	case audio.RecordClosed, audio.RecordStreamOver:
	}
	if keyed {
		return RecordTermination
	}
	return RecordHangup
}

// records says what keys may do from now on, but not those that were typed before: end a recording.
func (t *ivrTurn) records(stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recording = stop
}

// recorded says that they may not any more, and reports whether one has.
func (t *ivrTurn) recorded() (keyed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recording = nil
	return t.keyed
}
