package alexa

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/peertext"
)

// bodyLimit is how long a request's body may take to come. Amazon's comes with its header, in a packet or two.
const bodyLimit = 5 * time.Second

// ServeHTTP is the skill's web service. It answers 200 to what is Amazon's and for this skill, after it has been taken and before
// anything comes of it, and 400 to everything else. A call that comes after Drain gets 503, and a request whose handler Other has
// failed, or a call without a Client or an Engine, 500. The same delivery a second time gets the same answer and has no effect.
//
// A body has five seconds to come where the http.ResponseWriter can set a deadline, as those of net/http can. Time and size of the
// header are the server's to limit: see Limits in the package's documentation.
func (k *Skill) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.init()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		cutOff(w, r)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	claimed, err := k.verifier.claim(r.Header)
	if err != nil {
		k.reject(w, r, err)
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		k.reject(w, r, err)
		return
	}
	e, err := k.verifier.check(r.Context(), claimed, body)
	if err != nil {
		k.reject(w, r, err)
		return
	}
	answer, err := k.take(r.Context(), e)
	switch {
	case errors.Is(err, errDraining):
		http.Error(w, "draining", http.StatusServiceUnavailable)
	case err != nil:
		k.logger().Warn("skill request failed", "type", peertext.Printable(e.RequestType, 128), "request", e.RequestID, "err", err)
		http.Error(w, "failed", http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	}
}

// readBody reads a body up to MaxBody, and cuts off a client that is too slow with it.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	limited := conn.SetReadDeadline(time.Now().Add(bodyLimit)) == nil
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil && limited {
		// The server goes on reading, to see whether the client leaves; passing the deadline would look like that.
		err = conn.SetReadDeadline(time.Time{})
	}
	return body, err
}

func (k *Skill) reject(w http.ResponseWriter, r *http.Request, err error) {
	k.stats.refused.Add(1)
	k.logger().Warn("skill request refused", "err", err)
	cutOff(w, r)
	http.Error(w, "bad request", http.StatusBadRequest)
}

// cutOff has the server end the connection after the answer, without waiting for what is left of the body.
func cutOff(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // where it can be set
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// HandleEvent takes an event whose origin somebody else has verified, such as the trigger of a Lambda function, and returns the answer
// to it. The skill id is checked. The error is a *ParseError or a *VerifyError; a call that comes after Drain, or finds
// no Client or Engine, is refused with another one, and what Other fails with is returned.
func (k *Skill) HandleEvent(ctx context.Context, body []byte) ([]byte, error) {
	k.init()
	e, err := ParseEvent(body)
	if err == nil {
		err = e.CheckSkill(k.ID)
	}
	if err != nil {
		k.stats.refused.Add(1)
		return nil, err
	}
	return k.take(ctx, e)
}

// take gives an event to the call that it belongs to, or to the handler of other requests, and returns the answer to it. It fails for a
// call that comes after Drain, which nobody could tell Alexa of later, and where there can be no calls.
func (k *Skill) take(ctx context.Context, e *Event) ([]byte, error) {
	m := e.Message
	if m == nil {
		return k.other(ctx, e)
	}
	if m.Type == InitiateOutboundCall && k.lacks != nil {
		k.stats.refused.Add(1)
		return nil, k.lacks
	}
	receipt := k.receipt(m)
	if !k.enter() {
		if m.Type != InitiateOutboundCall {
			k.stats.unknown.Add(1)
			return receipt, nil
		}
		k.stats.refused.Add(1)
		k.logger().Warn("call refused", "session", m.SessionID, "cause", bridge.Overload.String(), "err", errDraining)
		return nil, errDraining
	}
	defer k.leave()
	if !k.seen.First(e.RequestID) {
		k.stats.repeated.Add(1)
		return receipt, nil
	}
	k.stats.events.Add(1)
	if m.Type == InitiateOutboundCall {
		if k.calls.First(m.SessionID) {
			k.receive(m, e.Origin())
		} else {
			k.stats.repeated.Add(1) // Alexa may invite again when she has not got the answer, and the call may be over by then
		}
		return receipt, nil
	}
	k.pass(m)
	return receipt, nil
}

// receipt returns the answer to an event that has been taken.
func (k *Skill) receipt(m *Message) []byte {
	if k.DirectiveReceipt && m.Type == InitiateOutboundCall {
		return AppendReceipt(nil, m.SessionID)
	}
	return AppendReceipt(nil, "")
}

// pass gives a message to its call.
func (k *Skill) pass(m *Message) {
	s := k.session(m.SessionID)
	if s == nil || kindOf(m.Type) == none {
		k.stats.unknown.Add(1)
		return
	}
	ev, err := s.event(m)
	if err == nil && m.Type == CallUpdate && ev.sdp == 0 {
		err = errNoOffer
	}
	if err != nil {
		k.stats.malformed.Add(1)
		s.log.Warn("description refused", "type", m.Type.String(), "err", err)
		s.send(event{kind: evEnd, cause: bridge.Media, err: err})
		return
	}
	s.send(ev)
}
