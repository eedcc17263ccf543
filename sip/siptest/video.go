package siptest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// VideoOptions says how a phone shows pictures. The zero value is a camera of 15 pictures a second that only sends, speaks RTP/AVP and
// sends key frames at the start and when SIP INFO asks for one (RFC 5168).
type VideoOptions struct {
	Source VideoSource // what is sent in every call; the zero VideoSource is Pictures(128, 96)
	Rate   int         // pictures a second, 1 to 60; 0: 15

	Profile   string        // profile-level-id (RFC 6184 section 8.1) of descriptions; "" is that of the source's own parameter set
	SingleNAL bool          // packetization-mode 0, which carries every NAL unit in a packet of its own; else mode 1, with fragments (FU-A)
	Aggregate bool          // parameter sets go before their picture in one packet (STAP-A), which mode 0 has not
	Sets      ParameterSets // where the parameter sets are

	// AVPF makes the phone's offers RTP/AVPF (RFC 4585) in place of RTP/AVP. Answers have the profile of their offer.
	AVPF bool
	// Feedback are the a=rtcp-fb values that the phone understands: "nack pli" and "ccm fir", which ask for a key frame, and "nack", for
	// lost packets, of which it keeps the last 512. What has not been agreed is counted and not done.
	Feedback []string
	// Receive has the phone take pictures too (sendrecv). It counts them; it has no decoder.
	Receive bool

	NoKeyFrames bool    // the phone's pictures begin in the middle of a stream, and no key frame ever comes
	Loss        float64 // share, 0 to 1, of the packets of pictures that are lost on their way out, those sent again included
}

// ParameterSets says where the sequence and picture parameter sets of H.264 are told.
type ParameterSets uint8

// The places of parameter sets.
const (
	SetsInBand  ParameterSets = iota // before every key frame
	SetsInBoth                       // there, and as sprop-parameter-sets in the description
	SetsOutside                      // in the description alone
)

// VideoCounts are what a call has shown and seen up to one moment.
type VideoCounts struct {
	Frames    int // pictures sent
	KeyFrames int // of them
	Packets   int // sent, those that were lost on purpose included, those sent again left out
	Lost      int // on purpose

	PLI, FIR, INFO int // requests for a key frame that were taken, by their form; a FIR that is repeated counts once
	Nacked         int // packets that were asked for again
	Resent         int // packets that were sent again
	Unagreed       int // requests in a form that was not agreed

	SeenPackets   int // valid packets of pictures that have arrived
	SeenFrames    int // pictures of which at least one packet has arrived
	SeenKeyFrames int // of them
	SeenLost      int // packets that never came, by sequence number
}

const (
	defaultFrameRate = 15
	maxFrameRate     = 60
)

// The a=rtcp-fb values that the phone knows.
const (
	feedbackNACK = "nack"
	feedbackPLI  = "nack pli"
	feedbackFIR  = "ccm fir"
)

// camera are VideoOptions that have been checked and completed.
type camera struct {
	VideoOptions
	film    film
	profile string // profile-level-id of descriptions
}

// prepare checks o and fills in what it leaves open; nil stays nil.
func (o *VideoOptions) prepare() (*camera, error) {
	if o == nil {
		return nil, nil
	}
	c := &camera{VideoOptions: *o}
	if c.Rate == 0 {
		c.Rate = defaultFrameRate
	}
	if c.Rate < 0 || c.Rate > maxFrameRate {
		return nil, fmt.Errorf("siptest: %d pictures a second cannot be sent", c.Rate)
	}
	if !(c.Loss >= 0 && c.Loss <= 1) {
		return nil, fmt.Errorf("siptest: a share of %g cannot be lost", c.Loss)
	}
	if c.SingleNAL && c.Aggregate {
		return nil, errors.New("siptest: packetization mode 0 has no STAP-A")
	}
	for _, f := range c.Feedback {
		if !slices.Contains([]string{feedbackNACK, feedbackPLI, feedbackFIR}, f) {
			return nil, fmt.Errorf("siptest: feedback %q is not known", f)
		}
	}
	source := c.Source
	if source.load == nil {
		source = Pictures(defaultWidth, defaultHeight)
	}
	largest := 0
	if c.SingleNAL {
		largest = maxPayload
	}
	var err error
	if c.film, err = source.load(largest); err != nil {
		return nil, err
	}
	c.profile = c.Profile
	if c.profile == "" {
		c.profile = hex.EncodeToString(c.film.sequence[1:4])
	}
	if b, err := hex.DecodeString(c.profile); err != nil || len(b) != 3 {
		return nil, fmt.Errorf("siptest: profile-level-id %q is not three bytes in hexadecimal", c.Profile)
	}
	c.profile = strings.ToLower(c.profile)
	return c, nil
}

// Video returns what of pictures has been sent and seen up to now. Without video it is zero.
func (c *Call) Video() VideoCounts {
	if c.video == nil {
		return VideoCounts{}
	}
	return c.video.report()
}
