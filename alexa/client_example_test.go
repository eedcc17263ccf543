package alexa_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/alexacall/alexacall/alexa"
)

func ExampleClient() {
	// Stands for alexa.EndpointEU.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m alexa.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if m.SessionID != "the-call" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"message":"no such call"}`)
			return
		}
		fmt.Println("Alexa got", m.Type)
	}))
	defer server.Close()

	client := &alexa.Client{
		Endpoint:   server.URL,
		Tokens:     new(tokens), // a *lwa.Source, usually
		HTTPClient: server.Client(),
	}
	ended := &alexa.Message{
		Type:      alexa.CallEnded,
		SessionID: "the-call",
		Result:    &alexa.CallResult{Code: alexa.ResultSuccess},
	}
	fmt.Println("error:", client.Send(context.Background(), ended))

	ended.SessionID = "another"
	err := client.Send(context.Background(), ended)
	fmt.Println("error:", err)
	fmt.Println("gone:", errors.Is(err, &alexa.Error{Status: http.StatusNotFound}))
	// Output:
	// Alexa got CallEnded
	// error: <nil>
	// error: alexa: sending CallEnded: status 404 (no such call)
	// gone: true
}
