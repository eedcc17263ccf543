package alexatest

import "errors"

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
