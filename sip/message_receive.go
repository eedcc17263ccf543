package sip

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	defaultMaxMessages = 100
	messageFor         = 25 * time.Second // for Options.Message: senders give up after 32 s
)

// messaged takes MESSAGE, outside calls or within one. Options.Message has a goroutine of its own; what it says is answered in the inbox.
func (a *Agent) messaged(tx *serverTx) {
	if a.o.Message == nil {
		tx.refuse(a.notAllowed())
		return
	}
	m, r := a.readMessage(tx)
	if r != nil {
		tx.refuse(r)
		return
	}
	a.mu.Lock()
	draining, full := a.draining, a.messages >= a.o.MaxMessages
	if !draining && !full {
		a.messages++
	}
	a.mu.Unlock()
	switch {
	case draining:
		tx.refuse(busyRefusal("draining"))
		return
	case full:
		a.count.dropped.Add(1)
		tx.refuse(busyRefusal("too many messages"))
		return
	}
	callID := tx.req.CallID().Value()
	a.work.Go(func() {
		err := a.deliver(m)
		a.post(callID, func() { a.delivered(tx, err) })
		a.mu.Lock()
		defer a.mu.Unlock()
		a.messages--
		a.fewer()
	})
}

// deliver has Options.Message take a message. A panic of it costs that message.
func (a *Agent) deliver(m *Message) (err error) {
	ctx, cancel := context.WithTimeout(a.ctx, messageFor)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.count.panics.Add(1)
			err = fmt.Errorf("sip: Options.Message: panic with %T", p) // its value may be of the message
		}
	}()
	return a.o.Message(ctx, m)
}

// delivered answers a message.
func (a *Agent) delivered(tx *serverTx, err error) {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		_ = tx.answer(response{status: 200, phrase: "OK"})
	case ok && e.Status >= 200 && e.Status <= 699:
		r := refuseWith(e.Status, phraseOf(e))
		if e.RetryAfter > 0 {
			r.header = append(r.header, sipmsg.NewHeader("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second))))
		}
		if e.Status == 415 {
			r.header = append(r.header, a.acceptMessages()...)
		}
		tx.refuse(r)
	default:
		a.log.Debug("message not taken", "error", err)
		tx.refuse(refuseWith(500, "Server Internal Error"))
	}
}

// phraseOf returns the reason phrase for what Options.Message has said.
func phraseOf(e *Error) string {
	switch {
	case e.Reason != "":
		return plain(e.Reason)
	case e.Status == 202:
		return "Accepted"
	case e.Status < 300:
		return "OK"
	}
	return "Not Taken"
}

// readMessage reads a MESSAGE, or says how it is refused.
func (a *Agent) readMessage(tx *serverTx) (*Message, *refusal) {
	req := tx.req
	contentType := ""
	if h := req.ContentType(); h != nil {
		contentType = h.Value()
	}
	if !a.takesType(contentType) {
		return nil, refuseWith(415, "Unsupported Media Type", a.acceptMessages()...)
	}
	body, r := a.decode(req)
	if r != nil {
		return nil, r
	}
	from := readAddr(req.From().DisplayName, &req.From().Address)
	to := nameAddr{plain(unescape(req.To().DisplayName)), req.Recipient}
	return &Message{
		From: from.party(), To: to.party(), ContentType: plain(contentType), Body: body, CallID: plain(req.CallID().Value()), User: tx.user, Source: tx.from.remote(),
	}, nil
}

// takesType reports whether a type is among those that are taken.
func (a *Agent) takesType(contentType string) bool {
	if len(a.o.MessageTypes) == 0 {
		return true
	}
	got, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	for _, t := range a.o.MessageTypes {
		if strings.EqualFold(t, got) {
			return true
		}
	}
	return false
}

// acceptMessages returns the header fields of a 415.
func (a *Agent) acceptMessages() []sipmsg.Header {
	all := []sipmsg.Header{sipmsg.NewHeader("Accept-Encoding", "deflate, gzip, identity")}
	if len(a.o.MessageTypes) > 0 {
		all = append(all, sipmsg.NewHeader("Accept", strings.Join(a.o.MessageTypes, ", ")))
	}
	return all
}

// decode returns the body of a message, decompressed: senders of alarms compress what is too long for a datagram.
func (a *Agent) decode(req *sipmsg.Request) ([]byte, *refusal) {
	all := req.GetHeaders("content-encoding")
	if len(all) == 0 {
		all = req.GetHeaders("e") // its compact form
	}
	if len(all) == 0 {
		return req.Body(), nil
	}
	var r io.Reader
	var err error
	switch encoding := strings.ToLower(strings.TrimSpace(all[0].Value())); {
	case len(all) > 1:
		return nil, refuseWith(415, "Unsupported Media Type", a.acceptMessages()...)
	case encoding == "identity":
		return req.Body(), nil
	case encoding == "deflate":
		r, err = zlib.NewReader(bytes.NewReader(req.Body()))
	case encoding == "gzip":
		r, err = gzip.NewReader(bytes.NewReader(req.Body()))
	default:
		return nil, refuseWith(415, "Unsupported Media Type", a.acceptMessages()...)
	}
	if err != nil {
		return nil, refuseWith(400, "Bad Content-Encoding")
	}
	body, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	switch {
	case err != nil:
		return nil, refuseWith(400, "Bad Content-Encoding")
	case len(body) > maxMessage:
		return nil, refuseWith(413, "Request Entity Too Large")
	}
	return body, nil
}
