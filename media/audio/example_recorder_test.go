package audio_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// A call is recorded, each side in a channel of its own, until it ends.
func ExampleRecorder() {
	clock := audio.NewClock(nil)
	defer clock.Close()
	dir, err := os.MkdirTemp("", "recordings")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// The two parties, a call between them, and what each says: leg.Media().Stream(media.Audio).Reader() of two legs that are joined.
	caller, called := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}})
	says, answers := called.Stream(media.Audio).Reader(), caller.Stream(media.Audio).Reader()

	file, err := audio.CreateRecordFile(dir, "call.wav")
	if err != nil {
		fmt.Println(err)
		return
	}
	recorder, err := audio.NewRecorder(clock, file, &audio.RecorderOptions{Stereo: true, MaxDuration: time.Hour}, says, answers)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer recorder.Close()

	player := audio.NewPlayer(clock, caller.Stream(media.Audio), nil)
	_ = player.Play(context.Background(), audio.Ringback("de", &audio.TonesOptions{For: 200 * time.Millisecond}), nil)
	_ = player.Close()
	_ = caller.Close() // the call ends
	end, err := recorder.Wait(context.Background())
	fmt.Println(end.Reason, end.Err, err, end.Duration > 0)
	// Output: stream over <nil> <nil> true
}
