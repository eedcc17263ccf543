package alexatest

import (
	"fmt"
	"io"
	"os"
	"time"
)

// maxVideo is how many bytes of H.264 a session keeps. What comes after is counted only.
const maxVideo = 32 << 20

// Video is what a Show has seen in a session. A frame is shown when all of it has arrived and it follows, without a gap, from a key frame with
// its parameter sets.
type Video struct {
	// Packets and Bytes count what has arrived, repeated packets included, and its payload.
	Packets, Bytes int
	// Frames counts what was shown, KeyFrames those among them with an IDR picture.
	Frames, KeyFrames int
	// Skipped counts the frames that arrived, at least in part, and could not be shown.
	Skipped int
	// FirstKey is whether the first frame that arrived, whole or not, was a key frame. It is false while none has.
	FirstKey bool
	// First is when the first packet arrived, FirstFrame when the first frame was shown; zero before.
	First, FirstFrame time.Time
	// Dropped counts the packets that ShowOptions.Loss took, Recovered those that came late or repeated and filled a gap, and Lost those
	// that the Show has given up.
	Dropped, Recovered, Lost int
	// NACKs counts the packets that were asked for, each as often as it was; PLIs, FIRs and REMBs count messages.
	NACKs, PLIs, FIRs, REMBs int
	// H264 are the frames shown as a byte stream (ITU-T H.264, Annex B), beginning with parameter sets: the first 32 MiB.
	H264 []byte
}

// WriteTo writes H264 to w. It implements io.WriterTo.
func (v Video) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v.H264)
	if err != nil {
		err = fmt.Errorf("alexatest: %w", err)
	}
	return int64(n), err
}

// WriteFile writes H264 to a file, such as one named .h264, which ffmpeg and others play.
func (v Video) WriteFile(path string) error {
	if err := os.WriteFile(path, v.H264, 0o644); err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	return nil
}
