// Package stories has the calls that users know, as transcripts: what a device, Alexa, the gateway and a SIP phone say to one another when
// a call is answered, refused, held, re-offered or lost. Each is one file of testdata, written anew by
//
//	go test ./internal/stories -run Stories -update
//
// There is nothing here but tests: they join alexa, bridge and sip, which do not know one another.
package stories
