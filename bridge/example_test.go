package bridge_test

import (
	"context"
	"fmt"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// reception is a Dialer with one number, where somebody accepts every call. A real one is that of a protocol.
type reception struct{ desk bridge.Leg }

func (r *reception) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	if to != "reception" {
		return nil, &bridge.EndError{Cause: bridge.NotFound}
	}
	var out bridge.Leg
	r.desk, out = bridge.Pipe(o.Plan)
	return out, r.desk.Answer(ctx, media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}})
}

// A server hands its calls to a Bridge. This one looks at who calls and joins the call with reception.
func Example() {
	ctx := context.Background()
	desk := &reception{}
	server := bridge.NewIntake(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if in.Info().From.URI != "pipe:far" {
			return &bridge.EndError{Cause: bridge.Forbidden}
		}
		fmt.Println("a call comes in")
		return bridge.To(desk, "reception", nil).Handle(ctx, in)
	}), nil)

	// A guest calls. A Pipe stands for the protocol in between: one end comes in at the server, the guest has the other.
	in, guest := bridge.Pipe(media.Phone().Plan())
	if err := server.Receive(in); err != nil {
		fmt.Println(err)
	}
	for info := guest.Info(); info.Phase != bridge.Up; {
		var err error
		if info, err = guest.Next(ctx, info.Rev); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("the guest has", guest.Media().Plan())

	if err := guest.Hangup(ctx, bridge.Normal); err != nil {
		fmt.Println(err)
	}
	if err := server.Drain(ctx); err != nil {
		fmt.Println(err)
	}
	_, err := desk.desk.Next(ctx, desk.desk.Info().Rev)
	fmt.Println("reception sees", err)

	// Output:
	// a call comes in
	// the guest has audio sendrecv PCMU/8000
	// reception sees bridge: ended: normal by the far side
}
