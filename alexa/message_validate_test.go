package alexa_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// requests returns a new valid request of each type that goes to Alexa.
func requests() map[alexa.MessageType]*alexa.Message {
	m := func(t alexa.MessageType) *alexa.Message { return &alexa.Message{Type: t, SessionID: "session"} }
	inbound := m(alexa.InitiateInboundCall)
	inbound.Participants = []alexa.Participant{sides[0], sides[1]}
	inbound.SDP = &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}
	inbound.CustomParams = &alexa.CustomParams{CallerName: "Reception"}
	early, accepted := m(alexa.CallInProgress), m(alexa.CallAccepted)
	early.SDP = &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}
	accepted.SDP = &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}
	ended := m(alexa.CallEnded)
	ended.Result = &alexa.CallResult{Code: alexa.ResultSuccess}
	update, response := m(alexa.CallUpdate), m(alexa.CallUpdateResponse)
	update.Renegotiation, update.SDP = alexa.RenegotiateUpdate, &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}
	response.Renegotiation, response.SDP = alexa.RenegotiateResume, &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}
	all := map[alexa.MessageType]*alexa.Message{}
	for _, r := range []*alexa.Message{
		inbound, m(alexa.CallRinging), early, accepted, ended, update, response,
		m(alexa.CallRingingAck), m(alexa.CallInProgressAck), m(alexa.CallAcceptedAck), m(alexa.CallUpdateAck),
	} {
		all[r.Type] = r
	}
	return all
}

func TestValidRequests(t *testing.T) {
	if n := len(requests()); n != 11 {
		t.Fatalf("%d requests, the documentation has 11", n)
	}
	for typ, m := range requests() {
		if err := m.ValidateRequest(); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	for name, change := range map[string]func(map[alexa.MessageType]*alexa.Message) *alexa.Message{
		"accepted after an early answer": func(r map[alexa.MessageType]*alexa.Message) *alexa.Message {
			r[alexa.CallAccepted].SDP = &alexa.SDPDetails{}
			return r[alexa.CallAccepted]
		},
		"no caller name": func(r map[alexa.MessageType]*alexa.Message) *alexa.Message {
			r[alexa.InitiateInboundCall].CustomParams = nil
			return r[alexa.InitiateInboundCall]
		},
		"property of the future": func(r map[alexa.MessageType]*alexa.Message) *alexa.Message {
			r[alexa.CallRinging].Extra = map[string]json.RawMessage{"volume": json.RawMessage(`{"max":7}`)}
			return r[alexa.CallRinging]
		},
		"other spelling": func(r map[alexa.MessageType]*alexa.Message) *alexa.Message {
			r[alexa.CallEnded].Result.Code = "UNAUTHORISED"
			return r[alexa.CallEnded]
		},
	} {
		if err := change(requests()).ValidateRequest(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRequestProperties takes every property away from every request and adds every
// property to every request, against a table of its own.
func TestRequestProperties(t *testing.T) {
	has := map[alexa.MessageType]string{ // R required, O optional, - not of this type
		//                         participants, SDP, renegotiation, result, custom
		alexa.InitiateInboundCall: "RR--O",
		alexa.CallRinging:         "-----",
		alexa.CallInProgress:      "-R---",
		alexa.CallAccepted:        "-R---",
		alexa.CallEnded:           "---R-",
		alexa.CallUpdate:          "-RR--",
		alexa.CallUpdateResponse:  "-RR--",
		alexa.CallRingingAck:      "-----",
		alexa.CallInProgressAck:   "-----",
		alexa.CallAcceptedAck:     "-----",
		alexa.CallUpdateAck:       "-----",
	}
	names := []string{"participants", "sdpDetails", "renegotiationType", "callResult", "customParams"}
	take := func(m *alexa.Message, i int) {
		switch i {
		case 0:
			m.Participants = nil
		case 1:
			m.SDP = nil
		case 2:
			m.Renegotiation = ""
		case 3:
			m.Result = nil
		case 4:
			m.CustomParams = nil
		}
	}
	add := func(m *alexa.Message, i int) {
		switch i {
		case 0:
			m.Participants = sides
		case 1:
			m.SDP = &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}
		case 2:
			m.Renegotiation = alexa.RenegotiateUpdate
		case 3:
			m.Result = &alexa.CallResult{Code: alexa.ResultSuccess}
		case 4:
			m.CustomParams = &alexa.CustomParams{CallerName: "x"}
		}
	}
	for typ, row := range has {
		for i, p := range row {
			m := requests()[typ]
			if p == '-' {
				add(m, i)
			} else {
				take(m, i)
			}
			err := m.ValidateRequest()
			if p == 'O' {
				if err != nil {
					t.Errorf("%s without optional %s: %v", typ, names[i], err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), names[i]) {
				t.Errorf("%s, property %s (%c): %v", typ, names[i], p, err)
			}
		}
	}
}

func TestRequestValues(t *testing.T) {
	const secret = "+12055551233"
	long := strings.Repeat("a", 1025)
	invite, ringing, ended := alexa.InitiateInboundCall, alexa.CallRinging, alexa.CallEnded
	for _, tt := range []struct {
		name   string
		typ    alexa.MessageType
		change func(*alexa.Message)
		says   string
	}{
		{"an event", ringing, func(m *alexa.Message) { m.Type = alexa.InitiateOutboundCall }, "not one that is sent"},
		{"an unknown type", ringing, func(m *alexa.Message) { m.Type += "X" }, "not one that is sent"},
		{"no type", ringing, func(m *alexa.Message) { m.Type = "" }, "not one that is sent"},
		{"no session", ringing, func(m *alexa.Message) { m.SessionID = "" }, "sessionId"},
		{"long session", ringing, func(m *alexa.Message) { m.SessionID = long[:257] }, "sessionId"},
		{"session not UTF-8", ringing, func(m *alexa.Message) { m.SessionID = "a\xff" }, "sessionId"},
		{"session with line end", ringing, func(m *alexa.Message) { m.SessionID = "a\r\nb" }, "sessionId"},
		{"request id", ringing, func(m *alexa.Message) { m.RequestID = secret }, "requestId"},
		{"timestamp", ringing, func(m *alexa.Message) { m.Timestamp = time.Unix(1, 0) }, "timestamp"},
		{"extra with a field", ringing, func(m *alexa.Message) { m.Extra = map[string]json.RawMessage{"type": nil} }, "extra"},
		{"extra not JSON", ringing, func(m *alexa.Message) { m.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")} }, "JSON"},
		{"too large", ringing, func(m *alexa.Message) {
			m.Extra = map[string]json.RawMessage{"x": json.RawMessage(`"` + strings.Repeat("a", alexa.MaxBody) + `"`)}
		}, "bytes"},
		{"too deep", ringing, func(m *alexa.Message) {
			m.Extra = map[string]json.RawMessage{"x": json.RawMessage(strings.Repeat("[", 32) + strings.Repeat("]", 32))}
		}, "deeper"},

		{"answer for offer", invite, func(m *alexa.Message) { m.SDP.Type = alexa.Answer }, "sdpDetails.type"},
		{"no SDP type", invite, func(m *alexa.Message) { m.SDP.Type = "" }, "sdpDetails.type"},
		{"no SDP value", invite, func(m *alexa.Message) { m.SDP.Value = "" }, "sdpDetails.value"},
		{"empty SDP", invite, func(m *alexa.Message) { m.SDP = &alexa.SDPDetails{} }, "sdpDetails.type"},
		{"large SDP", invite, func(m *alexa.Message) { m.SDP.Value = strings.Repeat("a", alexa.MaxSDP+1) }, "sdpDetails.value"},
		{"SDP not UTF-8", invite, func(m *alexa.Message) { m.SDP.Value = "\xff" }, "sdpDetails.value"},
		{"offer in acceptance", alexa.CallAccepted, func(m *alexa.Message) { m.SDP.Type = alexa.Offer }, "sdpDetails.type"},
		{"type without value in acceptance", alexa.CallAccepted, func(m *alexa.Message) { m.SDP.Value = "" }, "sdpDetails.value"},
		{"value without type in acceptance", alexa.CallAccepted, func(m *alexa.Message) { m.SDP.Type = "" }, "sdpDetails.type"},
		{"empty early answer", alexa.CallInProgress, func(m *alexa.Message) { m.SDP = &alexa.SDPDetails{} }, "sdpDetails.type"},
		{"offer in response", alexa.CallUpdateResponse, func(m *alexa.Message) { m.SDP.Type = alexa.Offer }, "sdpDetails.type"},
		{"answer in update", alexa.CallUpdate, func(m *alexa.Message) { m.SDP.Type = alexa.Answer }, "sdpDetails.type"},
		{"unknown renegotiation", alexa.CallUpdate, func(m *alexa.Message) { m.Renegotiation = secret }, "renegotiationType"},

		{"one participant", invite, func(m *alexa.Message) { m.Participants = m.Participants[:1] }, "participants"},
		{"no originator", invite, func(m *alexa.Message) { m.Participants[0].Originator = false }, "participants"},
		{"two originators", invite, func(m *alexa.Message) { m.Participants[1].Originator = true }, "participants"},
		{"17 participants", invite, func(m *alexa.Message) {
			for len(m.Participants) < 17 {
				m.Participants = append(m.Participants, sides[1])
			}
		}, "participants"},
		{"unknown kind of id", invite, func(m *alexa.Message) { m.Participants[1].ID.Type = secret }, "participants[1].id.type"},
		{"no kind of id", invite, func(m *alexa.Message) { m.Participants[0].ID.Type = "" }, "participants[0].id.type"},
		{"no id", invite, func(m *alexa.Message) { m.Participants[1].ID.Value = "" }, "participants[1].id.value"},
		{"long id", invite, func(m *alexa.Message) { m.Participants[1].ID.Value = long }, "participants[1].id.value"},
		{"id with NUL", invite, func(m *alexa.Message) { m.Participants[1].ID.Value = secret + "\x00" }, "participants[1].id.value"},
		{"empty caller name", invite, func(m *alexa.Message) { m.CustomParams.CallerName = "" }, "customParams.callerName"},
		{"bad caller name", invite, func(m *alexa.Message) { m.CustomParams.CallerName = "a\nb" }, "customParams.callerName"},

		{"no code", ended, func(m *alexa.Message) { m.Result.Code = "" }, "callResult.code"},
		{"unknown code", ended, func(m *alexa.Message) { m.Result.Code = secret }, "callResult.code"},
		{"text not UTF-8", ended, func(m *alexa.Message) { m.Result.Message = "\xff" }, "callResult.message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := requests()[tt.typ]
			tt.change(m)
			err := m.ValidateRequest()
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "alexa: ") || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "x9cml") {
				t.Errorf("%v repeats a value", err)
			}
		})
	}
}

func TestValidateEvent(t *testing.T) {
	const outbound = `{"type":"` + prefix + `InitiateOutboundCall",` + sessionJSON + `,`
	of := func(typ, rest string) string { return `{"type":"` + prefix + typ + `",` + sessionJSON + rest + `}` }
	for name, tt := range map[string]struct {
		json string
		ok   bool
	}{
		"outbound call":                      {outbound + twoSides + `,` + sdpOffer + `}`, true},
		"only the callee":                    {outbound + `"participants":[{"id":{"value":"7201"}}],` + sdpOffer + `}`, true},
		"SDP type missing":                   {outbound + twoSides + `,"sdpDetails":{"value":"v=0"}}`, true},
		"nobody to call":                     {outbound + `"participants":[{"id":{"value":"7201"},"isOriginator":true}],` + sdpOffer + `}`, false},
		"callee without value":               {outbound + `"participants":[{}],` + sdpOffer + `}`, false},
		"no participants":                    {outbound + sdpOffer + `}`, false},
		"no offer":                           {outbound + twoSides + `}`, false},
		"empty offer":                        {outbound + twoSides + `,"sdpDetails":{"type":"OFFER","value":""}}`, false},
		"answer for offer":                   {outbound + twoSides + `,` + sdpAnswer + `}`, false},
		"a request":                          {of("InitiateInboundCall", `,`+twoSides+`,`+sdpOffer), false},
		"unknown":                            {of("CallParked", ``), false},
		"ringing":                            {of("CallRinging", ``), true},
		"ringing with more":                  {of("CallRinging", `,`+sdpAnswer), true},
		"early answer":                       {of("CallInProgress", `,`+sdpAnswer), true},
		"early answer without SDP":           {of("CallInProgress", ``), false},
		"accepted":                           {of("CallAccepted", `,`+sdpAnswer), true},
		"accepted without SDP":               {of("CallAccepted", ``), true},
		"accepted with an empty description": {of("CallAccepted", `,"sdpDetails":{"type":"ANSWER"}`), true},
		"accepted with an offer":             {of("CallAccepted", `,`+sdpOffer), false},
		"ended":                              {of("CallEnded", `,"callResult":{"code":"NEW"}`), true},
		"ended without result":               {of("CallEnded", ``), true},
		"update without its reason":          {of("CallUpdate", `,`+sdpOffer), true},
		"update without offer":               {of("CallUpdate", `,"renegotiationType":"CALL_HOLD"`), false},
		"response":                           {of("CallUpdateResponse", `,`+sdpAnswer), true},
		"response with an offer":             {of("CallUpdateResponse", `,`+sdpOffer), false},
		"ack":                                {of("CallUpdateAck", ``), true},
	} {
		m, err := alexa.ParseMessage([]byte(tt.json))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := m.ValidateEvent(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&alexa.Message{Type: alexa.CallRinging}).ValidateEvent(); err == nil {
		t.Error("accepted without a session")
	}
}
