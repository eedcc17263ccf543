// Package media connects the media of two parties: it describes, negotiates and relays audio and video without knowing any
// signalling protocol and without opening a socket.
//
// # Usage
//
// A [Plan] says what a party can do, wants, or has agreed to; it is SDP without addresses. A [Description] is an SDP. A [Negotiation]
// turns plans into descriptions and back, by offer and answer; it is pure, and package engine puts sockets around it as a [Terminal].
// The signalling packages see terminals; everything else sees their lower half, an [Endpoint] with a [Stream] for each kind of media,
// and joins two of them with [NewRelay]. [Pipe] makes two connected endpoints in memory, for tests and for applications that are a
// party themselves.
//
// # Concurrency
//
// Plans, codecs, descriptions and negotiations are values. Streams, readers and relays are safe for concurrent use; a stream has one
// writer at a time. A [Relay] between streams that an engine can link has no goroutine; else it has one for each direction and kind.
// After a change of codecs one more lays the ways anew. Close joins them all. Nothing else here starts a goroutine.
//
// # Limitations
//
// What a policy does not name is refused in its place: other codecs, other m-sections, and always error correction formats (red,
// ulpfec, flexfec). Header extensions of a session as a whole are passed over, and those that are offered one way. No profile offers SDES; set Security where signalling is protected.
// A description is at most [MaxDescription] bytes, with at most 16 m-lines, 64 formats and 64 candidates in each. Host names in c=
// lines are not resolved.
package media
