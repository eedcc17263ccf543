// Package alexa connects Alexa devices to the legs and bridges of package bridge, by the interface Alexa.Comms.CallSignaling of Alexa
// Smart Properties: a device calls a contact of a skill, and the skill calls a device.
//
// # Usage
//
// A [Skill] is both ends of it. As an http.Handler it is the endpoint of a custom skill, which Amazon posts its events to; as a
// [bridge.Dialer] it calls devices by their external user id. Here a device reaches a telephone, and the program a device:
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
// What else comes to a custom skill's endpoint, such as a grant or a LaunchRequest, goes to [Skill.Other]. The server in front limits what
// happens before a request is there: an [http.Server] should have ReadHeaderTimeout (5 s), IdleTimeout (above a minute, or Amazon connects
// anew for every event) and MaxHeaderBytes (16 kB are plenty). A body has its own time here.
//
// The examples deviceCallsPhone and phoneCallsDevice are whole gateways with package sip. At the end of the program, [Skill.Drain] waits
// for the calls.
//
// Where the skill runs as a Lambda function, [Skill.HandleEvent] takes what the function is given; package lambda serves it, or forwards
// events to a program elsewhere. Underneath are [Message], the twelve messages as one type; [Client], which sends them; [Verifier], which
// tells Amazon's requests from others; and [Event], their envelope. Package lwa gets the tokens, of one account or, with Client.TokensOf,
// of each user who has given a grant. Package provision makes devices callable: it gives them the external user ids that are called here.
// Package alexatest has an Alexa cloud and an Echo to test all of it with.
//
// # Addresses
//
// Alexa names the parties of a call by a [ParticipantID], the legs of package bridge by a URI and a name; [Skill.Addresses] leads from one
// to the other. Unless a program says otherwise, an id is its own URI, a number a tel URI, and devices are called by external user id,
// profile id, tel URI or SIP URI. With the Domain of an [Addressing] everybody has a SIP URI, so that calls go through from either side:
//
//	skill.Addresses = &alexa.Addressing{Domain: "pbx.example.com", Known: []alexa.KnownAddress{{
//		ID:    alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: profile.ID},
//		Party: bridge.Party{URI: "sip:101@pbx.example.com", Name: "Room 101"},
//	}}}
//	skill.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
//		return bridge.To(phones, in.Info().To.URI, nil).Handle(ctx, in) // "call Reception" calls sip:reception@pbx.example.com
//	})
//
// Who calls a device is named to Alexa where there is an id for that caller, which the device shows as the contact of its address book
// that has it; all others call as Skill.Contact. [Leg.Participants] has what Alexa said herself.
//
// # What a call does
//
// A device that calls sends InitiateOutboundCall with its offer; the leg comes in as Placed with a pending offer. Ring sends CallRinging
// and, with a plan, CallInProgress with the answer; Answer sends CallAccepted; Hangup sends CallEnded. CallRinging always goes before the
// others, as in the documented sequence. A device that is called gets InitiateInboundCall with our offer; its CallRinging makes the leg
// Alerting, its CallInProgress brings the answer, and the leg turns Early only when sound really arrives, for an answer alone lets nobody
// hear anything. CallAccepted makes it Up. CallUpdate goes both ways at any time after the first answer: hers is answered within
// [bridge.Leg.Answer] or, if nobody cares for it, after four seconds with what stands; of two at a time hers goes first, with what we want
// as its answer, and ours again one to two seconds later if that has not said it all.
//
// Events may come in any order and any number of times: a later message implies the earlier ones, and a delivery that Amazon repeats gets
// the same answer and has no effect. A call has one request on its way at a time, acknowledgements before others. When a call ends, what
// waits is dropped for CallEnded; when it is not known whether Alexa took the first message, CallEnded makes sure that nothing rings on.
//
// # When Alexa fails
//
// Messages go to the region, and with the tokens of the user, that the call's event named ([Client.SendTo]); to no host that is neither
// Amazon's nor the configured one. After 401 the token is renewed once; 409, 429, 5xx and silence are tried again ([Client.Send]), those
// messages that decide about the call for as long as there is time. One 429 slows all calls of the Client down, and CallEnded goes first.
// A message that Alexa does not take ends the call, except that an acknowledgement is hers to miss, and without our CallUpdate what stood
// stands. [Client.Stats] counts failures by their [Fault], and [Client.Health] says what only a person can mend.
//
// # After a crash
//
// With [Skill.Journal] set, to what [OpenJournal] returns or to a [Journal] of the program's own, each call is noted before Alexa hears
// anything of it, and until she knows of its end. [Skill.Recover] at start sends CallEnded for what a process that died has left open; so
// is a call ended later whose CallEnded did not get through in its time. A journal that fails is logged and fails no call.
//
// # Errors and causes
//
// What Alexa did not take is an [*Error]; what is not Amazon's a [*VerifyError]; what cannot be understood a [*ParseError]; what nobody
// can be reached by an [*AddressError]. None of them repeats a token, a number or an SDP. A leg ends with a cause of package bridge: of a
// CallEnded from Alexa, DEVICE_BUSY is Busy, SESSION_TIMEOUT NoAnswer, UNAUTHORIZED Forbidden, SUCCESS Normal, or before acceptance
// Declined by a device that was called and Cancelled by one that called; all else is Internal. The other way, Normal, Cancelled and
// Elsewhere are SUCCESS; Busy and Declined DEVICE_BUSY; NoAnswer SESSION_TIMEOUT; Forbidden UNAUTHORIZED; the rest INTERNAL_ERROR. A call
// to what is no address is NotFound. What led to the end, such as the *Error, is in the chain of the [bridge.EndError].
//
// # Concurrency
//
// Skill, Client, Verifier and Leg are safe for concurrent use. Each call has one goroutine, which owns its state; each message on its way
// has one, a request that goes to Skill.Other has one, and so have the wait for the first sound of a device that was called and the answer
// to a change that nobody has cared for. The handler of a call that came in has its own, and so have, with a Journal, the calls that were
// left behind, with up to eight for their messages. [Skill.Drain] waits for all of them.
//
// # Limits
//
// An event or message is at most [MaxBody] bytes, an SDP [MaxSDP], a session id [MaxSessionID]. A request is refused when it is more than
// 150 s old or early. A try of a message has 3 s; those that decide about a call, which are all but CallUpdate and the acknowledgements,
// are sent for 10 s, CallEnded for [EndTime], the others for 6 s. A CallUpdate waits 10 s for its answer. An address is at most 1,024
// bytes, a number 15 digits (E.164), a caller's name as it is sent 128 bytes. A [FileJournal] holds 10,000 calls that are open at a time.
// The ids of 500,000 requests are remembered for at least five minutes, or until 250,000 more have come, and those of the calls that came
// in likewise. A body has 5 s to come, Skill.Other 6 s to answer; of its answers the last 4,096 are kept, or 4 MB of them. A certificate
// chain is at most 64 kB and has 2 s to come, from a public address and without a redirect; 16 of them are kept until they expire.
//
// A call has no longest time of its own: an Echo whose CallEnded is lost is noticed when it sends nothing any more, and one that sends on is
// not, unless [bridge.JoinOptions] have a MaxDuration, or the handler ends the call.
//
// # Compatibility
//
// Amazon documents part of the interface only. What follows is inferred or known from one witness alone; each stands in one place:
//
//   - the names of the result codes other than SUCCESS (the constants of [ResultCode]; both spellings of UNAUTHORIZED are understood);
//   - customParams.callerName ([CustomParams]), sent only with Skill.SendCallerName;
//   - the renegotiation types CALL_HOLD and CALL_RESUME (function renegotiation);
//   - that an answer belongs to the region of its event ([Event.Origin]), and that the Far East is served at all ([EndpointFE]);
//   - CallAccepted without an SDP after CallInProgress had it ([Skill.RepeatAnswer] sends it again);
//   - that a CallUpdateResponse repeats the type of its CallUpdate (method answered of [RenegotiationType]);
//   - which of two changes at a time goes first (the machine's offered), and how long one may wait (updateLimit, pendingLimit);
//   - that kinds of media which a call has not begun with are ignored whoever offers them later (Leg.possible leaves them out of ours);
//   - the external user id of an account association as RAW_ADDRESS of the callee, and a number as PHONE_NUMBER ([Addressing.Callee]);
//   - what a device makes of a caller who is no contact of its address book ([Addressing.Caller] names those whom its Domain or table vouches for, and numbers);
//   - telephone events (RFC 4733) as what the keys of a device come to, if there are any (media.Alexa takes them; alexatest's Call.Press sends them);
//   - the receipt {"version":"1.0","response":{}} ([Skill.DirectiveReceipt] is for the older form with a directive);
//   - the meaning of HTTP statuses of the signaling endpoint ([Error.Fault]);
//   - what a device makes of the 503, or the error of [Skill.HandleEvent], that its call gets after Drain: the answer is known as a receipt.
package alexa
