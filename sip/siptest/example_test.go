package siptest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/alexacall/alexacall/sip/siptest"
)

// A guest calls the front desk. Both play a tone and hear that of the other.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	desk, err := siptest.NewPhone(&siptest.PhoneOptions{Play: siptest.Tone(440), AnswerAfter: 20 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer desk.Close()
	guest, err := siptest.NewPhone(&siptest.PhoneOptions{User: "room12", Play: siptest.Tone(1000), HangUpAfter: 1500 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer guest.Close()

	out, err := guest.Call(ctx, desk.URI(), nil)
	if err != nil {
		log.Fatal(err)
	}
	in, err := desk.NextCall(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := in.WaitState(ctx, siptest.Ended); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the guest was told", out.Responses())
	fmt.Println("the guest heard the desk:", out.Heard().ToneShare(440, time.Second) > 0.9)
	fmt.Println("the desk heard the guest:", in.Heard().ToneShare(1000, time.Second) > 0.9)
	status, reason, byGuest := in.Ended()
	fmt.Println("the call ended with", status, reason, byGuest)
	// Output:
	// the guest was told [100 180 200]
	// the guest heard the desk: true
	// the desk heard the guest: true
	// the call ended with 200 BYE true
}
