// Package alexatest connects tests and examples to a simulated Alexa cloud and simulated Echo devices, in the manner of
// net/http/httptest. It speaks the Alexa.Comms.CallSignaling interface from Amazon's side: it issues Login with Amazon
// tokens, takes signaling requests, sends signed events to a skill, and its Echo is a complete WebRTC peer which plays a
// tone or a WAV file and records what it hears. [Home] does the same for smart-home skills with Alexa.RTCSessionController, and its Echo
// Show receives video.
//
// The package shares no code with what it tests, so that a mistake on one side shows on the other.
//
// # Usage
//
//	cloud, err := alexatest.NewCloud(nil)
//	...
//	defer cloud.Close()
//	cloud.SetSkillURL("http://127.0.0.1:8080/alexa")
//	echo, err := cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
//	...
//	call, err := echo.Call(ctx, "reception")            // the guest calls; or the skill calls "room-101"
//	err = call.WaitState(ctx, alexatest.StateConnected)
//	err = call.WaitHeard(ctx, time.Second)
//	share := call.Heard().ToneShare(600)                // 1.0: nothing but 600 Hz
//	err = call.Hangup(ctx)
//
// The skill under test is given [Cloud.URL] as its Alexa endpoint, [Cloud.TokenURL] for its tokens, [Cloud.SkillID],
// [Cloud.ClientID], [Cloud.ClientSecret] and [Cloud.RefreshToken]; it trusts [Cloud.Roots] for the signing chain, and has
// [Cloud.DialChain] connect to it in place of s3.amazonaws.com:443, so that the rules for the chain's URL stay in force. At the end a test
// calls [Cloud.Report]: it fails for everything that the skill sent or left out against the interface.
//
// # Test your own bridge without a device
//
// What a program adds to the library is its bridge: which calls it takes, whom it rings, what it does when they are held. To test that,
// give an alexa.Skill the cloud's addresses and secrets, and let Echoes call and be called:
//
//	tokens, err := lwa.NewSource(lwa.Credentials{
//		ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), RefreshToken: cloud.RefreshToken(),
//	}, &lwa.Options{TokenURL: cloud.TokenURL()})
//	skill := &alexa.Skill{
//		ID: cloud.SkillID(), Roots: cloud.Roots(), DialContext: cloud.DialChain,
//		Client: &alexa.Client{Endpoint: cloud.URL(), Tokens: tokens},
//		Engine: engine, Bridge: yours,
//	}
//	cloud.SetSkillURL(httptest.NewServer(skill).URL)
//	cloud.SetFaults(alexatest.Faults{DuplicateEvents: true, ReofferAfterAccept: true})
//	...
//	cloud.Report(t)
//
// The example "testWithoutADevice" of alexa.Skill is the whole of it, and runs. [Faults] has the ways in which Alexa was seen to surprise
// a skill, and the ways in which her API may fail; with Faults.Random it fails by chance, and the same CloudOptions.Seed has it fail the
// same again. [Entry.Summary] of a [Cloud.Transcript] is made to be compared with a golden file.
//
// # A smart-home skill and its door
//
// A [Home] is apart from a Cloud. It has the event gateway with its tokens, the account that has linked the skill, and Echo Shows:
//
//	home, err := alexatest.NewHome(&alexatest.HomeOptions{Handle: skill.HandleDirective})
//	...
//	defer home.Close()
//	devices, err := home.Discover(ctx)
//	err = home.Grant(ctx)                               // from now on the skill can have tokens of the gateway
//	press, err := home.NextPress(ctx)                   // someone rings
//	show, err := home.NewShow(&alexatest.ShowOptions{Play: alexatest.Tone(440), Loss: 0.05})
//	...
//	session, err := show.Talk(ctx, press.EndpointID)    // an answer after six seconds is a violation
//	err = session.WaitSeen(ctx, 100)
//	first := session.Seen().FirstKey                    // the first frame was a key frame
//	err = session.Disconnect(ctx)
//	home.Report(t)
//
// The skill under test is given [Home.URL] as its event gateway, [Home.TokenURL], [Home.ClientID] and [Home.ClientSecret], and knows
// [Account.Token] as the token of the customer. [HomeFaults] has the ways in which directives may surprise it.
//
// # Fake time
//
// For tests under testing/synctest, CloudOptions.NoSockets opens no socket, [Cloud.RoundTripper] answers requests in memory,
// [Cloud.SetSkillHandler] takes events in memory, [Cloud.DialChain] connects to the signing chain, and EchoOptions.NoMedia makes an Echo without media. Certificates are
// valid from an hour before NewCloud to a year after it, by the clock of the bubble. For a Home it is HomeOptions.NoSockets,
// [Home.RoundTripper] and ShowOptions.NoMedia.
//
// # What the simulated Alexa does
//
// Where Amazon's pages are silent, one behaviour had to be chosen:
//
//   - A request that succeeds is answered 200 (Faults.Status changes it) with {"sessionId":"..."}; one that fails with
//     {"message":"..."}: 400 for what is malformed or does not fit the state of the call, 401 for a missing, unknown or
//     expired token, 403 for a token of another scope, 404 for an unknown session or callee, 409 when an update or a session
//     of that id is already in hand, 429 above CloudOptions.MaxCalls, 500 when the device itself fails. An Ack of an event
//     that was sent fits after the end of the call too: the two cross.
//   - Events of one call are sent one after the other, except that an event which answers a request does not wait for the
//     device's own events. Acks follow the HTTP answer of the request they answer (CloudOptions.AckFirst turns that round).
//   - An Ack that does not come within CloudOptions.AckTimeout is a violation; the call goes on.
//   - A device may be in several calls at the same time: it never answers DEVICE_BUSY of itself.
//   - A CallUpdate that was delivered again as a new event (Faults.RepeatEvents) may be answered again; the first answer counts.
//   - CallAccepted repeats the answer of CallInProgress (Faults.BareAccept leaves it out).
//   - A device has keys ([Call.Press]) and sends them as telephone events, if it is told that it knows these.
//   - On hold the device offers a=inactive, when muted a=recvonly.
//   - client_credentials gives tokens for alexa:skill_messaging only; calling needs a refresh token.
//   - A Show connects the media, then sends SessionConnected. When the far side has closed the media it sends SessionDisconnected; after a
//     Talk that has failed it sends nothing.
//   - Whatever the offer lists in BUNDLE, the Show's media comes from one place, so that all sections of the answer must share one
//     transport.
//   - The same directive delivered twice is to be answered twice with the same payload.
//   - An event at the gateway that does not fit, or is for a device that was not described, is answered with 400; other tokens than those
//     of [Account.Grant] are unknown.
//
// # Concurrency
//
// All types are safe for concurrent use. The goroutines and who joins them:
//
//   - with sockets, two HTTP servers with a goroutine each, and one for every connection: joined by [Cloud.Close];
//   - one for each event that answers a request, one for the story of a call to a device, one for each call that waits to be
//     hung up by the device, one that closes the media of a call when it ends, one for each event that is handled in memory:
//     joined by [Cloud.Close];
//   - for a call with media, a player, readers of RTP and RTCP, and those of pion/webrtc: joined when the call's media closes,
//     at the end of the call, and so by [Cloud.Close];
//   - of a Home: an HTTP server, one for each directive on its way and each that is delivered again, one that waits for the end of each
//     session, one that waits for the far side's end, and those of its media, with one that asks for lost video: joined by [Home.Close].
//
// [Cloud.Close] ends all calls without telling the skill, and returns when these have ended. A skill handler that is called in
// memory must return when the context of its request ends, else Close waits for it. CloudOptions.OnMessage is called
// from whichever goroutine carries the message, in order for the messages of one call.
//
// # Limitations
//
// Video of a call is signalled only: an Echo with EchoOptions.Camera negotiates H.264 and sends none, and cannot have media at all. Every other Echo
// rejects all sections of an offer but one of audio. There is no Opus encoder in Go that this package could use: when the
// answer names Opus first, the Echo sends valid Opus packets of silence whatever EchoOptions.Play says, and keeps received Opus
// packets undecoded in [Recording].Opus; of G.722 it sends silence and counts what comes. Offer or answer with PCMU or PCMA to hear tones. An
// Echo's media is on IPv4 loopback only. With [OfferCaptured] the Echo's ICE credentials have the shortest legal length and stay the same through an ICE restart.
// Of the ASP REST interfaces those that make devices callable are simulated by [Provisioning], apart from a Cloud: what is associated there
// is not called here.
//
// A [Show] sends no video of its own, takes H.264 in packetization modes 0 and 1 without redundant streams, and shows frames only after an
// IDR picture: a stream that refreshes itself by parts is never shown. It does not decode. Its candidates are on IPv4 loopback; with
// ShowOptions.NoMedia they lead nowhere. Its loss of packets is behind SRTP, so that its SRTP must take a packet twice: a skill that
// repeats packets without need is not noticed by it. Of the event gateway, regions are not told apart, and DeleteReport and ChangeReport
// are unknown.
package alexatest
