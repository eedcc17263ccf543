package alexa_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

const (
	prefix      = "Alexa.Comms.CallSignaling."
	sdpText     = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n"
	sdpJSON     = `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n`
	twoSides    = `"participants":[{"id":{"type":"COMMUNICATION_PROFILE_ID","value":"amzn1.alexa.communications.profile.did.A1"},"isOriginator":true},{"id":{"type":"PHONE_NUMBER","value":"+12055551233"},"isOriginator":false}]`
	sdpOffer    = `"sdpDetails":{"type":"OFFER","value":"` + sdpJSON + `"}`
	sdpAnswer   = `"sdpDetails":{"type":"ANSWER","value":"` + sdpJSON + `"}`
	sessionJSON = `"sessionId":"573829.1273645"`
)

// sides are what twoSides says.
var sides = []alexa.Participant{
	{ID: alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: "amzn1.alexa.communications.profile.did.A1"}, Originator: true},
	{ID: alexa.ParticipantID{Type: alexa.PhoneNumber, Value: "+12055551233"}},
}

// messageCases are the twelve messages in every form that the documentation and
// Amazon's sample show, in our order of properties.
var messageCases = []struct {
	name string
	json string
	want alexa.Message
}{
	{
		"outbound call", `{"type":"` + prefix + `InitiateOutboundCall","requestId":"amzn1.echo-api.request.ea2d","timestamp":"2024-10-31T12:00:00Z",` + sessionJSON + `,` + twoSides + `,` + sdpOffer + `}`,
		alexa.Message{Type: alexa.InitiateOutboundCall, RequestID: "amzn1.echo-api.request.ea2d", Timestamp: time.Date(2024, 10, 31, 12, 0, 0, 0, time.UTC), Participants: sides, SDP: &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}},
	},
	{
		"inbound call", `{"type":"` + prefix + `InitiateInboundCall",` + sessionJSON + `,` + twoSides + `,` + sdpOffer + `}`,
		alexa.Message{Type: alexa.InitiateInboundCall, Participants: sides, SDP: &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}},
	},
	{
		"inbound call with name", `{"type":"` + prefix + `InitiateInboundCall",` + sessionJSON + `,` + twoSides + `,` + sdpOffer + `,"customParams":{"callerName":"Room <7>"}}`,
		alexa.Message{Type: alexa.InitiateInboundCall, Participants: sides, SDP: &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}, CustomParams: &alexa.CustomParams{CallerName: "Room <7>"}},
	},
	{
		"ringing", `{"type":"` + prefix + `CallRinging",` + sessionJSON + `}`,
		alexa.Message{Type: alexa.CallRinging},
	},
	{
		"early answer", `{"type":"` + prefix + `CallInProgress",` + sessionJSON + `,` + sdpAnswer + `}`,
		alexa.Message{Type: alexa.CallInProgress, SDP: &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}},
	},
	{
		"accepted", `{"type":"` + prefix + `CallAccepted",` + sessionJSON + `,` + sdpAnswer + `}`,
		alexa.Message{Type: alexa.CallAccepted, SDP: &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}},
	},
	{
		"accepted after early answer", `{"type":"` + prefix + `CallAccepted",` + sessionJSON + `,"sdpDetails":{}}`,
		alexa.Message{Type: alexa.CallAccepted, SDP: &alexa.SDPDetails{}},
	},
	{
		"ended", `{"type":"` + prefix + `CallEnded",` + sessionJSON + `,"callResult":{"code":"SUCCESS","message":"Call ended by user"}}`,
		alexa.Message{Type: alexa.CallEnded, Result: &alexa.CallResult{Code: alexa.ResultSuccess, Message: "Call ended by user"}},
	},
	{
		"ended without text", `{"type":"` + prefix + `CallEnded",` + sessionJSON + `,"callResult":{"code":"DEVICE_BUSY"}}`,
		alexa.Message{Type: alexa.CallEnded, Result: &alexa.CallResult{Code: alexa.ResultDeviceBusy}},
	},
	{
		"update", `{"type":"` + prefix + `CallUpdate",` + sessionJSON + `,"renegotiationType":"CALL_HOLD",` + sdpOffer + `}`,
		alexa.Message{Type: alexa.CallUpdate, Renegotiation: alexa.RenegotiateHold, SDP: &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText}},
	},
	{
		"update response", `{"type":"` + prefix + `CallUpdateResponse",` + sessionJSON + `,"renegotiationType":"CALL_UPDATE",` + sdpAnswer + `}`,
		alexa.Message{Type: alexa.CallUpdateResponse, Renegotiation: alexa.RenegotiateUpdate, SDP: &alexa.SDPDetails{Type: alexa.Answer, Value: sdpText}},
	},
	{"ringing ack", `{"type":"` + prefix + `CallRingingAck",` + sessionJSON + `}`, alexa.Message{Type: alexa.CallRingingAck}},
	{"in progress ack", `{"type":"` + prefix + `CallInProgressAck",` + sessionJSON + `}`, alexa.Message{Type: alexa.CallInProgressAck}},
	{"accepted ack", `{"type":"` + prefix + `CallAcceptedAck",` + sessionJSON + `}`, alexa.Message{Type: alexa.CallAcceptedAck}},
	{"update ack", `{"type":"` + prefix + `CallUpdateAck",` + sessionJSON + `}`, alexa.Message{Type: alexa.CallUpdateAck}},
}

func TestMessagesRoundTrip(t *testing.T) {
	types := map[alexa.MessageType]bool{}
	for _, tt := range messageCases {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.SessionID = "573829.1273645"
			got, err := alexa.ParseMessage([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				gotJSON, _ := got.MarshalJSON()
				t.Errorf("parsed as %s", gotJSON)
			}
			back, err := tt.want.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if string(back) != tt.json {
				t.Errorf("marshalled\n%s, want\n%s", back, tt.json)
			}
			if !got.Type.Known() || got.Type.String() != strings.TrimPrefix(string(got.Type), prefix) {
				t.Errorf("type %q", got.Type)
			}
			types[got.Type] = true
		})
	}
	if len(types) != 12 {
		t.Errorf("%d types in the table, want 12", len(types))
	}
}

func TestUnknownPropertiesAreKept(t *testing.T) {
	const full = `{"type":"` + prefix + `CallEnded","sessionId":"s",
		"participants":[{"id":{"type":"RAW_ADDRESS","value":"7201","a":[1, 2.50,1e400]},"isOriginator":true,"b":{"x" :null}}],
		"sdpDetails":{"type":"OFFER","value":"v=0","c":"<&>"},
		"callResult":{"code":"BRAND_NEW","message":"m","Message":"P-NET's spelling","d":false},
		"customParams":{"callerName":"n","e":null},
		"locale":"de-DE", "f":{"g":[{"h":"i"}]}, "sessionid":"other"}`
	m, err := alexa.ParseMessage([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	for where, extra := range map[string]map[string]json.RawMessage{
		"a": m.Participants[0].ID.Extra, "b": m.Participants[0].Extra, "c": m.SDP.Extra,
		"d": m.Result.Extra, "Message": m.Result.Extra, "e": m.CustomParams.Extra, "f": m.Extra, "locale": m.Extra, "sessionid": m.Extra,
	} {
		if _, ok := extra[where]; !ok {
			t.Errorf("property %s was not kept: %v", where, extra)
		}
	}
	if m.Result.Code != "BRAND_NEW" || m.Result.Message != "m" || m.SessionID != "s" {
		t.Errorf("known properties: %q %q %q", m.Result.Code, m.Result.Message, m.SessionID)
	}
	back, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := normal(t, back), normal(t, []byte(full)); got != want {
		t.Errorf("came back as\n%s, want\n%s", got, want)
	}

	// Through encoding/json, as part of something larger.
	var outer struct{ M *alexa.Message }
	if err := json.Unmarshal([]byte(`{"M":`+full+`}`), &outer); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := normal(t, again), normal(t, []byte(`{"M":`+full+`}`)); got != want {
		t.Errorf("through encoding/json came back as\n%s, want\n%s", got, want)
	}
}

// normal returns JSON with sorted names and numbers as they were.
func normal(t testing.TB, b []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return fmt.Sprintf("%#v", v)
}

// TestPartsAlone parses and marshals each object by itself.
func TestPartsAlone(t *testing.T) {
	for text, part := range map[string]interface {
		json.Unmarshaler
		json.Marshaler
	}{
		`{"id":{"type":"RAW_ADDRESS","value":"1"},"isOriginator":true,"x":1}`: new(alexa.Participant),
		`{"type":"RAW_ADDRESS","value":"1","x":1}`:                            new(alexa.ParticipantID),
		`{"type":"OFFER","value":"v=0","x":1}`:                                new(alexa.SDPDetails),
		`{"code":"SUCCESS","message":"m","x":1}`:                              new(alexa.CallResult),
		`{"callerName":"n","x":1}`:                                            new(alexa.CustomParams),
		`{"type":"` + prefix + `CallRinging","sessionId":"s","x":1}`:          new(alexa.Message),
	} {
		if err := json.Unmarshal([]byte(text), part); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(part)
		if err != nil || string(got) != text {
			t.Errorf("%T came back as %s, %v, want %s", part, got, err, text)
		}
		err = json.Unmarshal([]byte(`[]`), part)
		if _, ok := errors.AsType[*alexa.ParseError](err); !ok {
			t.Errorf("%T from an array: %v, want *ParseError", part, err)
		}
	}
}

func TestMarshalRefusesBadExtras(t *testing.T) {
	raw := func(s string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"type": json.RawMessage(s)}
	}
	for name, m := range map[string]alexa.Message{
		"name with a field":            {Type: alexa.CallRinging, SessionID: "s", Extra: raw(`"x"`)},
		"name with an absent field":    {Type: alexa.CallRinging, SessionID: "s", Extra: map[string]json.RawMessage{"sdpDetails": json.RawMessage(`{}`)}},
		"in an object with a type":     {Type: alexa.CallRinging, SessionID: "s", SDP: &alexa.SDPDetails{Extra: raw(`"OFFER"`)}},
		"not JSON":                     {Type: alexa.CallRinging, SessionID: "s", Extra: map[string]json.RawMessage{"x": json.RawMessage(`{`)}},
		"two values":                   {Type: alexa.CallRinging, SessionID: "s", Extra: map[string]json.RawMessage{"x": json.RawMessage(`1,"y":2`)}},
		"in a participant":             {Type: alexa.CallRinging, SessionID: "s", Participants: []alexa.Participant{{Extra: map[string]json.RawMessage{"id": nil}}}},
		"in the parameters, not valid": {Type: alexa.CallRinging, SessionID: "s", CustomParams: &alexa.CustomParams{Extra: map[string]json.RawMessage{"x": json.RawMessage(`}`)}}},
	} {
		if b, err := m.MarshalJSON(); err == nil {
			t.Errorf("%s: marshalled %s", name, b)
		}
	}
}

func TestSmallMethods(t *testing.T) {
	acks := map[alexa.MessageType]alexa.MessageType{
		alexa.CallRinging: alexa.CallRingingAck, alexa.CallInProgress: alexa.CallInProgressAck,
		alexa.CallAccepted: alexa.CallAcceptedAck, alexa.CallUpdateResponse: alexa.CallUpdateAck,
	}
	for _, tt := range messageCases {
		if got := tt.want.Type.Ack(); got != acks[tt.want.Type] {
			t.Errorf("%s is acknowledged by %q", tt.want.Type, got)
		}
	}
	for from, want := range map[alexa.ResultCode]alexa.ResultCode{
		"UNAUTHORISED": alexa.ResultUnauthorized, "UNAUTHORIZED": alexa.ResultUnauthorized,
		"SUCCESS": alexa.ResultSuccess, "NEW": "NEW",
	} {
		if got := from.Canonical(); got != want {
			t.Errorf("%s is %s", from, got)
		}
	}
	m := alexa.Message{Participants: sides}
	caller, ok1 := m.Caller()
	callee, ok2 := m.Callee()
	if !ok1 || !ok2 || caller.ID.Value != sides[0].ID.Value || callee.ID.Value != sides[1].ID.Value {
		t.Errorf("caller %q, callee %q", caller.ID.Value, callee.ID.Value)
	}
	if _, ok := new(alexa.Message).Caller(); ok {
		t.Error("a caller from nowhere")
	}
}

func TestMessagesHideWhatIsPrivate(t *testing.T) {
	m := alexa.Message{
		Type: alexa.InitiateInboundCall, SessionID: "session-7", RequestID: "request-7", Renegotiation: alexa.RenegotiateHold,
		Participants: sides, SDP: &alexa.SDPDetails{Type: alexa.Offer, Value: sdpText},
		Result:       &alexa.CallResult{Code: alexa.ResultSuccess, Message: "said +12055551233"},
		CustomParams: &alexa.CustomParams{CallerName: "Ms Example"},
	}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		l := slog.New(h)
		l.Info("x", "m", m, "pm", &m, "p", m.Participants[1], "id", m.Participants[1].ID, "sdp", *m.SDP, "psdp", m.SDP, "c", *m.CustomParams)
	}
	for _, v := range []any{m, &m, m.Participants, m.Participants[1], m.Participants[1].ID, *m.SDP, m.SDP, *m.CustomParams, m.CustomParams} {
		fmt.Fprintf(&out, "%v %+v %#v %s\n", v, v, v, v)
	}
	for _, shown := range []string{"InitiateInboundCall", "session-7", "request-7", "CALL_HOLD", "SUCCESS", fmt.Sprintf("OFFER of %d bytes", len(sdpText)), "PHONE_NUMBER"} {
		if !strings.Contains(out.String(), shown) {
			t.Errorf("%q is not shown", shown)
		}
	}
	for _, secret := range []string{"2055551233", "profile.did", "x9cml", "F7gI", "v=0", "Ms Example"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}
