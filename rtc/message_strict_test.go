package rtc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/rtc"
)

// eventOf returns a case's event, to be spoilt.
func eventOf(t *testing.T, name string) rtc.Event {
	for _, tt := range eventCases {
		if tt.name == name {
			e := tt.want
			e.MessageID = eventID
			e.Endpoints = slices.Clone(e.Endpoints)
			return e
		}
	}
	t.Fatalf("no case %s", name)
	return rtc.Event{}
}

func TestEventsThatAreNotWritten(t *testing.T) {
	const secret = "TOPSECRET"
	long := strings.Repeat(secret, 10000)
	for _, tt := range []struct {
		of, member string
		spoil      func(e *rtc.Event)
	}{
		{"answer", "header.name", func(e *rtc.Event) { e.Type = rtc.ReportState }},
		{"answer", "header.name", func(e *rtc.Event) { e.Type = "Alexa.PowerController.TurnOn" }},
		{"answer", "header.messageId", func(e *rtc.Event) { e.MessageID = secret + "_" }},
		{"answer", "header.messageId", func(e *rtc.Event) { e.MessageID = long }},
		{"answer", "header.correlationToken", func(e *rtc.Event) { e.CorrelationToken = long }},
		{"answer", "header.correlationToken", func(e *rtc.Event) { e.CorrelationToken = secret + "\xff" }},
		{"answer", "endpoint.endpointId", func(e *rtc.Event) { e.EndpointID = "" }},
		{"answer", "endpoint.endpointId", func(e *rtc.Event) { e.EndpointID = "a " + secret }},
		{"answer", "scope.token", func(e *rtc.Event) { e.Token = secret + "\n" }},
		{"answer", "payload.answer.value", func(e *rtc.Event) { e.Answer = "" }},
		{"answer", "payload.answer.value", func(e *rtc.Event) { e.Answer = long }},
		{"answer", "payload.answer.value", func(e *rtc.Event) { e.Answer = secret + "\xff" }},
		{"answer", "payload.sessionId", func(e *rtc.Event) { e.SessionID = secret }},
		{"connected", "payload.sessionId", func(e *rtc.Event) { e.SessionID = "" }},
		{"connected", "payload.sessionId", func(e *rtc.Event) { e.SessionID = long }},
		{"connected", "payload.answer", func(e *rtc.Event) { e.Answer = secret }},
		{"connected", "payload.type", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: rtc.InternalError} }},
		{"connected", "payload.estimatedDeferralInSeconds", func(e *rtc.Event) { e.Deferral = 1 }},
		{"connected", "payload.endpoints", func(e *rtc.Event) { e.Endpoints = []rtc.Endpoint{} }},
		{"connected", "context", func(e *rtc.Event) { e.Health = &rtc.Health{} }},
		{"connected", "payload.cause", func(e *rtc.Event) { e.Press = &rtc.Press{} }},
		{"discovery", "endpoint", func(e *rtc.Event) { e.EndpointID = secret }},
		{"discovery", "endpoint.scope", func(e *rtc.Event) { e.Token = secret }},
		{"discovery", "payload.endpoints[1].endpointId", func(e *rtc.Event) { e.Endpoints[1].ID = door.ID }},
		{"discovery", "payload.endpoints", func(e *rtc.Event) { e.Endpoints = make([]rtc.Endpoint, rtc.MaxEndpoints+1) }},
		{"new endpoint", "scope.token", func(e *rtc.Event) { e.Token = "" }},
		{"new endpoint", "more than 262144 bytes", func(e *rtc.Event) { e.Endpoints = many(200) }},
		{"endpoints gone", "scope.token", func(e *rtc.Event) { e.Token = "" }},
		{"endpoints gone", "payload.endpoints[0].endpointId", func(e *rtc.Event) { e.Endpoints[0].ID = "a b" }},
		{"endpoints gone", "payload.endpoints[1].endpointId", func(e *rtc.Event) { e.Endpoints[1].ID = "a" }},
		{"state", "context", func(e *rtc.Event) { e.Health = nil }},
		{"state", "context.properties[0].timeOfSample", func(e *rtc.Event) { e.Health = &rtc.Health{Time: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} }},
		{"state", "context.properties[0].uncertaintyInMilliseconds", func(e *rtc.Event) { e.Health = &rtc.Health{Uncertainty: -1} }},
		{"error", "payload", func(e *rtc.Event) { e.Fault = nil }},
		{"error", "payload.type", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: secret} }},
		{"error", "payload.type", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: rtc.AcceptGrantFailed} }},
		{"error", "payload.currentDeviceMode", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: rtc.EndpointBusy, Mode: "OTHER"} }},
		{"error", "payload.currentDeviceMode", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: rtc.NotSupportedInCurrentMode, Mode: secret} }},
		{"error of no endpoint, in a mode", "endpoint.scope", func(e *rtc.Event) { e.Token = secret }},
		{"grant refused", "payload.type", func(e *rtc.Event) { e.Fault = &rtc.Fault{Type: rtc.EndpointBusy} }},
		{"deferred", "payload.estimatedDeferralInSeconds", func(e *rtc.Event) { e.Deferral = 0 }},
		{"deferred", "payload.estimatedDeferralInSeconds", func(e *rtc.Event) { e.Deferral = -1 }},
		{"deferred", "endpoint", func(e *rtc.Event) { e.EndpointID = "e" }},
		{"bell", "scope.token", func(e *rtc.Event) { e.Token = "" }},
		{"bell", "scope.token", func(e *rtc.Event) { e.Token = long }},
		{"bell", "payload.cause.type", func(e *rtc.Event) { e.Press = &rtc.Press{Cause: secret} }},
		{"bell", "payload.timestamp", func(e *rtc.Event) { e.Press = &rtc.Press{Time: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} }},
	} {
		e := eventOf(t, tt.of)
		tt.spoil(&e)
		b, err := e.AppendJSON([]byte("as it was"))
		switch {
		case err == nil || string(b) != "as it was":
			t.Errorf("%s without its %s is written: %.200s", tt.of, tt.member, b)
		case !strings.Contains(err.Error(), ": "+tt.member) || !strings.HasPrefix(err.Error(), "rtc: invalid event") || strings.Contains(err.Error(), secret):
			t.Errorf("%s: %v, want something of %s", tt.of, err, tt.member)
		}
	}
}

// many returns endpoints of about 2 KB each.
func many(n int) []rtc.Endpoint {
	endpoints := make([]rtc.Endpoint, n)
	for i := range endpoints {
		endpoints[i] = door
		endpoints[i].ID = fmt.Sprint("door-", i)
		endpoints[i].Cookie = map[string]string{"c": strings.Repeat("x", 1500)}
	}
	return endpoints
}

func TestDirectivesThatAreNotWritten(t *testing.T) {
	for _, tt := range []struct {
		of     int
		member string
		spoil  func(d *rtc.Directive)
	}{
		{0, "header.name", func(d *rtc.Directive) { d.Type = rtc.StateReport }},
		{0, "endpoint.endpointId", func(d *rtc.Directive) { d.EndpointID = "" }},
		{0, "endpoint.cookie", func(d *rtc.Directive) { d.Cookie = map[string]string{"a": strings.Repeat("x", rtc.MaxCookie)} }},
		{0, "endpoint.cookie", func(d *rtc.Directive) { d.Cookie = map[string]string{"a": "\xff"} }},
		{0, "token", func(d *rtc.Directive) { d.Token = "" }},
		{0, "payload.sessionId", func(d *rtc.Directive) { d.SessionID = "" }},
		{0, "payload.offer.value", func(d *rtc.Directive) { d.Offer = "" }},
		{0, "payload has", func(d *rtc.Directive) { d.GrantCode = "c" }},
		{1, "payload.sessionId", func(d *rtc.Directive) { d.SessionID = "" }},
		{1, "payload has", func(d *rtc.Directive) { d.Offer = "v=0" }},
		{3, "endpoint does", func(d *rtc.Directive) { d.EndpointID = "e" }},
		{3, "payload has", func(d *rtc.Directive) { d.SessionID = "s" }},
		{5, "payload.grant.code", func(d *rtc.Directive) { d.GrantCode = "" }},
	} {
		d := directiveCases[tt.of].want
		tt.spoil(&d)
		b, err := d.AppendJSON([]byte("as it was"))
		if err == nil || string(b) != "as it was" || !strings.Contains(err.Error(), ": "+tt.member) || !strings.HasPrefix(err.Error(), "rtc: invalid directive") {
			t.Errorf("%s without its %s: %v", directiveCases[tt.of].name, tt.member, err)
		}
	}
}

func TestEndpointLimits(t *testing.T) {
	for name, spoil := range map[string]func(e *rtc.Endpoint){
		"endpoint.endpointId":        func(e *rtc.Endpoint) { e.ID = strings.Repeat("x", 257) },
		"endpoint.manufacturerName":  func(e *rtc.Endpoint) { e.Manufacturer = "" },
		"endpoint.modelName":         func(e *rtc.Endpoint) { e.Model = strings.Repeat("x", 129) },
		"endpoint.friendlyName":      func(e *rtc.Endpoint) { e.FriendlyName = strings.Repeat("ü", 129) },
		"endpoint.description":       func(e *rtc.Endpoint) { e.Description = "a\r\nb" },
		"endpoint.cookie":            func(e *rtc.Endpoint) { e.Cookie = map[string]string{"a": strings.Repeat("\n", rtc.MaxCookie/2)} },
		"endpoint.displayCategories": func(e *rtc.Endpoint) { e.Categories = []rtc.Category{"PHONE"} },
	} {
		e := door
		spoil(&e)
		if err := e.Validate(); err == nil || !strings.HasPrefix(err.Error(), "rtc: invalid "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := door
	e.Categories = []rtc.Category{rtc.Camera, rtc.Camera}
	if e.Validate() == nil {
		t.Error("a category twice")
	}
	e = door
	e.FriendlyName, e.ID, e.Cookie = strings.Repeat("ü", 128), strings.Repeat("x", 256), map[string]string{"a": strings.Repeat("x", rtc.MaxCookie-len(`{"a":""}`))}
	if err := e.Validate(); err != nil {
		t.Errorf("all as long as it may be: %v", err)
	}
}

func TestCategories(t *testing.T) {
	for _, tt := range []struct {
		e    rtc.Endpoint
		want string
	}{
		{rtc.Endpoint{}, "[CAMERA]"},
		{rtc.Endpoint{Doorbell: true}, "[CAMERA DOORBELL]"},
		{rtc.Endpoint{Categories: []rtc.Category{rtc.Doorbell, rtc.Camera}}, "[CAMERA DOORBELL]"},
		{rtc.Endpoint{Doorbell: true, Categories: []rtc.Category{rtc.Doorbell}}, "[DOORBELL]"},
	} {
		tt.e.ID, tt.e.Manufacturer, tt.e.FriendlyName, tt.e.Description = "e", "m", "f", "d"
		e := rtc.Event{Header: rtc.Header{Type: rtc.DiscoverResponse}, Endpoints: []rtc.Endpoint{tt.e}}
		b, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := rtc.ParseEvent(b)
		if err != nil || fmt.Sprint(back.Endpoints[0].Categories) != tt.want {
			t.Errorf("written as %s, want %s", b, tt.want)
		}
	}
}

// TestADiscoveryOfAllThatIsAllowed fits into one answer.
func TestADiscoveryOfAllThatIsAllowed(t *testing.T) {
	e := rtc.Event{Header: rtc.Header{Type: rtc.DiscoverResponse}, Endpoints: many(rtc.MaxEndpoints)}
	for i := range e.Endpoints {
		e.Endpoints[i].Cookie["c"] = strings.Repeat("x", rtc.MaxCookie-10)
		e.Endpoints[i].FriendlyName = strings.Repeat("ü", 128)
	}
	b, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := rtc.ParseEvent(b); err != nil || !reflect.DeepEqual(back.Endpoints, e.Endpoints) {
		t.Errorf("came back otherwise: %v", err)
	}
}

// TestWhatIsNotSet: times that nobody has given are now, and ids are new.
func TestWhatIsNotSet(t *testing.T) {
	press := rtc.Event{Header: rtc.Header{Type: rtc.DoorbellPress}, EndpointID: "e", Token: token}
	state := rtc.Event{Header: rtc.Header{Type: rtc.StateReport}, EndpointID: "e", Health: door.Health()}
	before := time.Now().Add(-2 * time.Second)
	ids := map[string]bool{}
	for range 2 {
		b, err := press.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := rtc.ParseEvent(b)
		if err != nil || back.Press.Cause != rtc.PhysicalInteraction || back.Press.Time.Before(before) || back.Press.Time.After(time.Now()) {
			t.Fatalf("%s, %v", b, err)
		}
		ids[back.MessageID] = true
	}
	if len(ids) != 2 || ids[""] {
		t.Errorf("message ids %v", slices.Collect(maps.Keys(ids)))
	}
	b, err := state.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := rtc.ParseEvent(b); err != nil || back.Health.Offline || back.Health.Time.Before(before) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestStateReportsOfOthers(t *testing.T) {
	e, err := rtc.ParseEvent([]byte(`{"context":{"properties":[null,{"namespace":"Alexa.ThermostatController","name":"connectivity","value":"AUTO"}]},` +
		`"event":{` + eventHeader("Alexa", "StateReport", true) + `,"endpoint":{"endpointId":"e"},"payload":{}}}`))
	if err != nil || e.Health != nil {
		t.Errorf("%v, %v", e, err)
	}
	for path, text := range map[string]string{
		"context.properties[0].timeOfSample":              `[{"namespace":"Alexa.EndpointHealth","name":"connectivity","timeOfSample":"noon"}]`,
		"context.properties[0].uncertaintyInMilliseconds": `[{"namespace":"Alexa.EndpointHealth","name":"connectivity","uncertaintyInMilliseconds":-1}]`,
		"context.properties[1]":                           `[{},7]`,
		"context.properties":                              `{}`,
	} {
		_, err := rtc.ParseEvent([]byte(`{"context":{"properties":` + text + `},"event":{` + eventHeader("Alexa", "StateReport", true) + `,"endpoint":{"endpointId":"e"}}}`))
		if pe, ok := errors.AsType[*rtc.ParseError](err); !ok || pe.Path != path {
			t.Errorf("%v, want one of %s", err, path)
		}
	}
}

func TestFaultsAreErrors(t *testing.T) {
	var err error = &rtc.Fault{Type: rtc.EndpointBusy, Message: "somebody\ntalks"}
	if err.Error() != "rtc: ENDPOINT_BUSY: somebody talks" || (&rtc.Fault{Type: rtc.InternalError}).Error() != "rtc: INTERNAL_ERROR" {
		t.Error(err)
	}
	if f, ok := errors.AsType[*rtc.Fault](fmt.Errorf("directory: %w", err)); !ok || f.Type != rtc.EndpointBusy {
		t.Error("not found in a chain")
	}
}

func TestEndpointsAreADirectory(t *testing.T) {
	all := rtc.Endpoints{{ID: "a"}, {ID: "b", Users: []string{"ann", "bob"}}, {ID: "c", Users: []string{}}}
	for user, want := range map[string]string{"ann": "[a b]", "eve": "[a]", "": "[a]"} {
		if got, err := all.List(context.Background(), user); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q has %v, %v, want %s", user, got, err, want)
		}
	}
	if e, err := all.Find(context.Background(), "b"); err != nil || e.ID != "b" {
		t.Errorf("%v, %v", e, err)
	}
	if _, err := all.Find(context.Background(), "d"); !errors.Is(err, rtc.ErrNoEndpoint) {
		t.Errorf("%v, want ErrNoEndpoint", err)
	}
}

// FuzzParseDirective: what is parsed can be answered, and what is written again parses to the same.
func FuzzParseDirective(f *testing.F) {
	for _, tt := range directiveCases {
		f.Add([]byte(tt.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := rtc.ParseDirective(data)
		if err != nil && !strings.HasPrefix(err.Error(), "rtc: cannot parse") {
			t.Fatalf("error %v", err)
		}
		if d == nil {
			return
		}
		if b, err := d.Fault(rtc.InternalError, string(data)).AppendJSON(nil); err != nil || !json.Valid(b) {
			t.Fatalf("no answer to %v: %v", d, err)
		}
		if err != nil {
			return
		}
		if b, err := d.AppendJSON(nil); err == nil {
			again, err := rtc.ParseDirective(b)
			if err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			if d.MessageID == "" {
				again.MessageID = ""
			}
			if !reflect.DeepEqual(again, d) {
				t.Fatalf("%+v became %+v", fields(*d), fields(*again))
			}
		}
	})
}

// FuzzParseEvent: what is written again is written the same way for ever.
func FuzzParseEvent(f *testing.F) {
	for _, tt := range eventCases {
		f.Add([]byte(tt.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := rtc.ParseEvent(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "rtc: cannot parse") {
				t.Fatalf("error %v", err)
			}
			return
		}
		first, err := e.AppendJSON(nil)
		if err != nil {
			return
		}
		again, err := rtc.ParseEvent(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := again.AppendJSON(nil)
		if err != nil || string(first) != string(second) {
			t.Fatalf("%s became %s, %v", first, second, err)
		}
	})
}
