// Package engine connects the media of calls to the network: it carries plain RTP, SRTP with keys in the descriptions (SDES), and
// DTLS-SRTP with ICE or without, sound and pictures, of all calls of a program through one UDP port.
//
// # Usage
//
//	e, err := engine.Listen("192.0.2.1:40000", nil) // "0.0.0.0:0": any address, a free port
//	...
//	defer e.Close()
//	phone, err := e.Open(media.Phone(), nil)
//	answer, err := phone.Answer(offer, nil) // of a SIP phone
//	echo, err := e.Open(media.AlexaCalling(), &media.OpenOptions{Failed: hangUp})
//	...
//	relay, err := media.NewRelay(phone, echo, nil) // both hear each other
//
// An [Engine] is a [media.Engine]. The protocol packages open a [media.Terminal] for each leg and carry its descriptions; everybody
// else sees the terminal's lower half, an endpoint. A relay between two terminals of one engine is a link: the reader of the socket
// decrypts, rewrites and encrypts a packet where it lies and sends it on, without an allocation and without another goroutine.
//
// Each leg's outgoing stream is one unbroken RTP sender, whatever sources feed it one after another: its sequence number and time never go
// back from one to the next, no number goes out twice, and a hold leaves no gap. A description's address is believed as it stands only
// where the leg is protected; plain RTP is sent to where the description says, or to another port of that address, or of the one that the
// far side's signalling comes from (media.Terminal.Signals), from which three packets of one source have come while nothing has come from
// the described one, until a call that was there too is described at that port. Later, a source that has been silent for half a second is
// believed at another port of the address, as from behind a NAT that has forgotten it, after three packets of its own there; another source
// only where the far side has described itself again meanwhile. A source that a call at the address has heard, with ICE or
// without, is not another call's there, unless it goes on where it was for a second. Nothing moves while it still sends where it was. A description that names
// the engine itself, or an address of a family that its socket cannot reach, is refused. A leg with SDES is followed to another port only
// for packets that its keys prove, one with DTLS without ICE for none before its keys are there. RTP and keys of a leg with ICE go to
// addresses that have shown its password and to no others; where the far side chooses the path, they have also answered a check of ours.
//
// Pictures are passed on as they are. They share the way of the sound where the far side bundles them (RFC 9143) or describes one
// transport for both, and on legs without ICE and DTLS they may have an address of their own. A request for a key frame (PLI, FIR) that
// comes from the one side is passed to the other in the form that was agreed there, else to OpenOptions.KeyFrame, five a second at most; a link asks for one at its
// beginning, and for what is lost for good two a second at most are asked for.
//
// What is lost of pictures is repaired on each leg for itself, where its far side agrees. A number that has not come after 15 ms is asked
// for (NACK), again after each round trip, eight times or for a second at the most; what comes, in its stream or beside it (RTX, RFC 4588),
// goes on under its own number. The last 256 packets that went out are kept to be sent again, in 400 KiB that are held while pictures
// flow, each once in a round trip, and half of what is sent at the most. Who numbers the packets of a transport is told when they came
// (transport-wide feedback), ten times a second. Who takes a limit (REMB) is told one once a second: what those take to whom the pictures
// go, as they have said themselves or a [media.Ceiling] says, and what the path carries by its loss alone. Before a loss of a tenth that
// is no limit; then it is what came less half of the loss, and grows by 8 % a second.
//
// A number of ours that the far side uses for a source of its own is given up, once, with a goodbye (RFC 3550 section 8.2); what comes back
// under the next one too is an echo, and heard. A packet that comes twice is taken once, and eight of them in a row that come twice are a
// source that plays them again.
//
// A leg with SDES sends and takes nothing without its keys, and one that had them refuses descriptions without. A new key of the far side's
// holds from its description on; what is on its way under the one before is taken until something has come under the new one. Our own
// key stays for the life of the leg, one for each suite and kind.
//
// Stats names the cause of a silent stream in each direction. A leg that has been accepted (media.Terminal.Answered) and whose far side is
// not heard for too long fails: see Options.FirstMedia.
//
// # Concurrency
//
// Engine and terminals are safe for concurrent use; a stream has one writer at a time. The functions of [media.OpenOptions] and of a
// link are called by the engine's own goroutines, some of them with its locks held: they must not block, and must not call a method
// of an engine, a terminal or a stream. After the terminal's Close has returned Failed is not called any more.
//
// An engine has one goroutine that sends RTCP reports, and for each shard two: the reader of its RTP port and that of its RTCP port. Its
// Close joins them, after it has closed every terminal. A terminal of plain RTP or SDES has none, or two readers if it has ports of its own,
// which its Close joins. One with ICE has those of its agent: four of pion/ice once it is connected, more while it looks for a path, and a
// timer for the time that it may take; Close tells all of them to end and joins those that the agent lets it join. During the handshake one
// goroutine of ours runs it, which Close joins, with three of pion/dtls beneath, which it ends: the connection is parked then, and what may
// still be needed of it is a few hundred bytes.
//
// A leg of plain sound that is idle holds less than 2 KiB, with its part of the engine's tables and with every codec of [media.Phone], whether
// we have answered or offered: 24 bytes for each further codec. Until the call has been accepted it is 0.2 KiB more where we have offered,
// for another fork may answer yet. One with ICE and DTLS holds less than 64 KiB, stacks included.
//
// Each server in Options.STUN has a goroutine for each shard, and each in Options.TURN one, with another that reads and, over TCP and TLS, a
// third that writes. Close of the engine gives the relays back, which a server that does not answer can hold up for a second. An agent
// has one more goroutine for each relay.
//
// A TCP connection has two, a reader and a writer, which end with its call; the listener of Options.TCP has one, and each connection that has
// not shown its call yet one more, for five seconds at most. A name of mDNS has one while it is looked up, and the socket for that, once
// there has been a name, a few of pion/mdns. Close of the call or of the engine joins all of these.
//
// # Limits
//
// An engine has one pair of ports, or as many as Options.Shards says, for at most 10,000 terminals unless Options say otherwise. A call
// stays on the shard that its first description names. Past a limit of the Options Open fails with [ErrFull]; Options.MaxPacketRate is
// compared with what has arrived in the last second, so calls opened within one second are not weighed against each other. Stats tell
// what the system had no room for only on Linux for amd64 and arm64.
//
// Calls are told apart by the far side's address. Where a far side puts several on one address and port, as another engine of this kind
// does, all but the first get a pair of Options.Ports of their own when we answer, and are refused with ErrFull when there is none left. So
// two engines carry calls of any kind between them if both have Options.Ports, but for their first two where each side places one at the
// same moment: these fail. Where we offer, or have no such ports, calls on one address are told apart by the sources (SSRC) that
// their descriptions name and, where their keys stand in the descriptions, by these: the first packet of a source goes into the proof. What
// is of no such source is nobody's. A plain description that names no source is refused then, one for DTLS without ICE is too, and with ICE
// the second handshake is not heard: Policy.OwnPorts is for calls to such far sides. A call with ICE or
// DTLS does not change its ports later, and what is on its way to those that another call leaves is lost. Legs with ports of their own have
// no server-reflexive candidates. An address that its call has left is free for others. A call owns 32 addresses at most and forgets the
// oldest of those that it does not send to.
//
// UDP candidates are the engine's address, where that differs Options.PublicIP, what the servers in Options.STUN see of the shared port, and
// a relay on each server in Options.TURN, which is reached over UDP, TCP or TLS. A description takes what is known at that moment: one
// that stands does not change when a mapping or a relay does, and a leg whose relay is lost needs a restart. Checks over relays begin
// 0.3 s after the others, and a relay of the far side's is not chosen for two seconds. On one relay a far side's address belongs to one call
// at a time. A relay has at most 8,192 permissions and 4,096 channels; those that have not been used for four minutes are given up.
//
// TCP candidates (RFC 6544) are active ones, which a lite agent has not, and passive ones where Options.TCP says so; none are simultaneous-open
// or relayed ones. Connections to the far side's, four at most, are made where UDP has found no path within a second. A call has eight
// connections at most. One that is lost is not made again: consent is lost then, or the far side comes by another. What waits for a far
// side that does not read is lost beyond 32 KiB. A connection that comes in has five seconds to show a valid check; 16 may wait for that
// from one address, and 256 in all.
//
// A name of mDNS in the far side's candidates is looked up for five seconds, four of one description and 32 of all calls at a time, and
// passed over where nobody answers; names of more than one label, and those of TCP candidates, are not looked up. Our own candidates show
// addresses. Candidates of a second component are passed over. A lite agent (Policy.Lite) refuses descriptions of another one.
//
// A far side may show its password from 64 addresses or connections, and from another one every ten seconds; checks from more are passed over.
//
// A path has to be found within 15 s and keys within 10 s after it; consent is lost after 30 s without an authenticated check or response
// or, of a lite agent, media. A far side with ICE that has moved is followed once its old address has been silent for 2.5 s. An answer that
// replaces that of another fork does so on a plain leg; with ICE it needs an offer that restarts it.
//
// The handshake of DTLS without ICE is with the address in the description alone, so not through a NAT in front of the far side; RTCP is
// sent and taken only where it shares RTP's port. A leg with ICE or DTLS has one transport: pictures that the far side wants on another
// are refused. Our descriptions name one port for sound and pictures, bundled or not. Keys are those of DTLS 1.2, with
// SRTP_AEAD_AES_128_GCM or SRTP_AES128_CM_HMAC_SHA1_80; the window for repeated packets is 512. The far side's close_notify is not acted
// upon, since signalling ends a call.
//
// A datagram is shorter than 2,048 bytes; longer ones count as strays. On Linux a datagram of IPv4 is marked as not to be cut, and one that
// is too long for its path goes out in fragments, without that mark. RTP header extensions end at each leg but the level of sound and the
// turn of pictures, which pass where both legs have agreed on them; contributing sources and padding end there. A source that jumps by
// 3,000 packets ahead or 100 back, of pictures 511, is taken for a new one at the second packet there
// (RFC 3550 appendix A.1). Of RTCP, SR, RR, SDES, BYE, NACK, PLI, FIR, REMB and transport-wide feedback are sent, and all but SDES, BYE and
// the last one are read: our own packets bear no numbers of their transport, so a far side limits us by REMB alone. Nothing is held back for
// a ceiling: who sends is told of it. Sound is not repaired.
//
// On Linux for amd64 and arm64 one system call carries up to 64 datagrams. Elsewhere, and with the build tag alexacall_portable, one
// carries one.
//
// # Compatibility
//
// Devices differ from the RFCs in what they send, and the engine takes: RTP from another port than described (see above); telephone events
// on another clock than the sound beside them, which are placed at the moment they come; a nomination of a pair below the priority of
// the one in use (USE-CANDIDATE), which is followed; RTCP that is multiplexed by a leg with ICE, whether it was agreed or not; parameter
// sets of H.264 in the description alone, which go before each key picture on the way to another leg that streams are linked to, 25 times a
// second at most in the long run.
package engine
