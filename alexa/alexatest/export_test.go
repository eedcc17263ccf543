package alexatest

import (
	"errors"
	"io"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
)

// What the tests of this package look at directly.
var (
	EncodeULaw    = encodeULaw
	DecodeULaw    = decodeULaw
	EncodeALaw    = encodeALaw
	DecodeALaw    = decodeALaw
	ToneShare     = toneShare
	LoudestSecond = loudestSecond
	ParseWAV      = parseWAV
	FormatWAV     = formatWAV
	OpusSilence   = []byte(opusSilence)
	OpusDuration  = opusDuration
)

// ParseRequest returns what the schema check finds wrong with a request.
func ParseRequest(body []byte) error {
	_, faults := parseMessage(body)
	if len(faults) == 0 {
		return nil
	}
	return errors.New(faults[0])
}

// ReadSDP returns what the check of a description finds wrong, and for a usable one what pion would be given and what the Echo would
// answer with the text own.
func ReadSDP(text string, offer bool, own string) (forPion, answer string, err error) {
	r, err := readSDP(text, offer)
	if err != nil {
		return "", "", err
	}
	if forPion, err = r.forPion(); err != nil {
		return "", "", err
	}
	answer, err = place(own, r.layout, sendRecv.against(r.dir), sendRecv.against(r.videoDir))
	return forPion, answer, err
}

// CapturedStyle rewrites an offer.
func CapturedStyle(text string) (string, error) { return capturedStyle(text, false) }

// SourceFrame returns n samples of a source from position pos on.
func SourceFrame(s Source, pos, n int) ([]int16, error) {
	t, err := s.open()
	if err != nil {
		return nil, err
	}
	out := make([]int16, n)
	t.frame(out, pos)
	return out, nil
}

// ReadEvent returns what the schema check finds wrong with an event of a smart-home skill, and what its devices are.
func ReadEvent(body []byte) (faults, extra []string, devices []Device) {
	e, faults, extra := readEvent(body)
	return faults, extra, readDevices(e.payload)
}

// CheckShowAnswer returns what is wrong with an answer to an offer, and for a usable one what pion would be given.
func CheckShowAnswer(offer, answer string) (faults []string, forPion string, err error) {
	a, faults, err := checkShowAnswer(offer, answer)
	if err != nil {
		return faults, "", err
	}
	forPion, err = a.forPion(ShowCaptured)
	return faults, forPion, err
}

// Viewer is a Show's receiver of video in format 99.
type Viewer struct{ w *viewer }

// NewViewer returns a receiver that sends its requests by send.
func NewViewer(o *ShowOptions, send func(...rtcp.Packet)) Viewer {
	w := newViewer(o, 7, send)
	w.learn([]uint8{99}, 0)
	return Viewer{w}
}

// Take takes a packet.
func (v Viewer) Take(raw []byte) { v.w.take(raw) }

// Watch asks for what is missing until done is closed.
func (v Viewer) Watch(done <-chan struct{}) {
	up := make(chan struct{})
	close(up)
	v.w.watch(up, done)
}

// Video returns what was seen.
func (v Viewer) Video() Video { return v.w.video() }

// NewTap returns the queue between SRTP and pion, whose packets hear is told of.
func NewTap(hear func([]byte)) io.ReadWriteCloser {
	return &tap{Buffer: packetio.NewBuffer(), hear: hear}
}
