// Package siptest connects tests and examples to a SIP phone that does what it is told: it rings, answers, refuses, plays a tone,
// records what it hears, shows pictures and hangs up.
//
// It stands on github.com/emiago/sipgo's transport and transaction layers and on RTP of its own, and shares no code with the rest of
// this module: it is an independent witness of what is tested with it.
//
// # Usage
//
// A phone that rings for half a second, answers, and plays 440 Hz:
//
//	desk, err := siptest.NewPhone(&siptest.PhoneOptions{
//		Play:        siptest.Tone(440),
//		RingAfter:   100 * time.Millisecond,
//		AnswerAfter: 600 * time.Millisecond,
//	})
//	if err != nil { ... }
//	defer desk.Close()
//	// ... something calls desk.URI() ...
//	call, err := desk.NextCall(ctx)
//	err = call.WaitState(ctx, siptest.Up)
//	// ... some time later ...
//	share := call.Heard().ToneShare(880, time.Second) // 1 when the other side plays 880 Hz
//	err = call.Hangup(ctx)
//
// [Phone.Call] places calls. [PhoneOptions] says how a phone behaves; [Call] tells how a call went: its [State], the
// responses, the session descriptions, the sound and the digits.
//
// With [PhoneOptions.Video] the phone is one at a door: it shows H.264 in its calls, its own or that of a file, and [Call.Video] counts the
// pictures, the key frames, and who asked for them in which form.
//
// Under testing/synctest give the phone an in-memory [PhoneOptions.PacketConn] and set [PhoneOptions.NoMedia]: signalling
// then runs in fake time. Make and close the phone inside the bubble.
//
// A [PBX] is a registrar and a proxy that asks for passwords, for a trunk that registers itself. Its extensions are phones.
//
// # What the phone does of SIP
//
// Called: 100 at once, 180 or 183, 200 repeated until its ACK has come, 487 after CANCEL, 407 when it is to ask for credentials, 488 for
// an offer without PCMU or PCMA that it speaks, 420 for any Require, 481 and 405; with video INFO too, 415 when it asks for no key frame.
// Calling: ACK to every 2xx and to its repetitions, ACK and BYE to the second branch of a fork, CANCEL once a provisional response has
// come, digest credentials (RFC 7616) once for each of 401 and 407, offers in the ACK. In a call: offers of either side with 491 on glare,
// BYE, OPTIONS; loose and strict routes.
// Requests go where their Contact or first Record-Route says, over TCP when that says transport=tcp, and over UDP else.
//
// RTP is PCMU or PCMA, 20 ms a packet at an even pace, from the port where it is received, to the address of the session description and
// nowhere else; sender reports go out every two seconds. An on-hold address of 0.0.0.0 is understood.
//
// Pictures have a pair of ports of their own, and are H.264 (RFC 6184) in single NAL units, fragments (FU-A) and, for parameter sets, STAP-A,
// with at most 1200 bytes of payload. A key frame is sent at the start, after each pause, and on request: PLI, FIR (RFC 5104) and generic
// NACK (RFC 4585) where they are agreed, SIP INFO (RFC 5168) always. An answer takes the first H.264 of the phone's own packetization mode
// and profile, and has no pictures otherwise: the call goes on with sound alone.
//
// # Concurrency
//
// All methods of [Phone] and [Call] are safe for concurrent use. OnMessage is called by one goroutine at a time. These goroutines
// run, and [Phone.Close] ends and joins them unless said otherwise:
//   - a phone: one that reads UDP; two that accept TCP connections;
//   - a PBX: one that reads UDP, joined by its Close;
//   - a call: two that read RTP and RTCP and one that sends, of sound and of pictures each, joined when the call ends; one that follows a call placed, one while an offer
//     of the phone's own or a CANCEL is under way;
//   - sipgo: one for each TCP connection and each message that has arrived. The phone's handling of a request runs in the latter and is
//     joined. What sipgo itself does in these goroutines ends on its own just after the sockets are closed: sipgo offers no way to
//     wait for it.
//
// # Limitations
//
// No TLS, no registration, no PRACK, UPDATE or REFER, no session timers, one audio stream and one of pictures, no jitter buffer, plain RTP only.
// Pictures that arrive are counted and not decoded. Messages over UDP may have up to 1300 bytes. A call keeps its last five minutes of sound. sipgo's SIP timers are its package variables: the phone
// uses the standard values for what is its own and leaves sipgo's alone.
//
// A phone writes neither message text nor numbers to its log; [Entry] has no more than method, status and Call-ID.
package siptest
