package audio_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// The shortest program that says something to a leg: the stream is leg.Media().Stream(media.Audio), here one end of a pipe, and the source
// comes from audio.Open("welcome.wav") or from a Fetcher.
func ExamplePlayer() {
	clock := audio.NewClock(nil) // one for the whole program
	defer clock.Close()
	near, _ := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}})
	player := audio.NewPlayer(clock, near.Stream(media.Audio), nil)
	defer player.Close()

	welcome, err := audio.NewSource(bytes.NewReader(wavFile{samples: 480}.bytes()))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = player.Play(context.Background(), welcome, &audio.PlayOptions{Gain: -3})
	fmt.Println(err)
	// Output: <nil>
}
