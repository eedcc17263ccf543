// Package alexa connects Alexa devices to the legs and bridges of package bridge, by the interface Alexa.Comms.CallSignaling of Alexa
// Smart Properties: a device calls a contact of a skill, and the skill calls a device.
//
// # Usage
//
// A [Skill] is both ends of it. As an http.Handler it is the endpoint of a custom skill, which Amazon posts its events to; as a
// [bridge.Dialer] it calls devices by their external user id.
//
//	tokens, err := lwa.NewSource(lwa.Credentials{...}, nil)
//	skill := &alexa.Skill{
//		ID:     "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc",
//		Client: &alexa.Client{Endpoint: alexa.EndpointEU, Tokens: tokens},
//		Engine: engine,
//		Bridge: bridge.To(phones, "sip:100@pbx.example.com", nil),
//	}
//	http.Handle("/alexa", skill)
//	...
//	leg, err := skill.Dial(ctx, "7201", nil)
//
// What else comes to a custom skill's endpoint, such as a grant or a LaunchRequest, goes to [Skill.Other]. The server in front limits
// what happens before a request is there: an [http.Server] should have ReadHeaderTimeout (5 s), IdleTimeout (above a minute, or Amazon
// connects anew for every event) and MaxHeaderBytes (16 kB are plenty). A body has its own time here.
//
// Where the skill runs as a Lambda function, [Skill.HandleEvent] takes what the function is given. Underneath are [Message], the twelve
// messages as one type; [Client], which sends them; [Verifier], which tells Amazon's requests from others; and [Event], their envelope.
// Package alexatest has an Alexa cloud and an Echo to test with.
//
// # What a call does
//
// A device that calls sends InitiateOutboundCall with its offer; the leg comes in as Placed with a pending offer. Ring sends
// CallRinging and, with a plan, CallInProgress with the answer; Answer sends CallAccepted; Hangup sends CallEnded. CallRinging always
// goes before the others, as in the documented sequence. A device that is called gets InitiateInboundCall with our offer; its
// CallRinging makes the leg Alerting, its CallInProgress brings the answer, and the leg turns Early only when sound really arrives,
// for an answer alone lets nobody hear anything. CallAccepted makes it Up. CallUpdate goes both ways at any time after the first
// answer: hers is answered within [bridge.Leg.Answer] or, if nobody cares for it, after four seconds with what stands; of two at a time
// hers goes first, with what we want as its answer, and ours again one to two seconds later if that has not said it all.
//
// Events may come in any order and any number of times: a later message implies the earlier ones, and a delivery that Amazon repeats
// gets the same answer and has no effect. A call has one request on its way at a time. A request that Alexa does not take ends the
// call, except that an acknowledgement is hers to miss, and without our CallUpdate what stood stands. When a call ends, what waits is
// dropped for CallEnded; when it is not known whether Alexa took the first message, CallEnded makes sure that nothing rings on.
//
// # After a crash
//
// With [Skill.Journal] set, to what [OpenJournal] returns or to a [Journal] of the program's own, each call is noted before Alexa hears
// anything of it, and until she knows of its end. [Skill.Recover] at start sends CallEnded for what a process that died has left open; so
// is a call ended later whose CallEnded did not get through in its time. A journal that fails is logged and fails no call.
//
// # Errors and causes
//
// What Alexa did not take is an [*Error]; what is not Amazon's a [*VerifyError]; what cannot be understood a [*ParseError]. A leg ends
// with a cause of package bridge: of a CallEnded from Alexa, DEVICE_BUSY is Busy, SESSION_TIMEOUT NoAnswer, UNAUTHORIZED Forbidden,
// SUCCESS Normal, or before acceptance Declined by a device that was called and Cancelled by one that called; all else is Internal. The
// other way, Normal, Cancelled and Elsewhere are SUCCESS; Busy and Declined DEVICE_BUSY; NoAnswer SESSION_TIMEOUT; Forbidden
// UNAUTHORIZED; the rest INTERNAL_ERROR. What led to the end, such as the *Error, is in the chain of the [bridge.EndError].
//
// # Concurrency
//
// Skill, Client, Verifier and Leg are safe for concurrent use. Each call has one goroutine, which owns its state; each message on its
// way has one, a request that goes to Skill.Other has one, and so have the wait for the first sound of a device that was called and the answer to a change that nobody has cared
// for. The handler of a call that came in has its own, and so have, with a Journal, the calls that were left behind, with up to eight
// for their messages. [Skill.Drain] waits for all of them.
//
// # Limits
//
// An event or message is at most [MaxBody] bytes, an SDP [MaxSDP], a session id [MaxSessionID]. A request is refused when it is more
// than 150 s old or early. A message is tried for at most 6 s, the first of a call for 10 s and CallEnded for 60 s; a CallUpdate waits
// 10 s for its answer. A [FileJournal] holds 10,000 calls that are open at a time.
// The ids of 500,000 requests are remembered for at least five minutes, or until 250,000 more have come, and those of the calls
// that came in likewise. A body has 5 s to come, Skill.Other 6 s to answer; of its answers the last 4,096 are kept, or 4 MB of them. A
// certificate chain is at most 64 kB and has 2 s to come, from a public address and without a redirect; 16 of them are kept until they
// expire.
//
// # Compatibility
//
// Amazon documents part of the interface only. What follows is inferred or known from one witness alone; each stands in one place:
//
//   - the names of the result codes other than SUCCESS (the constants of [ResultCode]; both spellings of UNAUTHORIZED are understood);
//   - customParams.callerName ([CustomParams]), sent only with Skill.SendCallerName;
//   - the renegotiation types CALL_HOLD and CALL_RESUME (function renegotiation);
//   - CallAccepted without an SDP after CallInProgress had it (the machine's evAccept);
//   - the external user id of an account association as RAW_ADDRESS of the callee ([Addressing.Callee]);
//   - what a device makes of a caller who is no contact of its address book ([Addressing.Caller] names those of the Domain alone);
//   - the receipt {"version":"1.0","response":{}} ([AppendReceipt] knows the older form with a directive);
//   - the meaning of HTTP statuses of the signaling endpoint ([Error]);
//   - what a device makes of the 503, or the error of [Skill.HandleEvent], that its call gets after Drain: the answer is known as a receipt.
package alexa
