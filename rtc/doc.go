// Package rtc connects Alexa.RTCSessionController, with which a user of an Echo talks to the person at the door, to the legs and bridges of
// this module.
//
// # Usage
//
// A [Skill] is the endpoint of a smart-home skill, which gets directives and answers each with an event. Amazon reaches it through a Lambda
// function only: [Skill.HandleDirective] takes what the function is given, also where package lambda/forward passes it on. As a
// [bridge.Dialer] it rings at users' devices. Here an Echo Show talks to a door phone, and the door phone's bell button calls the Echo:
//
//	skill := &rtc.Skill{
//		Endpoints: rtc.Endpoints{{
//			ID: "front", FriendlyName: "Front door", Description: "Door phone", Manufacturer: "Example",
//			URI: "sip:door@pbx.example.com", Doorbell: true,
//		}},
//		Authorize: users.OfToken, // of the program's own account linking
//		Grant: func(ctx context.Context, user, code string) error {
//			return accounts.Accept(ctx, user, lwa.Code{Code: code})
//		},
//		Gateway: &rtc.Gateway{Endpoint: rtc.EndpointEU, TokensOf: tokensOf, Forget: accounts.Forget}, // see the example of Gateway
//		Engine:  engine,
//	}
//	skill.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
//		return bridge.To(phones, in.Info().To.URI, nil).Handle(ctx, in)
//	})
//	phones.Bridge = bridge.To(skill, "front", nil) // the door phone calls us: the bell
//
// The examples are such gateways in memory. At the end of the program, [Skill.Drain] waits for the sessions.
//
// Underneath, [Directive] and [Event] are both in one flat form, parsed by [ParseDirective] and [ParseEvent] and written by AppendJSON. An
// [Endpoint] is a door, camera or intercom as discovery describes it; a [Directory] says which there are, and [Endpoint.Users] whose they
// are: names of the program's own, which Authorize gives for a directive's token, and by which the Gateway knows the tokens of its events.
//
// # What a session does
//
// A user's device makes an offer, and has one answer to it within [AnswerLimit], whatever happens: within [AnswerTime] the answer, or why
// there is none, goes back. The offer is a leg that comes in to the Bridge, with its offer pending; Ring with a plan, or Answer, answers it.
// Where nobody has done so in [Skill.DoorTime], the answer is [Skill.Alone] and the leg is Up while the door still rings: bridge.Join
// offers the door later what was agreed. When neither the program, nor the engine, nor the door lets an answer be made, the session is
// refused with ENDPOINT_UNREACHABLE. The same offer of the same session has the same answer, as often as it comes; and a session whose
// answer nobody has fetched by AnswerLimit is ended.
//
// There is no message to change a session or to end it. [Leg.Update] fails with [ErrFixed], whereupon Join tells the other side. Hangup
// closes the media, with RTCP BYE and close_notify, which is all that the device hears; SessionDisconnected for what is over is answered
// with success. SessionConnected changes nothing, and may never come. A session lasts as long as it likes, unless the program has set
// bridge.JoinOptions.MaxDuration, or its media fail.
//
// A second offer for an endpoint takes the place of the first: its leg is a [bridge.Transfer] of the first one's, By it and Same, for which
// Join needs no dialer, so that the door notices no more than a change of the far side. Where nobody takes that up within a second, the
// first leg ends and the second goes to the Bridge.
//
// [Skill.Dial] sends DoorbellPress to all users of an endpoint, and the next session with it is that leg's: Up with an offer that Join
// passes on to the visitor's door phone. Of several bells the last that was rung is answered first.
//
// Of a half-duplex endpoint the visitor is heard until [Leg.Talk] says otherwise.
//
// # Messages
//
// What is sent is the documented schema and nothing else: a message that Alexa would refuse is not written. What is taken may have unknown
// members, members twice (the last counts), texts where a flag belongs, and lines of SDP that end as they like.
//
// # Events of our own accord
//
// A [Gateway] sends what nobody has asked for: that somebody rings ([Gateway.DoorbellPress]), and which endpoints are new
// ([Gateway.AddOrUpdate]) or gone ([Gateway.Delete]). It needs the tokens that a user's AcceptGrant was exchanged for, such as those of
// lwa.Accounts, and tells Gateway.Forget when they are of no more use. The reason for a refusal is an [Error].
//
// # Errors and causes
//
// A directive that cannot be done is answered with an [ErrorResponse], so HandleDirective fails for nothing but what is no directive (a
// [*ParseError]) and a context that has ended. A leg that ends before its answer tells Alexa why: Busy, Declined and Elsewhere are
// ENDPOINT_BUSY; NotFound NO_SUCH_ENDPOINT; Forbidden INSUFFICIENT_PERMISSIONS; Overload RATE_LIMIT_EXCEEDED; Media, which is also an offer
// that is no SDP or has no codec of ours, INVALID_VALUE; Internal INTERNAL_ERROR; all others ENDPOINT_UNREACHABLE. [Leg.Refuse] says any
// other. Functions of the program may return a [*Fault], and Alexa is told that. A token that Authorize does not know is
// INVALID_AUTHORIZATION_CREDENTIAL, an endpoint of somebody else NO_SUCH_ENDPOINT.
//
// A leg is over with Normal after SessionDisconnected, Cancelled where that, or the end of the request, was before the answer, NoAnswer
// where there was no time left for one, Media where its media have failed. Dial fails with Unreachable, and the *Error of the gateway in
// its chain, where Alexa takes no event.
//
// # Concurrency
//
// Skill, Gateway and Leg are safe for concurrent use. Each session or bell has one goroutine, which owns its state, and for a while one
// that looks up whose it is, one that opens or closes its terminal, one that makes its answer, and up to eight that press the bell; other
// directives have one each. The Bridge has its own for each session. [Skill.Drain] waits for all of them. A Gateway has none.
//
// # Limits
//
// A directive is at most [MaxDirective] bytes, and has two seconds to come by HTTP, which count. The functions of the program have AnswerTime
// for an offer and six seconds for what else there is; Alexa waits for about eight. A DoorbellPress is tried for [PressTime]. The last 4,096
// answers, or 4 MB of them, are kept for five minutes, and what 1,000 doors could do the last time.
//
// # Limitations
//
// Out of scope are Alexa.CameraStreamController (pictures by RTSP or HLS), Alexa.MotionSensor, and change reports.
//
// # Compatibility
//
// Namespaces, names, required members and their sizes are documented or in Amazon's message schema. Not documented are the sizes of what
// is taken ([MaxDirective], [MaxSDP]), which HTTP status goes with which [Code], whether Alexa passes over a second event with the same
// message id, and that a minor version in payloadVersion means no more than version 3 does. Inferred are which error is told for which
// cause (typeOf), that a second offer for an endpoint means the same user on another connection (Skill.appear), and that a session which a
// bell has led to has no mark of it: the next one with the endpoint is taken for it (Skill.bell).
//
// # Secrets
//
// Tokens, grant codes, correlation tokens, cookies and SDP are in no log, no error and no formatted value of this package.
package rtc
