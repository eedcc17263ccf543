// Package stories has the calls that users know, as transcripts: what a device, Alexa, the gateway and a SIP phone say to one another when
// a call is answered, refused, held, re-offered or lost. Each is one file of testdata, written anew by
//
//	go test ./internal/stories -run Stories -update
//
// Flows are what the documents of the media server of callbacks have: what parties, the server and an application say to one another, and who
// hears whom. They are in testdata/flows, and written anew by
//
//	go test ./internal/stories -run Flows -update
//
// There is nothing here but tests: they join alexa, bridge, mediaserver and sip, which do not know one another.
package stories
