package wire

import "strconv"

// An Error says what is wrong with a document. It never repeats a value.
type Error struct {
	Path string // such as "phrases[2].awsTTSParameters.Text"; "": the whole
	Text string // what is wrong there
}

// Error returns place and fault in one line.
func (e *Error) Error() string {
	s := "wire: "
	if e.Path != "" {
		s += e.Path + ": "
	}
	return s + e.Text
}

// A SIPError is the SIP status that the called party was lost with, as far as a callback says it: Err of what ParseCallEvent and ParseNotice
// return.
type SIPError struct{ Status int }

// Error returns the status in words.
func (e *SIPError) Error() string { return "wire: SIP status " + strconv.Itoa(e.Status) }

// SIPStatus returns Status. An error with this method is what is told of as sipCode.
func (e *SIPError) SIPStatus() int { return e.Status }
