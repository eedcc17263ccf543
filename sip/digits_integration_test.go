package sip_test

import (
	"context"
	"slices"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestDigitsAnswered types at a program that says each row of four keys backwards: a phone's telephone events are taken, and it takes ours.
func TestDigitsAnswered(t *testing.T) {
	clock := audio.NewClock(nil)
	t.Cleanup(clock.Close)
	backwards := bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Answer(ctx, nil); err != nil {
			return err
		}
		digits := audio.NewDigits(in.Media(), nil)
		defer func() { _ = digits.Close() }()
		for {
			var row []byte
			for len(row) < 4 {
				digit, err := digits.Next(ctx)
				if err != nil {
					return err
				}
				row = append(row, digit.Key)
			}
			slices.Reverse(row)
			if err := audio.Dial(ctx, clock, in.Media().Stream(media.Audio), string(row), nil); err != nil {
				return err
			}
		}
	})
	a := listen(t, &sip.Options{Bridge: backwards})
	ann := newPhone(t, &siptest.PhoneOptions{User: "ann", Play: siptest.Tone(440)})
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	call, err := ann.Call(ctx, "sip:room@"+a.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitState(ctx, siptest.Up); err != nil {
		t.Fatal(err)
	}
	for i, row := range []string{"1123", "#*D0"} {
		if err := call.SendDigits(ctx, row); err != nil {
			t.Fatal(err)
		}
		want := []string{"3211", "32110D*#"}[i]
		wait(t, "the digits come back", func() bool { return call.Digits() == want })
	}
	if err := call.Hangup(ctx); err != nil {
		t.Error(err)
	}
	wait(t, "the end of the leg", func() bool { return a.Stats().Standing == 0 })
}
