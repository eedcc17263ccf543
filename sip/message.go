package sip

import (
	"strconv"

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

// build makes the response.
func (tx *serverTx) build(r response) *sipmsg.Response {
	req := tx.req
	res := sipmsg.NewResponseFromRequest(req, r.status, r.phrase, nil)
	res.SipVersion = "SIP/2.0" // sipgo takes that of the request
	if to := res.To(); to != nil && r.tag != "" && r.status != 100 && tagOf(req.To().Params) == "" {
		to.Params.Add("tag", r.tag)
	}
	for _, h := range r.header {
		res.AppendHeader(h)
	}
	if r.status != 100 {
		res.AppendHeader(sipmsg.NewHeader("Server", userAgent))
	}
	if r.sdp != nil {
		setSDP(res, r.sdp)
	}
	return res
}

// setSDP makes an SDP the body of a message.
func setSDP(msg sipmsg.Message, sdp []byte) {
	contentType := sipmsg.ContentTypeHeader(typeSDP)
	msg.AppendHeader(&contentType)
	msg.SetBody(sdp)
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
