// Command lambda is the Lambda function of a skill whose events are answered by a program elsewhere: it passes every event on. That
// program serves a forward.Receiver with the same key.
package main

import (
	"log"
	"log/slog"
	"os"

	"github.com/alexacall/alexacall/alexa/lambda"
	"github.com/alexacall/alexacall/alexa/lambda/forward"
)

func main() {
	key, err := forward.NewKey([]byte(os.Getenv("FORWARD_KEY"))) // of "openssl rand -hex 32"
	if err != nil {
		log.Fatal(err)
	}
	f := &forward.Forwarder{URL: os.Getenv("FORWARD_URL"), Key: key, Logger: slog.Default()} // "https://calls.example.com/events"
	lambda.Start(f.Forward, nil)
}
