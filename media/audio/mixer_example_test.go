package audio_test

import (
	"context"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// A conference room: each caller is a member until it hangs up, its stream ends, or ctx does.
func ExampleMixer() {
	clock := audio.NewClock(nil)
	defer clock.Close()
	room, err := audio.NewMixer(clock, nil)
	if err != nil {
		return
	}
	defer room.Close()

	attend := func(ctx context.Context, caller media.Endpoint) error {
		member, err := room.Join(caller.Stream(media.Audio), nil)
		if err != nil {
			return err // this build does not encode what the caller takes: see codec.Speakable
		}
		defer member.Leave()
		return member.Wait(ctx)
	}
	_ = attend // for every call that comes in
}
