package alexa_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// printer is what a *testing.T is in a test.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// A bridge of one's own, tested without a device: it lets calls for the reception ring until somebody there says yes, and refuses all
// others. Alexa says everything twice, forges and replays events, and offers what stands again at once.
func ExampleSkill_testWithoutADevice() {
	_, cloud, stop := exampleSkill(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if in.Info().To.URI != "reception" {
			return &bridge.EndError{Cause: bridge.Forbidden}
		}
		err := in.Ring(ctx, nil)
		if err == nil {
			err = in.Answer(ctx, nil)
		}
		for info := in.Info(); err == nil; {
			if info, err = in.Next(ctx, info.Rev); info.Pending && err == nil {
				err = in.Answer(ctx, nil)
			}
		}
		return err
	}))
	cloud.SetFaults(alexatest.Faults{DuplicateEvents: true, ForgedEvents: true, StaleEvents: true})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	echo, err := cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	check(err)
	for _, callee := range []string{"reception", "the moon"} {
		call, err := echo.Call(ctx, callee)
		check(err)
		if err := call.WaitState(ctx, alexatest.StateConnected); err != nil {
			fmt.Println(err)
			continue
		}
		check(call.Update(ctx, alexatest.Hold))
		check(call.Update(ctx, alexatest.Resume))
		check(call.Hangup(ctx))
	}
	stop()
	cloud.Report(printer{}) // fails the test for each thing that a real Alexa would not take
	for _, e := range cloud.Transcript() {
		if e.Direction == alexatest.FromSkill {
			what, _, _ := strings.Cut(e.Summary(), " [")
			fmt.Println(what)
		}
	}
	// Output:
	// alexatest: the call has ended: UNAUTHORIZED
	// POST CallRinging
	// POST CallAccepted ANSWER
	// POST CallUpdateResponse CALL_HOLD ANSWER
	// POST CallUpdateResponse CALL_RESUME ANSWER
	// POST CallEnded UNAUTHORIZED
}
