package rtc_test

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/rtc"
)

const (
	correlation = "dFMb0z+PgpgdDmluhJ1LddFvSqZ/jCc8ptlAKulUj90jSqg=="
	session     = "0a1b2c3d-0000-4000-8000-000000000001"
	directiveID = "d1ba3aa7-bff7-4406-9425-f25f04ec8d68"
	eventID     = "30d2cd1a-ce4f-4542-aa5e-04bd0a6492d5"
	token       = "access-token-from-skill"
	code        = "ANUbUKCJqlBOpMhwYWxU"
	sdpText     = "v=0\r\no=- 3747690900 3747690900 IN IP4 0.0.0.0\r\ns=a 2 z\r\na=ice-pwd:h3JAYGhIaQ/Nvyaz9dLoz9\r\n"
	sdpJSON     = `v=0\r\no=- 3747690900 3747690900 IN IP4 0.0.0.0\r\ns=a 2 z\r\na=ice-pwd:h3JAYGhIaQ/Nvyaz9dLoz9\r\n`

	scopeJSON = `"scope":{"type":"BearerToken","token":"access-token-from-skill"}`
)

// directiveHeader is a header as it is written.
func directiveHeader(namespace, name string, correlated bool) string {
	return headerJSON(namespace, name, directiveID, correlated)
}

func headerJSON(namespace, name, id string, correlated bool) string {
	h := `"header":{"namespace":"` + namespace + `","name":"` + name + `","payloadVersion":"3","messageId":"` + id + `"`
	if correlated {
		h += `,"correlationToken":"` + correlation + `"`
	}
	return h + `}`
}

// directiveCases are all directives, in the documentation's examples and our order of members.
var directiveCases = []struct {
	name, json string
	want       rtc.Directive
}{
	{
		"offer",
		`{"directive":{` + directiveHeader("Alexa.RTCSessionController", "InitiateSessionWithOffer", true) + `,"endpoint":{` + scopeJSON +
			`,"endpointId":"appliance-001","cookie":{"key1":"a <b> & c"}},"payload":{"sessionId":"` + session + `","offer":{"format":"SDP","value":"` + sdpJSON + `"}}}}`,
		rtc.Directive{
			Header: rtc.Header{Type: rtc.InitiateSessionWithOffer, CorrelationToken: correlation}, EndpointID: "appliance-001", Token: token,
			Cookie: map[string]string{"key1": "a <b> & c"}, SessionID: session, Offer: sdpText,
		},
	},
	{
		"connected",
		`{"directive":{` + directiveHeader("Alexa.RTCSessionController", "SessionConnected", true) + `,"endpoint":{` + scopeJSON +
			`,"endpointId":"appliance-001"},"payload":{"sessionId":"` + session + `"}}}`,
		rtc.Directive{
			Header: rtc.Header{Type: rtc.SessionConnected, CorrelationToken: correlation}, EndpointID: "appliance-001", Token: token, SessionID: session,
		},
	},
	{
		"disconnected",
		`{"directive":{` + directiveHeader("Alexa.RTCSessionController", "SessionDisconnected", true) + `,"endpoint":{` + scopeJSON +
			`,"endpointId":"appliance-001"},"payload":{"sessionId":"` + session + `"}}}`,
		rtc.Directive{
			Header: rtc.Header{Type: rtc.SessionDisconnected, CorrelationToken: correlation}, EndpointID: "appliance-001", Token: token, SessionID: session,
		},
	},
	{
		"discover",
		`{"directive":{` + directiveHeader("Alexa.Discovery", "Discover", false) + `,"payload":{` + scopeJSON + `}}}`,
		rtc.Directive{Header: rtc.Header{Type: rtc.Discover}, Token: token},
	},
	{
		"report state",
		`{"directive":{` + directiveHeader("Alexa", "ReportState", true) + `,"endpoint":{` + scopeJSON + `,"endpointId":"a_-=#;:?@&1"},"payload":{}}}`,
		rtc.Directive{Header: rtc.Header{Type: rtc.ReportState, CorrelationToken: correlation}, EndpointID: "a_-=#;:?@&1", Token: token},
	},
	{
		"grant",
		`{"directive":{` + directiveHeader("Alexa.Authorization", "AcceptGrant", false) + `,"payload":{"grant":{"type":"OAuth2.AuthorizationCode","code":"` + code +
			`"},"grantee":{"type":"BearerToken","token":"` + token + `"}}}}`,
		rtc.Directive{Header: rtc.Header{Type: rtc.AcceptGrant}, Token: token, GrantCode: code},
	},
	{
		"grant, correlated as in Amazon's sample",
		`{"directive":{` + directiveHeader("Alexa.Authorization", "AcceptGrant", true) + `,"payload":{"grant":{"type":"OAuth2.AuthorizationCode","code":"` + code +
			`"},"grantee":{"type":"BearerToken","token":"` + token + `"}}}}`,
		rtc.Directive{Header: rtc.Header{Type: rtc.AcceptGrant, CorrelationToken: correlation}, Token: token, GrantCode: code},
	},
}

const (
	doorJSON = `{"endpointId":"appliance-001","manufacturerName":"Sample Manufacturer","modelName":"Sample Model","friendlyName":"My front door camera",` +
		`"description":"A smart front door camera","displayCategories":["CAMERA"],"capabilities":[{"type":"AlexaInterface","interface":"Alexa","version":"3"},` +
		`{"type":"AlexaInterface","interface":"Alexa.RTCSessionController","version":"3","configuration":{"isFullDuplexAudioSupported":true}},` +
		`{"type":"AlexaInterface","interface":"Alexa.EndpointHealth","version":"3","properties":{"supported":[{"name":"connectivity"}],"proactivelyReported":false,"retrievable":true}}]}`
	bellJSON = `{"endpointId":"bell-2","manufacturerName":"M","friendlyName":"Tür","description":"D","displayCategories":["CAMERA","DOORBELL"],"cookie":{"k":"v"},` +
		`"capabilities":[{"type":"AlexaInterface","interface":"Alexa","version":"3"},` +
		`{"type":"AlexaInterface","interface":"Alexa.RTCSessionController","version":"3","configuration":{"isFullDuplexAudioSupported":false}},` +
		`{"type":"AlexaInterface","interface":"Alexa.EndpointHealth","version":"3","properties":{"supported":[{"name":"connectivity"}],"proactivelyReported":false,"retrievable":true}},` +
		`{"type":"AlexaInterface","interface":"Alexa.DoorbellEventSource","version":"3","proactivelyReported":true}]}`
)

var (
	door = rtc.Endpoint{
		ID: "appliance-001", Manufacturer: "Sample Manufacturer", Model: "Sample Model", FriendlyName: "My front door camera",
		Description: "A smart front door camera", Categories: []rtc.Category{rtc.Camera},
	}
	bell = rtc.Endpoint{
		ID: "bell-2", Manufacturer: "M", FriendlyName: "Tür", Description: "D", Categories: []rtc.Category{rtc.Camera, rtc.Doorbell},
		Cookie: map[string]string{"k": "v"}, HalfDuplex: true, Doorbell: true,
	}
	noon = time.Date(2017, 9, 27, 18, 30, 30, 0, time.UTC)
)

func eventHeader(namespace, name string, correlated bool) string {
	return headerJSON(namespace, name, eventID, correlated)
}

// eventCases are all events, in the documentation's examples and our order of members.
var eventCases = []struct {
	name, json string
	want       rtc.Event
}{
	{
		"answer",
		`{"event":{` + eventHeader("Alexa.RTCSessionController", "AnswerGeneratedForSession", true) +
			`,"endpoint":{"endpointId":"appliance-001"},"payload":{"answer":{"format":"SDP","value":"` + sdpJSON + `"}}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.AnswerGeneratedForSession, CorrelationToken: correlation}, EndpointID: "appliance-001", Answer: sdpText},
	},
	{
		"answer by the gateway",
		`{"event":{` + eventHeader("Alexa.RTCSessionController", "AnswerGeneratedForSession", true) +
			`,"endpoint":{` + scopeJSON + `,"endpointId":"appliance-001"},"payload":{"answer":{"format":"SDP","value":"` + sdpJSON + `"}}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.AnswerGeneratedForSession, CorrelationToken: correlation}, EndpointID: "appliance-001", Token: token, Answer: sdpText},
	},
	{
		"connected",
		`{"event":{` + eventHeader("Alexa.RTCSessionController", "SessionConnected", true) +
			`,"endpoint":{"endpointId":"appliance-001"},"payload":{"sessionId":"` + session + `"}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.SessionConnected, CorrelationToken: correlation}, EndpointID: "appliance-001", SessionID: session},
	},
	{
		"disconnected",
		`{"event":{` + eventHeader("Alexa.RTCSessionController", "SessionDisconnected", true) +
			`,"endpoint":{"endpointId":"appliance-001"},"payload":{"sessionId":"` + session + `"}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.SessionDisconnected, CorrelationToken: correlation}, EndpointID: "appliance-001", SessionID: session},
	},
	{
		"discovery",
		`{"event":{` + eventHeader("Alexa.Discovery", "Discover.Response", false) + `,"payload":{"endpoints":[` + doorJSON + `,` + bellJSON + `]}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.DiscoverResponse}, Endpoints: []rtc.Endpoint{door, bell}},
	},
	{
		"nothing discovered",
		`{"event":{` + eventHeader("Alexa.Discovery", "Discover.Response", false) + `,"payload":{"endpoints":[]}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.DiscoverResponse}, Endpoints: []rtc.Endpoint{}},
	},
	{
		"new endpoint",
		`{"event":{` + eventHeader("Alexa.Discovery", "AddOrUpdateReport", false) + `,"payload":{"endpoints":[` + bellJSON + `],` + scopeJSON + `}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.AddOrUpdateReport}, Token: token, Endpoints: []rtc.Endpoint{bell}},
	},
	{
		"endpoints gone",
		`{"event":{` + eventHeader("Alexa.Discovery", "DeleteReport", false) + `,"payload":{"endpoints":[{"endpointId":"a"},{"endpointId":"b"}],` + scopeJSON + `}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.DeleteReport}, Token: token, Endpoints: []rtc.Endpoint{{ID: "a"}, {ID: "b"}}},
	},
	{
		"state",
		`{"context":{"properties":[{"namespace":"Alexa.EndpointHealth","name":"connectivity","value":{"value":"OK"},"timeOfSample":"2017-09-27T18:30:30.45Z","uncertaintyInMilliseconds":200}]},` +
			`"event":{` + eventHeader("Alexa", "StateReport", true) + `,"endpoint":{"endpointId":"endpoint-001"},"payload":{}}}`,
		rtc.Event{
			Header: rtc.Header{Type: rtc.StateReport, CorrelationToken: correlation}, EndpointID: "endpoint-001",
			Health: &rtc.Health{Time: noon.Add(450 * time.Millisecond), Uncertainty: 200 * time.Millisecond},
		},
	},
	{
		"state by the gateway",
		`{"context":{"properties":[{"namespace":"Alexa.EndpointHealth","name":"connectivity","value":{"value":"UNREACHABLE"},"timeOfSample":"2017-09-27T18:30:30Z","uncertaintyInMilliseconds":0}]},` +
			`"event":{` + eventHeader("Alexa", "StateReport", true) + `,"endpoint":{` + scopeJSON + `,"endpointId":"endpoint-001"},"payload":{}}}`,
		rtc.Event{
			Header: rtc.Header{Type: rtc.StateReport, CorrelationToken: correlation}, EndpointID: "endpoint-001", Token: token, Health: &rtc.Health{Offline: true, Time: noon},
		},
	},
	{
		"error",
		`{"event":{` + eventHeader("Alexa", "ErrorResponse", true) + `,"endpoint":{"endpointId":"endpoint-001"},` +
			`"payload":{"type":"ENDPOINT_UNREACHABLE","message":"Unable to reach endpoint-001 because it appears to be offline"}}}`,
		rtc.Event{
			Header: rtc.Header{Type: rtc.ErrorResponse, CorrelationToken: correlation}, EndpointID: "endpoint-001",
			Fault: &rtc.Fault{Type: rtc.EndpointUnreachable, Message: "Unable to reach endpoint-001 because it appears to be offline"},
		},
	},
	{
		"error of no endpoint, in a mode",
		`{"event":{` + eventHeader("Alexa", "ErrorResponse", false) + `,"payload":{"type":"NOT_SUPPORTED_IN_CURRENT_MODE","message":"","currentDeviceMode":"ASLEEP"}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.ErrorResponse}, Fault: &rtc.Fault{Type: rtc.NotSupportedInCurrentMode, Mode: "ASLEEP"}},
	},
	{
		"error in another mode",
		`{"event":{` + eventHeader("Alexa", "ErrorResponse", false) + `,"payload":{"type":"NOT_SUPPORTED_IN_CURRENT_MODE","message":"","currentDeviceMode":"OTHER"}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.ErrorResponse}, Fault: &rtc.Fault{Type: rtc.NotSupportedInCurrentMode}},
	},
	{
		"deferred",
		`{"event":{` + eventHeader("Alexa", "DeferredResponse", true) + `,"payload":{"estimatedDeferralInSeconds":20}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.DeferredResponse, CorrelationToken: correlation}, Deferral: 20 * time.Second},
	},
	{
		"grant accepted",
		`{"event":{` + eventHeader("Alexa.Authorization", "AcceptGrant.Response", false) + `,"payload":{}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.AcceptGrantResponse}},
	},
	{
		"grant refused",
		`{"event":{` + eventHeader("Alexa.Authorization", "ErrorResponse", true) + `,"payload":{"type":"ACCEPT_GRANT_FAILED","message":"no"}}}`,
		rtc.Event{Header: rtc.Header{Type: rtc.AcceptGrantError, CorrelationToken: correlation}, Fault: &rtc.Fault{Type: rtc.AcceptGrantFailed, Message: "no"}},
	},
	{
		"bell",
		`{"event":{` + eventHeader("Alexa.DoorbellEventSource", "DoorbellPress", false) + `,"endpoint":{` + scopeJSON + `,"endpointId":"bell-2"},` +
			`"payload":{"cause":{"type":"PHYSICAL_INTERACTION"},"timestamp":"2017-09-27T18:30:30Z"}}}`,
		rtc.Event{
			Header: rtc.Header{Type: rtc.DoorbellPress}, EndpointID: "bell-2", Token: token, Press: &rtc.Press{Time: noon, Cause: rtc.PhysicalInteraction},
		},
	},
}

func TestDirectivesRoundTrip(t *testing.T) {
	for _, tt := range directiveCases {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			want.MessageID = directiveID
			got, err := rtc.ParseDirective([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("parsed as %v %+v", got, fields(*got))
			}
			back, err := want.AppendJSON([]byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if string(back) != "x"+tt.json {
				t.Errorf("written as\n%s, want\n%s", back, tt.json)
			}
			if !got.Type.Known() {
				t.Errorf("type %s is not known", got.Type)
			}
		})
	}
}

func TestEventsRoundTrip(t *testing.T) {
	for _, tt := range eventCases {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			want.MessageID = eventID
			got, err := rtc.ParseEvent([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("parsed as %v %+v", got, fields(*got))
			}
			back, err := want.AppendJSON([]byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if string(back) != "x"+tt.json {
				t.Errorf("written as\n%s, want\n%s", back, tt.json)
			}
		})
	}
}

// fields returns a message in a form that hides nothing.
func fields(v any) map[string]any {
	m := map[string]any{}
	for i, r := 0, reflect.ValueOf(v); i < r.NumField(); i++ {
		m[r.Type().Field(i).Name] = r.Field(i).Interface()
	}
	return m
}

// TestWhatAlexaMayWriteDifferently has forms that Amazon's schema and the field allow.
func TestWhatAlexaMayWriteDifferently(t *testing.T) {
	d, err := rtc.ParseDirective([]byte(` {"x":[1], "directive": {
		"header": {"namespace":"Alexa.RTCSessionController","name":"InitiateSessionWithOffer","messageId":"1","messageId":"2","payloadVersion":3,"new":{}},
		"endpoint": {"endpointId":"e","scope":null,"cookie":{"a":"b","n":1,"z":null}, "connections":[]},
		"payload": {"sessionId":"s","offer":{"value":"v=0\nm=audio 1","format":"sDp","extra":true}, "more":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if d.MessageID != "2" || d.Offer != "v=0\nm=audio 1" || d.Token != "" || !reflect.DeepEqual(d.Cookie, map[string]string{"a": "b"}) || d.CorrelationToken != "" {
		t.Errorf("parsed as %+v", fields(*d))
	}
	for _, version := range []string{`"payloadVersion":"3.1",`, `"payloadVersion":null,`, ``} {
		if _, err := rtc.ParseDirective([]byte(`{"directive":{"header":{` + version + `"namespace":"Alexa.Discovery","name":"Discover"}}}`)); err != nil {
			t.Errorf("with %s: %v", version, err)
		}
	}
	for full, want := range map[string]bool{`true`: true, `"true"`: true, `"True"`: true, `"TRUE"`: true, `1`: true, `false`: false, `"false"`: false, `0`: false, `null`: false, `{}`: false, `"yes"`: false} {
		e, err := rtc.ParseEvent([]byte(`{"event":{` + eventHeader("Alexa.Discovery", "Discover.Response", false) + `,"payload":{"endpoints":[{"endpointId":"a","capabilities":[
			{"interface":"Alexa.RTCSessionController","configuration":{"isFullDuplexAudioSupported":` + full + `}}]}]}}}`))
		if err != nil || e.Endpoints[0].HalfDuplex == want {
			t.Errorf("isFullDuplexAudioSupported %s: %v", full, err)
		}
	}
}

// TestUnknownDirectives: somebody else's directive is parsed as far as it can be answered.
func TestUnknownDirectives(t *testing.T) {
	d, err := rtc.ParseDirective([]byte(`{"directive":{` + directiveHeader("Alexa.PowerController", "TurnOn", true) + `,"endpoint":{` + scopeJSON + `,"endpointId":"e"},"payload":{"x":1}}}`))
	if err != nil || d.Type.Known() || d.Type != "Alexa.PowerController.TurnOn" || d.EndpointID != "e" || d.Token != token {
		t.Fatalf("%v, %v", d, err)
	}
	if _, err := d.AppendJSON(nil); err == nil {
		t.Error("written")
	}
	e := d.Response()
	if e.Type != rtc.ErrorResponse || e.Fault.Type != rtc.InvalidDirective || e.CorrelationToken != correlation || e.EndpointID != "e" || e.Token != "" {
		t.Errorf("answered %+v", fields(*e))
	}
}

// TestAnswers: each directive has one answer for success and one for failure, with what was copied.
func TestAnswers(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, tt := range directiveCases {
		d := tt.want
		d.MessageID = directiveID
		e, f := d.Response(), d.Fault(rtc.EndpointBusy, "line one\r\nline two")
		switch d.Type {
		case rtc.InitiateSessionWithOffer:
			e.Answer = sdpText
		case rtc.ReportState:
			e.Health = door.Health()
		default:
		}
		for _, e := range []*rtc.Event{e, f} {
			b, err := e.AppendJSON(nil)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if e.CorrelationToken != d.CorrelationToken || !uuid.MatchString(e.MessageID) || strings.Contains(string(b), token) || strings.Contains(string(b), "cookie") {
				t.Errorf("%s: answered %s", tt.name, b)
			}
			if e.EndpointID != d.EndpointID {
				t.Errorf("%s: answered for %q", tt.name, e.EndpointID)
			}
		}
		if f.Fault.Type != rtc.EndpointBusy && d.Type != rtc.AcceptGrant || d.Type == rtc.AcceptGrant && (f.Fault.Type != rtc.AcceptGrantFailed || f.Type != rtc.AcceptGrantError) {
			t.Errorf("%s: fault %v", tt.name, f.Fault)
		}
	}
	odd := rtc.Directive{Header: rtc.Header{Type: rtc.ReportState, CorrelationToken: "a\nb"}, EndpointID: "not ours"}
	if b, err := odd.Fault(rtc.NoSuchEndpoint, "").AppendJSON(nil); err != nil || strings.Contains(string(b), "not ours") {
		t.Errorf("an endpoint that cannot be ours: %s, %v", b, err)
	}
}

// TestSecretsStayOut prints all in every way that logs do.
func TestSecretsStayOut(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, tt := range directiveCases {
		fmt.Fprintf(&out, "%v %+v %#v %s %v %#v", tt.want, &tt.want, tt.want, tt.want, tt.want.Header, tt.want.Header)
		log.Info("x", "d", tt.want, "p", &tt.want, "h", tt.want.Header)
	}
	for _, tt := range eventCases {
		fmt.Fprintf(&out, "%v %+v %#v %s %v %#v", tt.want, &tt.want, tt.want, tt.want, tt.want.Endpoints, tt.want.Header)
		log.Info("x", "e", tt.want, "p", &tt.want)
	}
	for _, secret := range []string{token, code, correlation, "a <b>", "h3JAYGhIaQ", "a 2 z", "Tür", "map["} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if !strings.Contains(out.String(), "AnswerGeneratedForSession") || !strings.Contains(out.String(), "appliance-001") {
		t.Error("what may be printed is not")
	}
}

func TestParseErrorsNameTheMember(t *testing.T) {
	const secret = "TOPSECRET"
	offer := func(endpoint, payload string) string {
		return `{"directive":{` + directiveHeader("Alexa.RTCSessionController", "InitiateSessionWithOffer", true) + `,"endpoint":` + endpoint + `,"payload":` + payload + `}}`
	}
	for _, tt := range []struct {
		path, json string
		header     bool // the directive can be answered
	}{
		{"", `{"directive":` + secret, false},
		{"", `["` + secret + `"]`, false},
		{"", `null`, false},
		{"", strings.Repeat(" ", rtc.MaxDirective) + `{}`, false},
		{"directive", `{"directive":"` + secret + `"}`, false},
		{"directive.header.namespace", `{"directive":{}}`, false},
		{"directive.header.namespace", `{"directive":{"header":{"namespace":"Alexa","name":"Discovery.Discover"}}}`, false},
		{"directive.header.name", `{"directive":{"header":{"namespace":"Alexa","name":{"a":"` + secret + `"}}}}`, false},
		{"directive.header.payloadVersion", `{"directive":{"header":{"namespace":"Alexa.Discovery","name":"Discover","payloadVersion":"2"}}}`, false},
		{"directive.header.correlationToken", `{"directive":{"header":{"namespace":"Alexa.Discovery","name":"Discover","correlationToken":"` + strings.Repeat(secret, 1000) + `"}}}`, false},
		{"directive.header.name", `{"directive":{` + directiveHeader("Alexa", "StateReport", true) + `}}`, true},
		{"directive.endpoint.endpointId", offer(`{}`, `{"sessionId":"s","offer":{"value":"`+secret+`"}}`), true},
		{"directive.endpoint.scope", offer(`{"endpointId":"e","scope":"`+secret+`"}`, `{}`), true},
		{"directive.endpoint.scope.token", offer(`{"endpointId":"e","scope":{"token":["`+secret+`"]}}`, `{}`), true},
		{"directive.endpoint.cookie", offer(`{"endpointId":"e","cookie":"`+secret+`"}`, `{}`), true},
		{"directive.endpoint.cookie", offer(`{"endpointId":"e","cookie":{"a":"`+strings.Repeat(secret, 2000)+`"}}`, `{}`), true},
		{"directive.payload.sessionId", offer(`{"endpointId":"e"}`, `{"offer":{"value":"`+secret+`"}}`), true},
		{"directive.payload.offer.value", offer(`{"endpointId":"e"}`, `{"sessionId":"s"}`), true},
		{"directive.payload.offer.value", offer(`{"endpointId":"e"}`, `{"sessionId":"s","offer":{"value":7}}`), true},
		{"directive.payload.offer.value", offer(`{"endpointId":"e"}`, `{"sessionId":"s","offer":{"value":"`+strings.Repeat(secret, 8000)+`"}}`), true},
		{"directive.payload.offer.format", offer(`{"endpointId":"e"}`, `{"sessionId":"s","offer":{"format":"XML","value":"`+secret+`"}}`), true},
		{"directive.payload.grant.type", `{"directive":{` + directiveHeader("Alexa.Authorization", "AcceptGrant", true) + `,"payload":{"grant":{"type":"` + secret + `","code":"c"}}}}`, true},
		{"directive.payload.grant.code", `{"directive":{` + directiveHeader("Alexa.Authorization", "AcceptGrant", true) + `,"payload":{"grant":{"code":{"` + secret + `":1}}}}}`, true},
	} {
		d, err := rtc.ParseDirective([]byte(tt.json))
		pe, ok := errors.AsType[*rtc.ParseError](err)
		if !ok || pe.Path != tt.path {
			t.Errorf("%.120s: %v, want path %s", tt.json, err, tt.path)
			continue
		}
		if strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "rtc: cannot parse") {
			t.Errorf("error %v", err)
		}
		if (d != nil) != tt.header {
			t.Errorf("%.120s: directive %v", tt.json, d)
			continue
		}
		if d != nil {
			if _, err := d.Fault(rtc.InvalidDirective, err.Error()).AppendJSON(nil); err != nil {
				t.Errorf("no answer to %v: %v", d, err)
			}
		}
	}
}
