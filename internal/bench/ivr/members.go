package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// members are phones that answer every call and sound a tone, until the input ends.
func members() error {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: maxCalls, Ports: ports()})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	clock := audio.NewClock(nil)
	defer clock.Close()
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{
		Network: "udp", MaxCalls: maxCalls, Policy: voice(true),
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error { return talk(ctx, clock, in) }),
	})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	fmt.Println(a.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
	}
	return nil
}

// talk answers a call and sounds a tone as long as it lasts.
func talk(ctx context.Context, clock *audio.Clock, in bridge.Leg) error {
	if err := in.Answer(ctx, nil); err != nil {
		return err
	}
	player := audio.NewPlayer(clock, in.Media().Stream(media.Audio), nil)
	defer func() { _ = player.Close() }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer stop()
		for info, err := in.Info(), error(nil); err == nil; {
			info, err = in.Next(ctx, info.Rev)
		}
	}()
	return player.Play(ctx, audio.NewTones([]audio.Tone{{Hz: [2]float64{500}}}, nil), nil)
}
