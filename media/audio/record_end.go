package audio

import (
	"fmt"
	"time"
)

// A RecordReason says why a recording has ended.
type RecordReason uint8

// The reasons for the end of a recording.
const (
	RecordClosed     RecordReason = iota + 1 // Close or Stop was called
	RecordStreamOver                         // all its sides have ended, or their readers were closed
	RecordTooLong                            // RecorderOptions.MaxDuration
	RecordTooLarge                           // RecorderOptions.MaxBytes, or what a file of the format can hold
	RecordSilence                            // RecorderOptions.StopAfterSilence
	RecordDiskFull                           // there is no space left, or the owner of the file may have no more
	RecordFailed                             // the file could not be written for another reason
)

// String returns the reason in words.
func (r RecordReason) String() string {
	switch r {
	case RecordClosed:
		return "closed"
	case RecordStreamOver:
		return "stream over"
	case RecordTooLong:
		return "too long"
	case RecordTooLarge:
		return "too large"
	case RecordSilence:
		return "silence"
	case RecordDiskFull:
		return "disk full"
	case RecordFailed:
		return "failed"
	}
	return fmt.Sprintf("RecordReason(%d)", uint8(r))
}

// A RecordEnd says how a recording has ended and what came of it. Whatever the reason, the file is whole: it can be played and holds
// Duration of sound.
type RecordEnd struct {
	Reason   RecordReason
	Err      error         // of the file: RecordDiskFull and RecordFailed; else nil
	Duration time.Duration // of what the file holds
	Bytes    int64         // of the file
	Dropped  time.Duration // that came while the disk was too slow for too long, or the clock stood still: silence in the file
	Paused   time.Duration // that was cut out or, with KeepPauses, is silence
	Sides    [2]RecordSide // in the order of the readers
}

// A RecordSide is what became of one side of a recording. Samples are at the rate of the file, which is 48 kHz for Opus.
type RecordSide struct {
	Packets   uint64 // that were taken
	Lost      uint64 // packets that the reader was too slow for
	Foreign   uint64 // packets that this recording has no use for: of an unknown codec, or malformed
	Concealed uint64 // samples that were made up in place of lost ones, or are for the player of the file to make up
	Silent    uint64 // samples of silence because nothing came
	Discarded uint64 // samples that came too late or too fast
}
