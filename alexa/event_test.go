package alexa_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

const skillID = "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc"

// envelope returns a skill request as the Alexa Skills Kit documents it, around a
// request object.
func envelope(request string) string {
	return `{
 "version": "1.0",
 "session": {"new": true, "sessionId": "amzn1.echo-api.session.1", "application": {"applicationId": "` + skillID + `"}, "user": {"userId": "u"}},
 "context": {"System": {
  "application": {"applicationId": "` + skillID + `"},
  "user": {"userId": "amzn1.ask.account.AHT5", "accessToken": "linked-token",
   "permissions": {"consentToken": "consent-token", "scopes": {"amazon_communication::calling": {"status": "GRANTED"}}}},
  "device": {"deviceId": "amzn1.ask.device.AHCP", "persistentEndpointId": "amzn1.alexa.endpoint.did.E", "supportedInterfaces": {}},
  "unit": {"unitId": "amzn1.ask.unit.U", "persistentUnitId": "amzn1.alexa.unit.did.P"},
  "apiEndpoint": "https://api.eu.amazonalexa.com",
  "apiAccessToken": "api-token"},
  "Extensions": {"available": {}}},
 "request": ` + request + `
}`
}

func TestParseEvent(t *testing.T) {
	e, err := alexa.ParseEvent([]byte(envelope(messageCases[0].json)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ name, got, want string }{
		{"Version", e.Version, "1.0"},
		{"SkillID", e.SkillID, skillID},
		{"SessionSkillID", e.SessionSkillID, skillID},
		{"APIEndpoint", e.APIEndpoint, alexa.EndpointEU},
		{"APIAccessToken", e.APIAccessToken, "api-token"},
		{"UserID", e.UserID, "amzn1.ask.account.AHT5"},
		{"AccessToken", e.AccessToken, "linked-token"},
		{"ConsentToken", e.ConsentToken, "consent-token"},
		{"DeviceID", e.DeviceID, "amzn1.ask.device.AHCP"},
		{"PersistentEndpointID", e.PersistentEndpointID, "amzn1.alexa.endpoint.did.E"},
		{"UnitID", e.UnitID, "amzn1.ask.unit.U"},
		{"PersistentUnitID", e.PersistentUnitID, "amzn1.alexa.unit.did.P"},
		{"RequestType", e.RequestType, string(alexa.InitiateOutboundCall)},
		{"RequestID", e.RequestID, "amzn1.echo-api.request.ea2d"},
		{"Request", string(e.Request), messageCases[0].json},
		{"message", e.Message.Type.String(), "InitiateOutboundCall"},
		{"session of the call", e.Message.SessionID, "573829.1273645"},
	} {
		if f.got != f.want {
			t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
		}
	}
	if want := time.Date(2024, 10, 31, 12, 0, 0, 0, time.UTC); !e.Timestamp.Equal(want) || !e.Message.Timestamp.Equal(want) {
		t.Errorf("timestamps %v and %v", e.Timestamp, e.Message.Timestamp)
	}
}

func TestParseEventLeniently(t *testing.T) {
	e, err := alexa.ParseEvent([]byte(`{"request":{"type":"LaunchRequest","requestId":"r","locale":"de-DE"}}`))
	if err != nil || e.RequestType != "LaunchRequest" || e.RequestID != "r" || e.Locale != "de-DE" || e.Message != nil || e.SkillID != "" || !e.Timestamp.IsZero() {
		t.Errorf("got %v, %v", e, err)
	}
	for name, body := range map[string]string{
		"context a string":      `{"context":"x","request":{"type":"T"}}`,
		"System null":           `{"context":{"System":null},"request":{"type":"T"}}`,
		"device a number":       `{"context":{"System":{"device":7,"application":{"applicationId":"` + skillID + `"}}},"request":{"type":"T"}}`,
		"version a number":      `{"version":1,"session":[],"request":{"type":"T"}}`,
		"skill id not a string": `{"context":{"System":{"application":{"applicationId":["` + skillID + `"]}}},"request":{"type":"T"}}`,
	} {
		e, err := alexa.ParseEvent([]byte(body))
		if err != nil || e.RequestType != "T" {
			t.Errorf("%s: %v", name, err)
		} else if want := name == "device a number"; (e.SkillID == skillID) != want {
			t.Errorf("%s: skill id %q", name, e.SkillID)
		}
	}
}

func TestParseEventErrors(t *testing.T) {
	for name, tt := range map[string]struct{ body, path string }{
		"empty":                 {``, ""},
		"null":                  {`null`, ""},
		"array":                 {`[]`, ""},
		"cut":                   {envelope(messageCases[0].json)[:400], ""},
		"no request":            {`{"version":"1.0"}`, "request"},
		"request null":          {`{"request":null}`, "request"},
		"request a string":      {`{"request":"x"}`, "request"},
		"no type":               {`{"request":{}}`, "request.type"},
		"type a number":         {`{"request":{"type":1}}`, "request.type"},
		"request id a number":   {`{"request":{"type":"T","requestId":1}}`, "request.requestId"},
		"timestamp not a time":  {`{"request":{"type":"T","timestamp":"now"}}`, "request.timestamp"},
		"timestamp a number":    {`{"request":{"type":"T","timestamp":1730376000000}}`, "request.timestamp"},
		"message without call":  {`{"request":{"type":"` + prefix + `CallRinging"}}`, "request.sessionId"},
		"bad message":           {envelope(`{"type":"` + prefix + `CallRinging","sessionId":"s","sdpDetails":{"value":7}}`), "request.sdpDetails.value"},
		"too large":             {envelope(`{"type":"T","x":"` + strings.Repeat("a", alexa.MaxBody) + `"}`), ""},
		"too deep":              {envelope(`{"type":"T","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`), ""},
		"something after it":    {`{"request":{"type":"T"}} x`, ""},
		"names in another case": {`{"Request":{"Type":"T"}}`, "request"},
	} {
		_, err := alexa.ParseEvent([]byte(tt.body))
		if e, ok := errors.AsType[*alexa.ParseError](err); !ok || e.Path != tt.path {
			t.Errorf("%s: %v, want a *ParseError at %q", name, err, tt.path)
		}
	}
}

func TestCheckSkill(t *testing.T) {
	for name, tt := range map[string]struct {
		event alexa.Event
		skill string
		ok    bool
	}{
		"same":              {alexa.Event{SkillID: skillID}, skillID, true},
		"same, in session":  {alexa.Event{SkillID: skillID, SessionSkillID: skillID}, skillID, true},
		"another":           {alexa.Event{SkillID: skillID + "x"}, skillID, false},
		"another, session":  {alexa.Event{SkillID: skillID, SessionSkillID: "x"}, skillID, false},
		"none":              {alexa.Event{}, skillID, false},
		"only in a session": {alexa.Event{SessionSkillID: skillID}, skillID, false},
	} {
		err := tt.event.CheckSkill(tt.skill)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !errors.Is(err, &alexa.VerifyError{Reason: alexa.ReasonSkill}) {
			t.Errorf("%s: %v is not for the skill", name, err)
		}
	}
	// A program that forgot its skill id must not take everything for its own.
	if err := new(alexa.Event).CheckSkill(""); err == nil {
		t.Error("no id fits no id")
	} else if _, ok := errors.AsType[*alexa.VerifyError](err); ok {
		t.Error("a missing skill id is called the request's fault")
	}
}

func TestAppendReceipt(t *testing.T) {
	if got := string(alexa.AppendReceipt([]byte("x"), "")); got != `x{"version":"1.0","response":{}}` {
		t.Errorf("got %s", got)
	}
	got := alexa.AppendReceipt(nil, `a"<b`)
	var answer struct {
		Version  string
		Response struct {
			Directives []struct{ Type, ProviderSessionID string }
		}
	}
	if err := json.Unmarshal(got, &answer); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if d := answer.Response.Directives; answer.Version != "1.0" || len(d) != 1 || d[0].Type != prefix+"InitiateOutboundCall" || d[0].ProviderSessionID != `a"<b` {
		t.Errorf("got %s", got)
	}
}

func TestEventsHideWhatIsPrivate(t *testing.T) {
	e, err := alexa.ParseEvent([]byte(envelope(messageCases[0].json)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "e", e, "v", *e)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s %v %+v %#v", e, e, e, e, *e, *e, *e)
	for _, shown := range []string{"InitiateOutboundCall", "amzn1.echo-api.request.ea2d", skillID, "573829.1273645"} {
		if !strings.Contains(out.String(), shown) {
			t.Errorf("%q is not shown", shown)
		}
	}
	for _, secret := range []string{"linked-token", "consent-token", "api-token", "AHT5", "2055551233", "x9cml"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}
