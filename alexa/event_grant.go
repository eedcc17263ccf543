package alexa

import (
	"crypto/rand"
	"encoding/json"
)

const grantType = "Alexa.Authorization.Grant"

// Grant returns the authorization code of a user who has granted the skill a permission outside a session, for lwa to exchange:
// request.body.grant.code of an Alexa.Authorization.Grant. It is "" for another request, and for a grant of another kind than
// OAuth2.AuthorizationCode. The code is a secret and good for one use.
func (e *Event) Grant() string {
	if e.RequestType != grantType {
		return ""
	}
	o, err := parseObject("request", e.Request)
	if err != nil || hint(o, "body", "grant", "type") != "OAuth2.AuthorizationCode" {
		return ""
	}
	return hint(o, "body", "grant", "code")
}

// AppendGrantAnswer appends the answer to an Alexa.Authorization.Grant, as Amazon's sample gives it: AcceptGrant.Response inside the
// answer of a custom skill or, when the code could not be exchanged, ErrorResponse with ACCEPT_GRANT_FAILED, upon which the user is told
// that the skill could not be enabled.
func AppendGrantAnswer(b []byte, accepted bool) []byte {
	type header struct {
		Namespace      string `json:"namespace"`
		Name           string `json:"name"`
		PayloadVersion string `json:"payloadVersion"`
		MessageID      string `json:"messageId"`
	}
	type payload struct {
		Type    string `json:"type,omitempty"`
		Message string `json:"message,omitempty"`
	}
	h, p := header{"Alexa.Authorization", "AcceptGrant.Response", "3", rand.Text()}, payload{}
	if !accepted {
		h.Name, p = "ErrorResponse", payload{"ACCEPT_GRANT_FAILED", "the authorization code was not accepted"}
	}
	event, err := json.Marshal(struct {
		Header  header  `json:"header"`
		Payload payload `json:"payload"`
	}{h, p})
	if err != nil { // texts always marshal
		return AppendReceipt(b, "")
	}
	b = append(b, `{"version":"1.0","response":{"event":`...)
	b = append(b, event...)
	return append(b, `}}`...)
}
