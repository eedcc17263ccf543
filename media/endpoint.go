package media

import "net/netip"

// A Stream is one kind of media of one leg: what arrives from the far side is read, what is written goes to it.
// All methods are safe for concurrent use, except that a stream has one writer at a time.
type Stream interface {
	// Codec returns what is sent now; the zero Codec while nothing is negotiated.
	Codec() Codec
	// Reader opens a reader of what arrives. Every open reader gets every packet: relay, recorder and monitor stand side by side.
	Reader() *Reader
	// Write sends p, which may also be a digit or feedback; Seq grows within a source, and no number of it goes out twice. It does not
	// keep p. A packet that the direction or the gate does not let pass is dropped and counted. ErrNoCommonCodec means that the far side does
	// not take p's codec, or of a digit that it takes none at all, neither as an event nor by signalling; ErrClosed that the media has ended.
	Write(p *Packet) error
	// Gate sets what passes now, below signalling: mute, push to talk, listening in. A new stream's gate is SendRecv.
	Gate(d Direction)
	// Stats returns totals since the leg began.
	Stats() Stats
}

// An Endpoint is the media of one leg for its whole life. An announcement, a conference seat and each end of a Pipe are endpoints too.
type Endpoint interface {
	// Plan returns what the far side says of itself, cut to what is agreed; nil before there is an agreement.
	Plan() Plan
	// Stream returns the stream of a kind: never nil, and the same value for ever.
	Stream(k Kind) Stream
}

// A Terminal is an Endpoint with its signalling side, which only the protocol packages see. Its methods are safe for concurrent use.
type Terminal interface {
	Endpoint
	// Offer describes what we want. Nothing changes before Accept. A nil want is all that the policy allows.
	Offer(want Plan) (Description, error)
	// Accept takes the far side's answer to the last offer. A fork's later answer replaces an earlier one, but after Answered the first
	// answer to an offer is the last: another one, or the same again, is an ErrRefused and changes nothing.
	Accept(answer Description) error
	// Answer takes the far side's offer and returns the answer to it. An unchanged want answers a refresh or an ICE restart.
	// On an error nothing has changed.
	Answer(offer Description, want Plan) (Description, error)
	// Rollback drops an offer that failed.
	Rollback()
	// Far returns all that the far side last said it can do; nil before it said anything. See Negotiation.Far.
	Far() Plan
	// Stands reports whether want asks for nothing beyond what stands, so that there is nothing to offer. See Negotiation.Stands.
	Stands(want Plan) bool
	// Inject feeds p to the readers as if it had arrived: digits that came by signalling, or of Video a request for a key frame.
	Inject(k Kind, p *Packet)
	// Signals says where the far side's signalling comes from, before its description is taken: a phone behind a NAT may describe an address
	// that means nothing here, and what comes of it is believed from there too. It must not block; an invalid address says nothing.
	Signals(from netip.Addr)
	// Answered says that the call has been accepted: from now on the far side has to send, wherever both directions are agreed, and an
	// engine may call OpenOptions.Failed if it does not. Before, a call may ring for as long as it likes. The answer of the fork that has
	// accepted goes before; an offer that still waits for its answer then goes on waiting. It must not block; it is idempotent.
	Answered()
	// Close ends the media. Readers get io.EOF, and Write returns ErrClosed. It is idempotent.
	Close() error
}

// An Engine opens terminals. *engine.Engine is the one that moves packets.
type Engine interface {
	// Open opens a terminal. The error is an ErrFull where a limit is reached.
	Open(p *Policy, o *OpenOptions) (Terminal, error)
}

// OpenOptions are the options of Engine.Open; nil is valid.
type OpenOptions struct {
	// Digits takes the digits written to a leg that did not negotiate telephone-event, so that they can go by signalling. It must not
	// block. Nil drops them.
	Digits func(Packet)
	// KeyFrame is told when a key frame is wanted of a far side whose description takes no request for one (PLI, FIR), so that it can be asked
	// by signalling (RFC 5168). It must not block, and may be called several times a second. Nil: nobody asks.
	KeyFrame func()
	// Failed is told once if the media cannot go on: no connectivity, keys that do not match, or nothing heard of the far side for too long,
	// which is a *SilentError. It must not block.
	Failed func(error)
}

// A Linker is a Stream whose engine can forward what arrives straight to another stream, in its own reader and without a goroutine.
type Linker interface {
	// Link forwards to the stream `to` until unlink is called; ok is false if these two cannot be linked. changed is called when what
	// is negotiated on either side has changed; it must not block. After unlink has returned nothing is forwarded any more.
	Link(to Stream, changed func()) (unlink func(), ok bool)
}
