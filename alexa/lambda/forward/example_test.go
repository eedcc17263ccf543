package forward_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/alexacall/alexacall/alexa/lambda/forward"
)

// Both sides of a function that passes events on. The handler stands for (*alexa.Skill).HandleEvent, the link for the way from Lambda to
// the program.
func Example() {
	key, err := forward.NewKey([]byte("0123456789abcdef0123456789abcdef")) // of "openssl rand -hex 32"
	if err != nil {
		fmt.Println(err)
		return
	}
	receiver := &forward.Receiver{Keys: []forward.Key{key}, Handle: func(_ context.Context, event []byte) ([]byte, error) {
		fmt.Printf("event: %s\n", event)
		return []byte(`{"version":"1.0","response":{}}`), nil
	}}
	defer receiver.Close()

	function := &forward.Forwarder{
		URL: "https://calls.example.com/events", Key: key,
		HTTPClient: &http.Client{Transport: &link{to: receiver}},
	}
	answer, err := function.Forward(context.Background(), []byte(`{"version":"1.0","request":{"type":"LaunchRequest"}}`))
	fmt.Printf("answer: %s %v\n", answer, err)
	// Output:
	// event: {"version":"1.0","request":{"type":"LaunchRequest"}}
	// answer: {"version":"1.0","response":{}} <nil>
}
