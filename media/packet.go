package media

// What says what a Packet carries.
type What uint8

// The contents of packets.
const (
	RTP      What = iota // a payload of the codec
	Digit                // an RFC 4733 event: the payload is its four octets
	KeyFrame             // the receiver asks for a key frame; no payload
	Ceiling              // the receiver asks for at most Time bit/s; no payload
)

// A Packet is one piece of a stream, without addresses, payload types or SSRC: those belong to the legs it comes from and goes to.
type Packet struct {
	What    What
	Start   bool   // first of a new source: the outgoing stream joins its own sequence and time to it here
	Marker  bool   // as in RTP
	Codec   *Codec // as negotiated on the leg it came from; not to be changed
	Seq     uint16 // of the source
	Time    uint32 // RTP timestamp of the source, in units of the codec's clock; bit/s for Ceiling
	Payload []byte // aliases the reader's buffer
}
