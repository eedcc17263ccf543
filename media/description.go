package media

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
)

// Limits of what ParseDescription takes. Real descriptions stay far below them; a larger one is an attack or a fault.
const (
	MaxDescription = 64 << 10 // bytes
	maxSections    = 16       // m-lines
	maxFormats     = 64       // payload types in an m-line
	maxAttributes  = 512      // attributes of the session or of one m-section
	maxCandidates  = 64       // candidates of one m-section
)

var (
	// ErrNoCommonCodec means that two parties have no codec in common.
	ErrNoCommonCodec = errors.New("media: no common codec")
	// ErrRefused means that a well-formed description cannot be agreed to: not secured as the policy asks, or without an address.
	ErrRefused = errors.New("media: description refused")
	// ErrPending means that an offer of ours waits for its answer, so that the far side's cannot be taken (glare).
	ErrPending = errors.New("media: own offer pending")
)

// A DescriptionError says where a description is malformed or beyond a limit.
type DescriptionError struct {
	Line   int // from 1; 0 for the whole
	Reason string
}

func (e *DescriptionError) Error() string {
	if e.Line == 0 {
		return "media: bad description: " + e.Reason
	}
	return "media: bad description, line " + strconv.Itoa(e.Line) + ": " + e.Reason
}

// A Description is an SDP session description (RFC 8866): an offer or an answer. It is an immutable value; the zero Description is
// none at all. It holds keys and addresses: a logger and package fmt show only its outline.
type Description struct{ d *sdpSession }

// ParseDescription parses an SDP. It takes what real devices send: LF line ends, lines in a wrong order, unknown lines, unknown
// media types. What is malformed beyond use is a *DescriptionError.
func ParseDescription(sdp []byte) (Description, error) {
	text := ""
	if len(sdp) <= MaxDescription {
		text = normaliseLines(string(sdp))
	}
	if max(len(sdp), len(text)) > MaxDescription {
		return Description{}, errTooLong()
	}
	d, err := parseSDP(text)
	if err != nil {
		return Description{}, err
	}
	return Description{d}, nil
}

func errTooLong() error {
	return &DescriptionError{Reason: "longer than " + strconv.Itoa(MaxDescription) + " bytes"}
}

// AppendText appends the SDP, with CRLF line ends. It implements encoding.TextAppender.
func (d Description) AppendText(b []byte) ([]byte, error) {
	if d.d == nil {
		return b, nil
	}
	return append(b, d.d.text...), nil
}

// IsZero reports whether d is no description at all.
func (d Description) IsZero() bool { return d.d == nil }

// LogValue shows what String does.
func (d Description) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String returns the m-lines of d and nothing secret.
func (d Description) String() string {
	var lines []string
	if d.d != nil {
		for i := range d.d.sections {
			m := &d.d.sections[i]
			lines = append(lines, m.media+" "+m.proto+" "+strings.Join(m.formats, " "))
		}
	}
	return strings.Join(lines, "; ")
}

// Plan returns what d says of its sender: of each kind the first m-section that is in use, with all its codecs.
func (d Description) Plan() Plan {
	p, s := Plan{}, d.d
	if s == nil {
		return nil
	}
	for i := range s.sections {
		m := &s.sections[i]
		kind, ok := kindOf(m.media)
		if !ok || s.turnedDown(m) {
			continue
		}
		if _, twice := p.Find(kind); twice {
			continue
		}
		formats := m.formatList()
		codecs := make([]Codec, len(formats))
		for i, f := range formats {
			codecs[i] = f.Codec
		}
		p = append(p, Media{Kind: kind, Dir: s.direction(m), Codecs: codecs})
	}
	return p
}

// normaliseLines gives every line a CRLF end and drops empty lines.
func normaliseLines(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 64)
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\r' || r == '\n' }) {
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	return b.String()
}
