// Package callback connects a media server with an application that is an HTTP server of its own, in whatever language: both ends of the
// callbacks.
//
// # Usage
//
// A media server is given an [Application], which POSTs the callbacks:
//
//	app, err := callback.New("https://app.example/ivr", &callback.Options{Key: key, Fallbacks: &callback.Memory{}})
//	server.Application = app
//
// One on this host, or in a private network, needs Options.Private.
//
// A Go program that is such an HTTP server has a mediaserver.Application of its own behind a [Handler]:
//
//	http.Handle("/ivr/", callback.Handler(mine, &callback.HandlerOptions{Keys: keysOf}))
//
// # When the application fails
//
// A request may take 5 s, of which the connection 2 s, and a callback as long as its context allows, less 200 ms. A callback that asks is sent
// again once, after half a second, when there was no answer or one of 500 or more; but not when the time was up, for somebody waits.
// One that tells is sent up to three times. Then FallbackURL has its turn in the same way, and for a newCall and a getIvrCommand the stored
// fallback of the number that was called; whom that one hangs up after its phrases, nobody is asked about. Every try has the same id in
// Idempotency-Key. When nothing has answered the error is an [*Error], or two of them, and the media server does what it does without a
// decision. One whose last answer was 500 or more is a mediaserver.ErrOverload: a call that comes in is refused so (of SIP, 503 and not 480).
//
// No answer is: anything but a 200 (for a callback that tells, 2xx), a body that package wire refuses, a redirect to another host or one
// that would lose the body. What is 4xx, or cannot be used, is not sent again.
//
// A host has so many callbacks at a time; more wait, those first that ask, and beyond the queue they fail at once. After several failures in a
// row it is left alone for a while, and then a single callback tries it.
//
// # Compatibility
//
// That callbacks are POSTed below a base URL and signed with RS256 is documented. Inferred: the header field Authorization: Bearer, the
// claims (see internal/jwtauth: domain and iss, iat, exp, jti, payload_hash with the SHA-256 of the body in hexadecimal), Idempotency-Key, which
// is the jti too; all times and numbers of tries; how a call is refused; that a stored fallback of mode "always" answers a newCall with ivr, without asking.
//
// # Logs
//
// The keys are callback (its name), session, status, members (names that are not known) and err. What is told of calls is not logged.
//
// # Concurrency
//
// Everything is safe for concurrent use. There are no goroutines but net/http's, which Close and the contexts end.
package callback
