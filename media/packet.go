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
	Signal  bool   // a Digit that came by signalling (Terminal.Inject), and not as RTP
	Codec   *Codec // as negotiated on the leg it came from; not to be changed
	Seq     uint16 // of the source
	Time    uint32 // RTP timestamp of the source, in units of the codec's clock; bit/s for Ceiling
	Extra   Extra  // what header extensions say of it
	Payload []byte // aliases the reader's buffer
}

// Extra is what the header extensions of a packet say that are for whoever hears or sees it. It passes where both legs have agreed on the
// extension.
type Extra struct {
	Loud   bool  // Level is there
	Turned bool  // Turn is there
	Level  uint8 // of the sound (RFC 6464 section 3): bit 7 is voice activity, the others are the level in -dBov, 0 to 127
	Turn   uint8 // how the picture is to be turned (3GPP TS 26.114 section 7.4.5): bit 3 camera, bit 2 flip, bits 1 and 0 quarters of a turn
}
