package rtc_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/rtc"
)

func TestEventsThatAreNotParsed(t *testing.T) {
	event := func(namespace, name, rest string) string {
		return `{"event":{` + eventHeader(namespace, name, true) + rest + `}}`
	}
	endpoints := func(list string) string {
		return event("Alexa.Discovery", "Discover.Response", `,"payload":{"endpoints":`+list+`}`)
	}
	for _, tt := range []struct{ path, json string }{
		{"", strings.Repeat(" ", rtc.MaxEvent) + `{}`},
		{"", `7`},
		{"event", `{"event":[]}`},
		{"event.header.name", event("Alexa", "ReportState", ``)},
		{"event.endpoint.endpointId", event("Alexa.RTCSessionController", "SessionConnected", `,"payload":{"sessionId":"s"}`)},
		{"event.payload.answer.value", event("Alexa.RTCSessionController", "AnswerGeneratedForSession", `,"endpoint":{"endpointId":"e"}`)},
		{"event.payload.type", event("Alexa", "ErrorResponse", `,"payload":{"message":"m"}`)},
		{"event.payload.estimatedDeferralInSeconds", event("Alexa", "DeferredResponse", `,"payload":{"estimatedDeferralInSeconds":1e300}`)},
		{"event.payload.estimatedDeferralInSeconds", event("Alexa", "DeferredResponse", `,"payload":{"estimatedDeferralInSeconds":"NaN"}`)},
		{"event.payload.estimatedDeferralInSeconds", event("Alexa", "DeferredResponse", `,"payload":{"estimatedDeferralInSeconds":{}}`)},
		{"event.payload.timestamp", event("Alexa.DoorbellEventSource", "DoorbellPress", `,"endpoint":{"endpointId":"e"},"payload":{"timestamp":"now"}`)},
		{"event.payload.endpoints", endpoints(`{}`)},
		{"event.payload.endpoints", endpoints(`[` + strings.Repeat(`{},`, rtc.MaxEndpoints) + `{}]`)},
		{"event.payload.endpoints[1]", endpoints(`[{},"x"]`)},
		{"event.payload.endpoints[0].displayCategories", endpoints(`[{"displayCategories":[1]}]`)},
		{"event.payload.endpoints[0].capabilities[0].interface", endpoints(`[{"capabilities":[{"interface":3}]}]`)},
		{"event.payload.endpoints[0].cookie", endpoints(`[{"cookie":["k"]}]`)},
	} {
		e, err := rtc.ParseEvent([]byte(tt.json))
		if pe, ok := errors.AsType[*rtc.ParseError](err); !ok || pe.Path != tt.path || e != nil {
			t.Errorf("%.160s: %v, want path %s", tt.json, err, tt.path)
		}
	}
	e, err := rtc.ParseEvent([]byte(event("Alexa", "DeferredResponse", `,"payload":{"estimatedDeferralInSeconds":"20"}`)))
	if err != nil || e.Deferral != 20*time.Second {
		t.Errorf("a number as text: %v", err)
	}
	if fmt.Sprintf("%#v", []rtc.Endpoint{bell}) != "[]rtc.Endpoint{rtc.Endpoint{bell-2}}" {
		t.Errorf("%#v", []rtc.Endpoint{bell})
	}
}

// TestABrokenAnswerIsRead as far as its status.
func TestABrokenAnswerIsRead(t *testing.T) {
	r, err := said(http.StatusForbidden, "")(new(http.Request))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	broken := errors.New("connection reset")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"payload":{"code":"SKILL_DISABLED_EXCEPTION"}}`), failingReader{broken}))
	if e := rtc.ReadError(r, rtc.DoorbellPress, nil); e.Status != http.StatusForbidden || e.Code != "" || !errors.Is(e, broken) {
		t.Errorf("%#v", e)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
