package audio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// Three keys are asked for, each within five seconds of the one before; the caller's end of the call is here, too, and presses them.
func ExampleDigits() {
	clock := audio.NewClock(nil)
	defer clock.Close()
	near, caller := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU(), media.TelephoneEvent(8000)}}})
	digits := audio.NewDigits(near, nil) // of leg.Media()
	defer digits.Close()
	pressed := make(chan error, 1)
	go func() {
		pressed <- audio.Dial(context.Background(), clock, caller.Stream(media.Audio), "42#", &audio.DialOptions{Press: 40 * time.Millisecond, Gap: 40 * time.Millisecond})
	}()

	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		digit, err := digits.Next(ctx)
		cancel()
		if err != nil {
			fmt.Println(err) // nobody presses one, or the call is over
			break
		}
		fmt.Printf("%c by %v\n", digit.Key, digit.From)
	}
	fmt.Println(<-pressed)
	// Output:
	// 4 by event
	// 2 by event
	// # by event
	// <nil>
}
