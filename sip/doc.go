// Package sip connects SIP phones, PBXs and trunks to the bridge: an [Agent] takes their calls and places calls to them, over UDP, TCP
// and TLS (RFC 3261).
//
// # Usage
//
//	e, err := engine.Listen("192.0.2.1:40000", nil)
//	...
//	agent, err := sip.Listen("192.0.2.1:5060", e, &sip.Options{
//		Bridge:      bridge.To(skill, "echo:lobby", nil),
//		Credentials: []sip.Credentials{{Realm: "pbx.example.com", Username: "gateway", Password: password}},
//	})
//	...
//	defer agent.Close()
//
// Calls that come in go to the Bridge; the agent itself is a bridge.Dialer. Each call is a [Leg]. A Bridge that places calls with the agent
// that hands it a call has that from [Leg.Agent].
//
// A call that comes in is answered 100 at once. Ring sends 180, or 183 with the answer where it is given a plan; Answer sends 200. Before the
// Bridge sees it, a call is refused whose description is malformed (400), has nothing in common with the policy (488), or for which there is
// no room (503); what a plan of the Bridge's then cannot agree to is 488 too. An offer within a call waits up to four seconds for the
// Bridge's Answer, and is then answered with what was wanted last. Update sends a re-INVITE, or UPDATE with Options.OfferByUpdate; where offers
// meet, both wait as RFC 3261 section 14.1 says, and one that is put off for up to ten seconds (500 with Retry-After) is made again. Hangup tells the far side its cause by status
// and by a Reason header (RFC 3326). A call whose INVITE has Expires is over with 487 if it is not accepted in that time: Cancelled.
//
// Provisional responses that carry a description are reliable where the far side takes that (RFC 3262, see Options.Reliable): they are
// repeated until PRACK comes, and the 200 waits for it. A caller that made no offer gets ours that way. Of a call that we place, each
// branch (To tag) that rings has offer and answer of its own; the media follow the branch that had the last, and then the one that accepts.
// Once both sides are sure of the first answer, Update changes it before acceptance by UPDATE (RFC 3311), if the far side allows that.
//
// Calls have a session timer (RFC 4028, see Options.SessionExpires) where both sides know it, or a proxy asks for one. Who refreshes is the
// caller, unless it says otherwise; we do so by UPDATE where the far side allows that, else by a re-INVITE that changes nothing. A call that
// is not refreshed in time, or whose far side does not answer ours, ends with BYE.
//
// # Causes
//
//	bridge        response  Q.850    from responses
//	Normal        480       16
//	Busy          486       17       486, 600 and 6xx that are not named here
//	NoAnswer      480       19       408, 480
//	Declined      480       21       603, 607, 608; sent as 603 with Options.Decline603
//	Cancelled     487       31       487
//	Elsewhere     486       26       CANCEL with Reason SIP;cause=200 or Q.850;cause=26
//	NotFound      404       1        404, 410, 484, 485, 604
//	Unreachable   480       20       3xx, 430, 482, 483, 502, 504, no response
//	Forbidden     403       57       401, 402, 403, 407, 428, 429, 433, 436, 437, 438, 470, 494
//	Overload      503       42       503
//	Media         488       88       406, 415, 488, 580, 606
//	Internal      500       41       all others
//
// Where several causes have one status, the Q.850 value of a Reason header in the response tells them apart. Of a BYE it tells a network's
// failure: 27, 38 and 102 are Unreachable, 41 Internal, 42 Overload, 88 Media, all else Normal.
//
// # Digits
//
// Digits go as telephone events where both sides agree to those. To a far side that does not, they go as INFO with application/dtmf-relay, one
// after the other. INFO with application/dtmf-relay or application/dtmf is taken, and is given to the leg's media as the telephone event
// that it stands for.
//
// # Key frames
//
// A far side that agrees to PLI or FIR is asked for a key frame so. One that does not is asked by INFO with application/media_control+xml
// (RFC 5168), once a second at the most, until it refuses that. Such an INFO is taken from the far side too.
//
// # Transfers
//
// A REFER within a call that is up (RFC 3515) becomes Info.Transfer, which bridge.Join carries out where JoinOptions.Dialer is set. Its
// sender is told by NOTIFY: 100 at once, the status of what came of it at the end, also after it has hung up; nothing if it asks for that
// (RFC 4488) and Options.AlwaysNotify is not set. Our BYE waits up to two seconds for the answer to the last one. Its Refer-To is a sip,
// sips or tel URI; of the header fields in it Replaces alone is taken, and goes along with Referred-By (RFC 3892) into the INVITE of the
// Agent that dials it: under keys of DialOptions.Attr that begin with "sip.". Where that names a call of the same Agent, no INVITE is
// sent: the other party of that call is joined with the one that is transferred. One wish of a call is taken at a time (491), and given up
// after three minutes. REFER outside calls is refused (403).
//
// An INVITE with Replaces (RFC 3891) becomes Info.Transfer of the leg that it names, and does not reach the Bridge. It must know both tags
// of a call that is up, or of one that we have placed and that rings; it is refused with 481, 486 or 603 as the RFC says, and with 480 if
// nobody takes it within ten seconds.
//
// [Leg.Refer] and [Leg.ReferTo] have a far side transferred, and return with its last NOTIFY, or the end of the call. What is told after that
// is accepted for three minutes (RFC 5057 section 5.1).
//
// # Identity
//
// [Agent.As] is the agent as a Dialer whose calls say more of who is calling than From, or have credentials of their own; [Leg.Identity] is
// what the far side said: P-Asserted-Identity and P-Preferred-Identity (RFC 3325), Privacy (RFC 3323), Diversion (RFC 5806) and
// User-to-User (RFC 7433). What names parties is believed only of Options.Trusted. A call whose Privacy asks for "id", "user" or "header"
// goes out From anonymous, and what names the caller goes to Options.Trusted alone.
//
// # Messages
//
// [Agent.Send] sends a MESSAGE (RFC 3428), Options.Message takes them, outside calls and within them: the transport of SCAIP and of other
// alarms. Each has its own transaction, so a repeated delivery is taken once. Bodies compressed with deflate or gzip come decompressed. What
// has been refused never reached the option: a type that is not in Options.MessageTypes or an unknown compression (415), more than 64 KiB
// decompressed (413), more than Options.MaxMessages at a time or an agent that drains (503). [Agent.Ping] asks with OPTIONS.
//
// # Registration
//
// [Agent.Register] keeps an address at a registrar, whose calls then come to the Bridge, with RegisterOptions.User in Info.To. It is
// refreshed ten minutes before it expires, or after half of its time where that is short, and up to a tenth of the wait earlier; a failure is
// followed by attempts as in RFC 5626 section 4.5. A connection that it uses is kept open, and is replaced within ten seconds when it ends; a
// refresh goes to it first, and then to the registrar's other addresses. Proxies may put themselves into the way of the calls that come
// (Path, RFC 3327); [Registration.Dial] takes the way that the registrar names for calls out (Service-Route, RFC 3608). [Registration.Close]
// ends it there within five seconds, [Agent.Close] all of them within two; Drain lets them stand. There may be 10,000.
//
// # Authentication
//
// Challenges (RFC 7616) to what we send are answered with Options.Credentials, and before them with those of CallOptions and
// RegisterOptions: MD5, SHA-256 and SHA-512-256 (RFC 8760), the strongest that is offered, with qop auth, else auth-int; of several realms
// in one response each that we have a password for. A realm gets two answers at most, the second only if the first one's nonce was stale.
// Later requests of the call carry credentials unasked, with the next nonce count, to the address that has asked before, and nobody else.
// Credentials with a Host are given only to the address that the call was placed to, or to that host by its name, even if the far side has
// moved the call. A call that came in is never given any.
//
// Options.Users makes the agent ask in turn: a request that begins anything (INVITE, MESSAGE, OPTIONS, ...; not ACK and CANCEL, nor what is
// within a call) gets 401 until it proves that it knows the secret of a user, in Options.Realm, with MD5 or SHA-256 and qop auth. Each number
// (nc) of a nonce is good once, a nonce without numbers (RFC 2069) once in all, and any for five minutes; what comes too late is told stale.
// Credentials must be for the user part of the Request-URI: its host is often changed on the way. A request that is turned away leaves
// nothing behind.
//
// # TLS
//
// Options.TLS serves TLS, beside UDP and TCP or alone, and is for calls that are placed to a sips URI or with transport=tls; a call by a sips
// URI stays on TLS. The far side that is called must show a certificate for the host that was dialled (RFC 5922), and ClientAuth of the
// configuration asks those who call for one. A [Certificate] is renewed while the agent runs. No call is placed over a TLS connection that
// has come in: nobody was asked there for the name that is called.
//
// # Connections
//
// A call stays on the connection that it came or went by while that lives, where the far side's addresses allow it. A connection that a
// standing call needs is sent a keep-alive after 96 to 120 seconds of silence (RFC 5626); a far side that has answered one has 10 seconds
// for each later one. A request of more than 1,300 bytes goes over TCP to a far side that does not ask for a transport and lets us connect
// (RFC 3261 section 18.1.1), else over UDP whole; responses go the way that their request came. A request without any response on a
// connection that breaks is sent again over a new one, CANCEL always.
//
// # Hosts
//
// A host without a port is found by its SRV records (RFC 3263), or else by its addresses; up to eight are tried, one after the other: the next
// where one cannot be connected to, answers 503 before it has said anything of the called party, or says nothing for 4 seconds. If it speaks
// up later it is told that the call went elsewhere. What has failed is tried last for a minute.
//
// # Concurrency
//
// An Agent and its legs are safe for concurrent use. What happens to one call, messages, the owner's wishes and timers, happens in order, in
// its inbox: a goroutine that is there only while something waits. A call to which nothing happens has none, and neither has a finished
// one; its timers are timers of the runtime. A registration is handled in the same way. The goroutines:
//   - one that reads UDP, one each that accepts TCP and TLS, one for each connection, and one for each that is being made
//     or, while a request goes on to the next address of its host, waited for;
//   - 64 that wait for inboxes, and one for each call and each registration with something in its inbox while these are busy;
//   - one for each call that came in, of bridge.Intake, while the Bridge handles it;
//   - one for each message that Options.Message takes.
//
// [Agent.Close] ends and joins them all.
//
// # Limits
//
// A message has at most 64 KiB, 128 header fields and 70 Via values; a line of it has at most 256 parameters. There may be
// Options.MaxCalls calls, 50,000 transactions and 10,000 more for the calls that stand, 8,192 calls with messages waiting, with 128 messages
// each, and 4,096 connections, 100 of them from one address. Of a transaction that is over what repetitions need is kept for 32 seconds,
// some 3 kB for both legs of a call, and of at most 400,000. A TLS handshake has 10 seconds, and a message over a connection 20 seconds to
// arrive; a connection that no call needs is closed after two minutes of silence.
//
// # Overload
//
// Messages are repeated by their senders after half a second. Where they, 200 a second at the least, wait for four fifths of that on average
// before they are handled, or for half of it and no less after 200 ms, INVITEs that begin calls are answered 503 with Retry-After, and
// nothing is kept of them but that: a repetition within 32 seconds is answered alike. It ends once they wait for a quarter. So nobody is turned
// away for a shorter pause of the machine's that is being made up for. Everything else is handled as ever: what stands is ended and changed in
// time, and MESSAGE is taken. The wait over UDP counts from when the system took a datagram (on Linux, amd64 and arm64; elsewhere from when it
// was read), so that it is known while it is still in the system's queue. Of that queue the system may give less than is asked for
// (Stats.ReadBuffer; on Linux net.core.rmem_max limits it): then bursts are lost.
//
// # Sources
//
// Options.Peers says who may begin anything; what comes from others is dropped before it is parsed, but for addresses that a request of ours
// has gone to within a day. A source that is not in Peers has a bucket of 64 offences, and one is forgiven each second: what is no SIP or
// breaks its rules counts as one, a request for a call that there is not as a quarter, and a sixteenth of that from sources with which there
// are calls. While the bucket is empty, its messages and connections are dropped. An address of IPv4 is a source, or 64 bits of IPv6; 8,192
// are remembered. Over UDP anybody can write in another's name: name your trunks in Peers, so that nobody has them barred.
//
// # Logs
//
// The logger is told of the beginning and the end of calls, of registrations that succeed, and of what could not be sent, at level Debug:
// with "leg" (the leg's id), "status", "cause", "remote", "transport", "replaces", "for" and "error". A call that failed for want of a way,
// a permission, room or media is told of at level Warn when its Bridge returns, and so is a registration that fails for the first time
// since it stood, with "registration" and "registrar". Numbers, descriptions and passwords are never logged, and nothing of a message but
// the reason phrase, in which what may be a number stands as "#".
//
// # Limitations
//
// No WebSocket, and nobody registers with the agent; neither is advertised. NAPTR records are not looked up. A 3xx is a refusal: it is not
// followed. Of a far side that refuses the offer in our re-INVITE, the call goes on as it was.
package sip
