package alexa

import (
	"context"
	"io"
	"net/http"

	"github.com/alexacall/alexacall/bridge"
)

// ServeHTTP is the skill's web service. It answers 200 to what is Amazon's and for this skill, after it has been taken and before
// anything comes of it, and 400 to everything else. A call that comes after Drain gets 503. The same delivery a second time gets the
// same answer and has no effect.
func (k *Skill) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.init()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		k.reject(w, err)
		return
	}
	e, err := k.verifier.Verify(r.Context(), r.Header, body)
	if err != nil {
		k.reject(w, err)
		return
	}
	if err := k.take(e); err != nil {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(AppendReceipt(nil, ""))
}

func (k *Skill) reject(w http.ResponseWriter, err error) {
	k.stats.refused.Add(1)
	k.logger().Warn("skill request refused", "err", err)
	http.Error(w, "bad request", http.StatusBadRequest)
}

// HandleEvent takes an event whose origin somebody else has verified, such as the trigger of a Lambda function, and returns the answer
// to it. The skill id is checked. The error is a *ParseError or a *VerifyError; a call that comes after Drain is refused with another one.
func (k *Skill) HandleEvent(_ context.Context, body []byte) ([]byte, error) {
	k.init()
	e, err := ParseEvent(body)
	if err == nil {
		err = e.CheckSkill(k.ID)
	}
	if err != nil {
		k.stats.refused.Add(1)
		return nil, err
	}
	if err := k.take(e); err != nil {
		return nil, err
	}
	return AppendReceipt(nil, ""), nil
}

// take gives an event to the call that it belongs to. It fails for a call that comes after Drain, which nobody could tell Alexa of later.
func (k *Skill) take(e *Event) error {
	m := e.Message
	if m == nil {
		return nil // not about a call: it is enough to have got it
	}
	if !k.enter() {
		if m.Type != InitiateOutboundCall {
			k.stats.unknown.Add(1)
			return nil
		}
		k.stats.refused.Add(1)
		k.logger().Warn("call refused", "session", m.SessionID, "cause", bridge.Overload.String(), "err", errDraining)
		return errDraining
	}
	defer k.leave()
	if !k.seen.first(e.RequestID) {
		k.stats.repeated.Add(1)
		return nil
	}
	k.stats.events.Add(1)
	if m.Type == InitiateOutboundCall {
		k.receive(m, e.Origin())
		return nil
	}
	k.pass(m)
	return nil
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
