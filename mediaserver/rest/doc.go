// Package rest connects an application elsewhere with the calls of a media server, by HTTP: it places calls, splits and connects, confers,
// hangs up and records, keeps prompts and recordings, and stored fallbacks. What it is answered by, package callback sends.
//
// # Usage
//
//	h := &rest.Handler{
//		Calls:     func(domain string) (rest.Calls, bool) { s, ok := servers[domain]; return s, ok },
//		Keys:      func(ctx context.Context, domain string) ([]*rsa.PublicKey, error) { return keys[domain], nil }, // of ParseKeys
//		Prompts:   folder,
//		Fallbacks: fallbacks,
//	}
//	http.Handle("/mediaservice/", h)
//	http.Handle("/cache/", h)
//
// # Paths
//
// The contract is OpenAPI, see [OpenAPI], which is served as /mediaservice/openapi.json, and under the name of openapi.yaml too. In short:
//
//	POST            /mediaservice/{domain}/placeivrcall, splitconnection, connect, createconferenceconnection,
//	                hangupparticipant, startrecording, stoprecording
//	GET PUT DELETE  /mediaservice/{domain}/promptfile/{filename}
//	GET             /cache/{domain}/ivrfallback
//	GET POST DELETE /cache/{domain}/ivrfallback/{number}
//	OPTIONS         each of them
//
// All of them are there without their first segment too, for a handler behind http.StripPrefix.
//
// # Who may ask
//
// Every request but OPTIONS, and but that for the contract, has a token (RS256) of the domain in its path, signed with a key of that domain:
// "Authorization: Bearer ...". See Compatibility for what the token has.
//
// # Answers
//
// JSON with success, and with a reason where that is false:
//
//	400 malformed: the body, the name of a file, a number, or the path
//	401 no token, or one that is expired, not signed with a key of its domain, or was signed for another body
//	403 a token of another domain
//	404 no such path, domain, session, participant, connection, file or fallback
//	405 another method
//	408 the body took too long
//	409 a replyId that is forged, stale or of another thing; or not possible now
//	413 a body of more than 256 KiB, or a file of more than 20 MiB
//	429 too many requests at once, too many calls, or no room
//	500 it has failed, which the log explains
//	503 draining, keys that cannot be had, or no answer in time
//
// 429 and 503 have Retry-After. A file comes with the Content-Type that its first bytes say, whatever its name.
//
// # Concurrency
//
// A Handler is safe for concurrent use, and has no goroutine of its own.
//
// # Limits
//
// A body has 10 s to come, a file 10 s for each part of it and 5 min altogether, where the http.ResponseWriter can set a deadline, as those of
// net/http can. Time and size of the header are the server's to limit, and how long a client may take to read: set ReadHeaderTimeout,
// IdleTimeout and WriteTimeout.
//
// # Compatibility
//
// Paths, success, OPTIONS and that tokens are RS256 are documented for the iotcomms.io SIP Mediaserver Service. Inferred, and so our own: all
// of the statuses but 200, and reason; what tokens have: exp, at most one hour away, by clocks that differ by a minute at most; the domain in
// domain, iss or sub, in this order; and iat, nbf, and payload_hash (the SHA-256 of the body in hexadecimal), which are verified if they are
// there. HEAD of files; POST and DELETE of ivrfallback. For the members of bodies see package wire. sessionId beside an id does nothing, since
// ids are good for one session alone.
package rest
