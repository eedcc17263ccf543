package sip

import (
	"crypto/rand"
	"iter"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// retryAfter is what callers are told to wait when we have too much to do, in seconds.
const retryAfter = 10

// response is what a request is answered with.
type response struct {
	status int
	phrase string
	tag    string // for To, where the request has none; empty: a random one
	header []sipmsg.Header
	sdp    []byte
}

// answer sends r as a response to the request of tx.
func (tx *serverTx) answer(r response) error {
	res := tx.build(r)
	return tx.respond(res)
}

// build makes the response (RFC 3261 section 8.2.6). It shares the header fields that it repeats with the request.
func (tx *serverTx) build(r response) *sipmsg.Response {
	req := tx.req
	res := sipmsg.NewResponse(r.status, r.phrase)
	for _, h := range req.Headers() {
		switch {
		case named(h.Name(), "Via", "v"):
			res.AppendHeader(h)
		case r.status > 100 && r.status < 300 && strings.EqualFold(h.Name(), "Record-Route"), r.status == 100 && strings.EqualFold(h.Name(), "Timestamp"):
			res.AppendHeader(h)
		}
	}
	res.AppendHeader(req.From())
	res.AppendHeader(r.to(req.To()))
	res.AppendHeader(req.CallID())
	res.AppendHeader(req.CSeq())
	for _, h := range r.header {
		res.AppendHeader(h)
	}
	if r.status != 100 {
		res.AppendHeader(sipmsg.NewHeader("Server", userAgent))
	}
	noBody(res)
	if r.sdp != nil {
		setSDP(res, r.sdp)
	}
	return res
}

// to returns the To of a response: that of the request, with a tag, which 100 does not need.
func (r *response) to(asked *sipmsg.ToHeader) *sipmsg.ToHeader {
	if r.status == 100 || tagOf(asked.Params) != "" {
		return asked
	}
	tag := r.tag
	if tag == "" {
		tag = rand.Text()
	}
	to := *asked
	empty := func(kv sipmsg.HeaderKV) bool { return strings.EqualFold(kv.K, "tag") }
	to.Params = append(slices.DeleteFunc(slices.Clone(to.Params), empty), sipmsg.HeaderKV{K: "tag", V: tag})
	return &to
}

// noBody gives a message its Content-Length, which SetBody changes later. SetBody(nil) would do so too, but compares the name of every header
// field there is with it, made small.
func noBody(msg sipmsg.Message) { msg.AppendHeader(new(sipmsg.ContentLengthHeader)) }

// setSDP makes an SDP the body of a message.
func setSDP(msg sipmsg.Message, sdp []byte) {
	contentType := sipmsg.ContentTypeHeader(typeSDP)
	msg.AppendHeader(&contentType)
	msg.SetBody(sdp)
}

// headersOf returns the header fields of a message.
func headersOf(msg sipmsg.Message) []sipmsg.Header {
	switch m := msg.(type) {
	case *sipmsg.Request:
		return m.Headers()
	case *sipmsg.Response:
		return m.Headers()
	}
	return nil
}

// fields yields the header fields of a name, whatever its letters. sipgo's GetHeaders makes the name of each field small to compare it.
func fields(msg sipmsg.Message, name string) iter.Seq[sipmsg.Header] {
	return func(yield func(sipmsg.Header) bool) {
		for _, h := range headersOf(msg) {
			if n := h.Name(); len(n) == len(name) && strings.EqualFold(n, name) && !yield(h) {
				return
			}
		}
	}
}

// copyFields appends copies of the header fields of some names to another message.
func copyFields(to, from sipmsg.Message, names ...string) {
	for _, name := range names {
		for h := range fields(from, name) {
			to.AppendHeader(sipmsg.HeaderClone(h))
		}
	}
}

// countFields returns how many header fields of a name there are.
func countFields(msg sipmsg.Message, name string) int {
	n := 0
	for range fields(msg, name) {
		n++
	}
	return n
}

// refusal is a final response other than 2xx that a request deserves. It is an error so that what finds the fault can return it.
type refusal struct {
	status int
	phrase string
	header []sipmsg.Header
}

func (r *refusal) Error() string { return strconv.Itoa(r.status) + " " + r.phrase }

// refuse sends a refusal.
func (tx *serverTx) refuse(r *refusal) {
	_ = tx.answer(response{status: r.status, phrase: r.phrase, header: r.header})
}

func refuseWith(status int, phrase string, header ...sipmsg.Header) *refusal {
	return &refusal{status, phrase, header}
}

// busyRefusal is for a request that there is no room for now.
func busyRefusal(why string) *refusal {
	return refuseWith(503, "Service Unavailable", sipmsg.NewHeader("Retry-After", strconv.Itoa(retryAfter)), sipmsg.NewHeader("Reason", `SIP;cause=503;text="`+why+`"`))
}

// refusalOf returns how a call that came in is refused for a cause.
func (a *Agent) refusalOf(c bridge.Cause) *refusal {
	row := rowOf(c)
	r := refuseWith(row.status, row.phrase, reasonHeader(c))
	switch {
	case c == bridge.Overload:
		r.header = append(r.header, sipmsg.NewHeader("Retry-After", strconv.Itoa(retryAfter)))
	case c == bridge.Declined && a.o.Decline603:
		r.status, r.phrase = 603, "Decline"
	}
	return r
}

// errorOf returns the error for a final response to a request of ours.
func errorOf(method sipmsg.RequestMethod, res *sipmsg.Response) *Error {
	e := &Error{Status: res.StatusCode, Reason: plain(res.Reason), Method: string(method), RetryAfter: retryAfterOf(res)}
	if r := reasonOf(res); r.text != "" {
		e.Reason = r.text
	}
	return e
}
