// Package mediaserver connects calls of any kind, by phone, Echo or browser, with an application that is asked what becomes of them: it greets,
// collects digits, records, transfers and confers. It is the SIP Mediaserver Service of iotcomms.io as a package.
//
// # Usage
//
// A [Server] is a bridge.Bridge for calls that come in, and calls others through a bridge.Dialer. Its [Application] is a Go type, or
// callback.New makes one of an HTTP server in any language; package rest serves the requests of such a server.
//
//	server := &mediaserver.Server{
//		Application: reception{}, Clock: audio.NewClock(nil), Domain: "hotel.example", Prompts: folder,
//	}
//	phones := must(sip.Listen(":5060", engine, &sip.Options{Bridge: server}))
//	server.Dialer = phones
//
//	func (reception) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
//		return &mediaserver.Action{Kind: mediaserver.IVR}, nil
//	}
//
//	func (reception) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
//		if r.Digits == nil {
//			return &mediaserver.Command{Phrases: welcome, Digits: &mediaserver.Digits{Max: 1}}, nil
//		}
//		return &mediaserver.Command{Call: &mediaserver.Action{Kind: mediaserver.Call, Destination: desk(r.Digits.Digits)}}, nil
//	}
//
// The example places a call to a number through a trunk, with header fields that say who calls.
//
// # Sessions
//
// A session begins with a call that comes in, about which [Application.NewCall] is asked, or one that [Server.Place] places, which is
// connected with an IVR. It holds participants, which are legs and IVRs, and connections: of two participants, a caller and a called one, or a
// conference of many. When a connection of two ends, because one of them leaves or it is split, [Application.CallEvent] is asked about who is
// left. Nobody is asked about somebody who is called and has not answered, whose call is withdrawn; of a conference that is left; and of a
// connection with an IVR that somebody is taken from. With the last participant but IVRs the session ends.
//
// A caller is answered at once, and hears ringback while somebody is called, unless Action.DelayAnswer. Media are anchored here: who moves
// from one connection to another gets no re-INVITE, unless the codecs do not fit.
//
// An id stands for one thing for ever. A replyId is an id that nobody can make up; it is refused when what it stands for is no more.
//
// # Failures
//
// An application that does not decide (an error, no answer in Server.DecideFor, an action that is not possible) has a call that comes in
// refused as unreachable, and hangs up anybody else. One that fails with [ErrOverload], as package callback's does for an HTTP server that answers
// with 500 or more, has it refused as overload. After 1000 questions in a session, 1000 commands of one IVR, or ten in a row that come at once,
// it is not asked any more. A recording that fails costs no call: it can be heard as far as it goes, and its notice says that the end is
// missing. What the disk or the network does to prompts, the IVR says in its next request.
//
// # Concurrency
//
// A session has one goroutine, which owns its state; one watches each leg, and one has the media of each connection. Server.Drain waits for
// all of them. The Application is called from goroutines of their own; one that does not return in time is left alone.
//
// # Logs
//
// The keys are session, connection and err. Numbers and addresses are not logged.
//
// # Compatibility
//
// The names and the order of the callbacks are those of the service's documents. These do not say, and so it is our own: that a call without a
// decision is refused as unreachable or overload (of SIP, 480 and 503), what follows when a call fails (CalledPartyDrop about who waited, with
// the cause), that an IVR's caller who hangs up is a CallingPartyDrop about the IVR, that joins and leaves of conferences are told, the minimum
// between two commands that do nothing, and that the participant whom a connect names becomes the caller. A recording keeps the name that it
// was given, whatever it is written as, with a number where another has it; its notice has the name. Digits of an Echo are taken to be telephone
// events (RFC 4733).
//
// # Limitations
//
// Sound only: video is not answered. Transfers that a far side asks for (REFER) are refused: they are the application's. A conference is of one
// session. A connection with [bridge.Transfer.Same] keeps a leg that has come anew only as long as it lasts.
package mediaserver
