package sip_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// An agent refuses one caller and joins another with the front desk.
func Example() {
	desk, err := siptest.NewPhone(&siptest.PhoneOptions{User: "desk"})
	if err != nil {
		log.Fatal(err)
	}
	defer desk.Close()
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	agent, err := sip.Listen("127.0.0.1:0", e, &sip.Options{
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			if in.Info().From.Name == "Eve" {
				return &bridge.EndError{Cause: bridge.Forbidden}
			}
			return bridge.To(in.(*sip.Leg).Agent(), desk.URI(), nil).Handle(ctx, in)
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer agent.Close()

	// A second agent, with media of its own, calls the first.
	other, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	caller, err := sip.Listen("127.0.0.1:0", other, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer caller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, name := range []string{"Eve", "Ann"} {
		leg, err := caller.Dial(ctx, "sip:reception@"+agent.Addr().String(), &bridge.DialOptions{From: bridge.Party{Name: name}})
		if err != nil {
			fmt.Println(name, "is refused:", bridge.CauseOf(err))
			continue
		}
		for info := leg.Info(); info.Phase < bridge.Up; {
			if info, err = leg.Next(ctx, info.Rev); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println(name, "speaks", leg.Media().Plan())
		_ = leg.Hangup(ctx, bridge.Normal)
	}
	// Output:
	// Eve is refused: forbidden
	// Ann speaks audio sendrecv PCMU/8000 telephone-event/8000
}
