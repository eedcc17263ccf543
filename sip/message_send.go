package sip

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/netip"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// maxMessageBody is the longest body of a MESSAGE of ours, in bytes: with its header fields it must remain within maxMessage.
const maxMessageBody = maxMessage - 4<<10

// defaultMessageType is the type that every receiver must take (RFC 3428 section 7).
const defaultMessageType = "text/plain;charset=UTF-8"

var (
	errMessageSize = errors.New("a body that is too long")
	errType        = errors.New("not a content type")
)

// A Message is what a MESSAGE request carries (RFC 3428).
type Message struct {
	From        bridge.Party // who sends it; in Send the zero Party is Options.From
	ContentType string       // of Body, with its parameters; in Send the empty one is text/plain;charset=UTF-8
	Body        []byte       // at most 60 KiB in Send; of one that has come at most 64 KiB, decompressed

	// The rest tells of a message that has come, and is not used by Send.

	To     bridge.Party   // whom it is for: the Request-URI
	CallID string         // the same for each delivery of one message, and that of the call for a message within one
	User   string         // of Options.Users, who has proved to have sent it; empty if nobody had to
	Source netip.AddrPort // where it came from
}

// A Response is what the far side has accepted a Message with.
type Response struct {
	Status      int    // 200, or 202 if it is yet to be delivered
	Reason      string // the reason phrase
	ContentType string // of Body; RFC 3428 forbids it, but receivers of alarms have been seen that answer so
	Body        []byte
}

// Send sends a MESSAGE (RFC 3428) to a SIP URI and returns once the far side has accepted it, which may mean to deliver it later. Over UDP it
// is repeated until there is a response. Challenges are answered with Options.Credentials.
//
// The error is an *Error if a response refused the message, or none came within 32 seconds; RetryAfter of it says when to try again, where the
// far side has said so. It is ctx's if that ends first: whether the message has arrived is then unknown.
func (a *Agent) Send(ctx context.Context, to string, m *Message) (*Response, error) {
	if m == nil {
		m = &Message{}
	}
	contentType := m.ContentType
	if contentType == "" {
		contentType = defaultMessageType
	}
	if !validType(contentType) {
		return nil, fmt.Errorf("sip: %w: %q", errType, contentType)
	}
	if len(m.Body) > maxMessageBody {
		return nil, &Error{Status: 513, Reason: "Message Too Large", Method: string(sipmsg.MESSAGE), Err: errMessageSize}
	}
	d, err := a.begun(to, m.From)
	if err != nil {
		return nil, err
	}
	req := d.request(sipmsg.MESSAGE, 0)
	if len(m.Body) > 0 {
		value := sipmsg.ContentTypeHeader(contentType)
		req.AppendHeader(&value)
		req.SetBody(m.Body)
	}
	res, err := a.ask(ctx, d, req)
	if err != nil {
		return nil, err
	}
	r := &Response{Status: res.StatusCode, Reason: plain(res.Reason), Body: res.Body()}
	if h := res.ContentType(); h != nil {
		r.ContentType = plain(h.Value())
	}
	return r, nil
}

// validType reports whether s is a content type that can be written as it is.
func validType(s string) bool {
	_, _, err := mime.ParseMediaType(s)
	return err == nil && !hasControl(s)
}
