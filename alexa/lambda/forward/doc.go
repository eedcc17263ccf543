// Package forward connects a Lambda function to the program that really serves a skill: the [Forwarder] in the function passes every
// event on as it is, by HTTPS, and the [Receiver] in the program hands it to a handler and sends the answer back. A smart-home skill has
// no other way to a server of one's own; a custom skill may have one.
//
// # Usage
//
// In the function:
//
//	key, err := forward.NewKey([]byte(os.Getenv("FORWARD_KEY")))
//	f := &forward.Forwarder{URL: "https://calls.example.com/events", Key: key}
//	lambda.Start(f.Forward, nil) // package alexa/lambda
//
// In the program:
//
//	http.Handle("/events", &forward.Receiver{Keys: []forward.Key{key}, Handle: skill.HandleEvent})
//
// A key is made with "openssl rand -hex 32". To change it: let the Receiver accept both, give the function the new one, and take the old
// one away.
//
// # The wire
//
// A request is a POST whose body is the event, with three header fields:
//
//	Alexacall-Time       seconds since 1970, in decimal
//	Alexacall-Nonce      1 to 64 letters, digits and hyphens, new for each event
//	Alexacall-Signature  HMAC-SHA-256, in hexadecimal, of "alexacall-forward-1\n", time, "\n", nonce, "\n" and the body
//
// The answer is 200 with the handler's answer, or a status with one word: 400 "malformed", 401 "refused" (not signed with a key of
// ours) or "clock" (signed, but more than 150 s early or late), 409 "repeated", 500 "failed". A request that comes again within five
// minutes gets the answer that it got, and the handler is not called; 409 when the answer is kept no longer.
//
// # Errors
//
// [Forwarder.Forward] fails with an [*Error]. For a smart-home directive it returns Alexa's ErrorResponse instead, since Alexa tells the
// user nothing of an error of a function.
//
// # Concurrency
//
// Forwarder and Receiver are safe for concurrent use. The Receiver calls its handler in a goroutine of its own, so that the answer is there
// when the Forwarder asks again; [Receiver.Close] waits for them. The Forwarder has none.
//
// # Limits
//
// An event and its answer are at most [MaxBody] bytes. A body has 5 s to come, a handler 8 s to answer, which is what Alexa waits. The
// Receiver remembers the nonces of 500,000 requests, and 4,096 answers or 4 MB of them. Several Receivers behind one address do not know
// what the others have seen.
package forward
