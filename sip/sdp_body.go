package sip

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/media"
)

const (
	typeSDP  = "application/sdp"
	maxParts = 16 // of a multipart body
)

var (
	errNoSDP  = errors.New("sip: no session description")
	errBadSDP = errors.New("sip: a body that cannot be read")
)

// readSDP returns the session description in a message; the zero Description if there is none. The error is a *refusal: 400 for what is
// malformed, 415 for a body that must be understood and is not.
func readSDP(msg sipmsg.Message) (media.Description, error) {
	text, err := sdpText(msg)
	if err != nil || text == nil {
		return media.Description{}, err
	}
	d, err := media.ParseDescription(text)
	if err != nil {
		return media.Description{}, refuseWith(400, "Bad Session Description", warning(399, "malformed session description"))
	}
	return d, nil
}

// sdpText finds the session description in the body of a message, also within multipart (RFC 5621).
func sdpText(msg sipmsg.Message) ([]byte, error) {
	body := msg.Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if e := strings.ToLower(headerText(msg, "content-encoding", "e")); e != "" && e != "identity" {
		return nil, refuseWith(415, "Unsupported Media Type", sipmsg.NewHeader("Accept-Encoding", "identity"))
	}
	kind, params, err := mime.ParseMediaType(headerText(msg, "content-type", "c"))
	switch {
	case err != nil && kind == "":
		return nil, refuseWith(400, "Bad Content-Type")
	case kind == typeSDP:
		return body, nil
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		if text, err := sdpPart(body, params["boundary"]); text != nil || err != nil {
			return text, err
		}
	}
	switch {
	case optional(headerText(msg, "content-disposition")):
		return nil, nil
	}
	return nil, refuseWith(415, "Unsupported Media Type", sipmsg.NewHeader("Accept", typeSDP))
}

// sdpPart finds the session description among the parts of a body.
func sdpPart(body []byte, boundary string) ([]byte, error) {
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		p, err := parts.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, refuseWith(400, "Bad Multipart Body")
		}
		if kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err != nil || kind != typeSDP {
			continue
		}
		text, err := io.ReadAll(p) // no longer than the message
		if err != nil {
			return nil, refuseWith(400, "Bad Multipart Body")
		}
		return text, nil
	}
	return nil, refuseWith(400, "Too Many Parts")
}

// optional reports whether a Content-Disposition says that the body need not be understood (RFC 3261 section 20.11).
func optional(disposition string) bool {
	_, params, err := mime.ParseMediaType(disposition)
	return err == nil && strings.EqualFold(params["handling"], "optional")
}

// headerText returns the value of the first header field of a name, or of its compact form.
func headerText(msg sipmsg.Message, names ...string) string {
	for _, name := range names {
		for h := range fields(msg, name) {
			return h.Value()
		}
	}
	return ""
}

// refuseMedia returns how an offer is refused that could be read and cannot be agreed to: 488, and 5xx only where the engine has no room.
func refuseMedia(err error) *refusal {
	if errors.Is(err, media.ErrFull) {
		return busyRefusal("no media")
	}
	code, text := 399, "session description not acceptable"
	switch {
	case errors.Is(err, media.ErrNoCommonCodec):
		code, text = 305, "incompatible media format"
	case errors.Is(err, media.ErrRefused):
		text = "media transport not acceptable"
	}
	return refuseWith(488, "Not Acceptable Here", warning(code, text))
}

// warning returns a Warning header (RFC 3261 section 20.43).
func warning(code int, text string) sipmsg.Header {
	return sipmsg.NewHeader("Warning", itoa(code)+" "+userAgent+` "`+text+`"`)
}

// textOf returns the text of a description.
func textOf(d media.Description) []byte {
	b, err := d.AppendText(nil)
	if err != nil {
		return nil
	}
	return b
}
