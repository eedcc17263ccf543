package media

import "slices"

// Security says how a leg's media is protected.
type Security uint8

// The kinds of protection.
const (
	Plain        Security = iota // RTP/AVP, not protected
	DTLS                         // DTLS-SRTP (RFC 5764)
	SDES                         // SRTP with keys in the description (RFC 4568)
	SDESOptional                 // SDES where the far side has it, else Plain (RFC 8643); a leg that is protected once stays so
)

// A Policy says what may be agreed on a leg, and how. Take one of the profiles below and change what you need; a Policy is not
// changed once a leg has been opened with it.
type Policy struct {
	Name     string // for people: "alexa", "phone"
	Security Security
	ICE      bool    // connectivity checks (RFC 8445), full agent, all candidates in the description
	Lite     bool    // ICE lite (RFC 8445 section 2.5): only answers checks; for an engine that every far side reaches, which must check
	IPv4Only bool    // no IPv6 candidates, and none taken
	Bundle   bool    // offer one transport for all m-sections (RFC 9143)
	Mux      bool    // offer RTP and RTCP on one port; an offer of it is always taken
	OwnPorts bool    // a pair of UDP ports of the leg's own, out of the engine's range, for far sides that tell calls apart by our port
	Audio    []Codec // what may be agreed, telephone events among it, preferred first
	Video    []Codec // likewise; empty: no video

	Suites   []Suite  // of SDES, preferred first; nil: all, AES-GCM first
	Feedback Feedback // offered and taken for video
	RTX      bool     // offer and take retransmissions of video in a stream of their own (RFC 4588), where NACK is taken too
	Pass     []string // encodings that are agreed only where the wanted plan has them: passed on, never made here
	Single   bool     // answers settle on one format of a kind, telephone events beside it: for far sides that take what they are answered at its word

	// AnyH264 takes H.264 as others have it, which is passed on and not made here. Without a profile it stands for every one up to High, at
	// level 4.1, and without a packetization mode too for any (an Echo's); an offer's may be of any profile that the wanted plan has; and
	// what an answer says of it counts, where it names one of our payload types (many a door phone's).
	AnyH264 bool

	// Extensions are the header extensions that are offered and taken (RFC 8285). AudioLevel and Orientation pass from leg to leg, where both
	// have them; take Orientation only where all have it that see the pictures, for who agrees on it leaves the turning to them.
	Extensions []Extension

	// RelayOnly says that with ICE only relays are told and used, so that the far side learns no address but those of TURN servers. While
	// there is no relay, descriptions fail.
	RelayOnly bool
}

// pictures are the video codecs of the profiles, which are passed on and never made here: H.264 as every device has it, and VP8.
func pictures() []Codec { return []Codec{H264("42e01f", 1), H264("42e01f", 0), VP8()} }

// AlexaCalling is the profile of Alexa.Comms.CallSignaling: ICE over IPv4 and DTLS-SRTP, whole descriptions without trickle,
// Opus, G.722 and G.711, H.264 and VP8, which are those that "Get Started with the Calling API" names.
func AlexaCalling() *Policy {
	return &Policy{
		Name: "alexa", Security: DTLS, ICE: true, IPv4Only: true, Bundle: true, Mux: true, AnyH264: true,
		Audio: []Codec{Opus(), G722(), PCMU(), PCMA(), TelephoneEvent(8000), TelephoneEvent(48000)},
		Video: pictures(), Feedback: allFeedback, RTX: true, Extensions: []Extension{TransportSeq},
	}
}

// AlexaDoor is the profile of Alexa.RTCSessionController, an Echo's talk with the door, and allows what its documentation names: ICE by
// UDP and TCP over IPv4 alone and DTLS-SRTP, whole descriptions without trickle, all on one transport; Opus, G.711, and AAC where the
// other leg has it; H.264 of every profile up to High, at level 4.1. Each answer names one codec of a kind, and exactly that is sent.
func AlexaDoor() *Policy {
	return &Policy{
		Name: "door", Security: DTLS, ICE: true, IPv4Only: true, Bundle: true, Mux: true, Single: true, AnyH264: true,
		Audio: []Codec{Opus(), PCMU(), PCMA()}, Pass: []string{nameAAC, nameLATM},
		Video: anyH264(1, 0), Feedback: NACK | PLI | FIR | REMB,
	}
}

// Browser is the profile of WebRTC (RFC 8829, RFC 7874): ICE and DTLS-SRTP with everything on one transport, whole descriptions without
// trickle, Opus, G.722 and G.711, H.264 and VP8.
func Browser() *Policy {
	return &Policy{
		Name: "browser", Security: DTLS, ICE: true, Bundle: true, Mux: true,
		Audio: []Codec{Opus(), G722(), PCMU(), PCMA(), TelephoneEvent(48000), TelephoneEvent(8000)},
		Video: pictures(), Feedback: allFeedback, RTX: true, Extensions: []Extension{TransportSeq, AudioLevel},
	}
}

// Phone is the profile of SIP phones and PBXs: plain RTP with a port for RTCP beside it, Opus, G.722 and G.711. Where signalling is
// protected by TLS, Security may be SDES or SDESOptional; elsewhere the keys would stand in the clear. With DTLS, RTCP needs Mux.
func Phone() *Policy {
	return &Policy{
		Name:  "phone",
		Audio: []Codec{Opus(), G722(), PCMU(), PCMA(), TelephoneEvent(8000), TelephoneEvent(48000)},
	}
}

// VideoPhone is Phone for video phones and intercoms: with H.264 and VP8.
func VideoPhone() *Policy {
	p := Phone()
	p.Name, p.Video, p.AnyH264, p.Feedback = "videophone", pictures(), true, PLI|FIR
	return p
}

// Trunk is the profile of SIP trunks: plain RTP with a port for RTCP beside it, and G.711, which every carrier has, before G.722.
func Trunk() *Policy {
	return &Policy{
		Name:  "trunk",
		Audio: []Codec{PCMA(), PCMU(), G722(), TelephoneEvent(8000)},
	}
}

// Plan returns all that p allows without another party's word: not what it only passes on.
func (p *Policy) Plan() Plan {
	var all Plan
	for _, k := range [...]Kind{Audio, Video} {
		if codecs := p.codecs(k); len(codecs) > 0 {
			all = append(all, Media{Kind: k, Dir: SendRecv, Codecs: slices.Clone(codecs)})
		}
	}
	return all
}

// codecs returns what p allows of a kind.
func (p *Policy) codecs(k Kind) []Codec {
	switch k {
	case Audio:
		return p.Audio
	case Video:
		return p.Video
	default:
		return nil
	}
}

func findCodec(list []Codec, c Codec) (Codec, bool) {
	for _, have := range list {
		if have.Matches(c) {
			return have, true
		}
	}
	return Codec{}, false
}

// A Local is our side of a leg's transport, as the engine tells it to the negotiator.
type Local struct {
	ID          uint64   // session id of the o-line, the same for the life of the leg
	Addr        string   // address for the c-line
	Port        uint16   // of RTP
	RTCPPort    uint16   // of RTCP where it is not multiplexed
	Ufrag, Pwd  string   // of ICE
	Candidates  []string // values of a=candidate
	Fingerprint string   // of our certificate
	SSRC        uint32   // of the audio that we send
	VideoSSRC   uint32   // of the video that we send
	RepairSSRC  uint32   // of what we send again of it (RFC 4588); 0: not named
	CNAME       string
	Keys        []Key // of SDES for the audio that we send, one for each suite that the policy allows; see Policy.Keys
	VideoKeys   []Key // likewise for video
}
