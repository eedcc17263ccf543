package forward

import (
	"crypto/rand"
	"encoding/json"
	"errors"
)

type header struct {
	Namespace        string `json:"namespace"`
	Name             string `json:"name"`
	PayloadVersion   string `json:"payloadVersion"`
	MessageID        string `json:"messageId"`
	CorrelationToken string `json:"correlationToken,omitempty"`
}

type endpoint struct {
	EndpointID string `json:"endpointId"`
}

type payload struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type errorResponse struct {
	Event struct {
		Header   header    `json:"header"`
		Endpoint *endpoint `json:"endpoint,omitempty"`
		Payload  payload   `json:"payload"`
	} `json:"event"`
}

// directiveError returns the answer to a smart-home directive that was not answered: Alexa.ErrorResponse, or that of
// Alexa.Authorization for an AcceptGrant. It is nil for anything else.
func directiveError(event []byte, failed error) []byte {
	var in struct {
		Directive *struct {
			Header   header
			Endpoint *endpoint
		}
	}
	if len(event) > MaxBody || json.Unmarshal(event, &in) != nil || in.Directive == nil || in.Directive.Header.Namespace == "" {
		return nil
	}
	var out errorResponse
	out.Event.Header = header{
		Namespace: "Alexa", Name: "ErrorResponse", PayloadVersion: "3", MessageID: rand.Text(),
		CorrelationToken: in.Directive.Header.CorrelationToken,
	}
	if e := in.Directive.Endpoint; e != nil && e.EndpointID != "" {
		out.Event.Endpoint = e
	}
	out.Event.Payload = payload{"INTERNAL_ERROR", "the skill's server has failed"}
	if e, ok := errors.AsType[*Error](failed); ok && e.Status == 0 {
		out.Event.Payload = payload{"BRIDGE_UNREACHABLE", "the skill's server does not answer"}
	}
	if in.Directive.Header.Namespace == "Alexa.Authorization" {
		out.Event.Header.Namespace, out.Event.Payload.Type = "Alexa.Authorization", "ACCEPT_GRANT_FAILED"
	}
	answer, err := json.Marshal(out)
	if err != nil {
		return nil // texts always marshal
	}
	return answer
}
