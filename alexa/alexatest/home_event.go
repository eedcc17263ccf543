package alexatest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// skillEvent is an event of the skill, as far as it could be read.
type skillEvent struct {
	namespace, name, id, correlation string
	scope, endpoint                  string // of event.endpoint
	session, sdp                     string
	errorType, errorMessage          string
	payload, context                 map[string]any
}

// kind is what the rows of home_schema.go are found by.
func (e *skillEvent) kind() string { return e.namespace + "." + e.name }

func (e *skillEvent) failed() bool { return e.name == "ErrorResponse" }

// same reports whether two events say the same, whatever their message ids.
func (e *skillEvent) same(other *skillEvent) bool {
	return e.kind() == other.kind() && reflect.DeepEqual(e.payload, other.payload)
}

// entry returns what the event is recorded with.
func (e *skillEvent) entry(k HomeKind) HomeEntry {
	return HomeEntry{
		Kind: k, Name: e.name, EndpointID: e.endpoint, SessionID: e.session, Error: e.errorType, SDP: sectionsOf(e.sdp), MessageID: e.id,
	}
}

// readEvent reads an event and checks it against the documented schema. The event is returned with faults too, as far as it could be read,
// and is never nil. Properties that are not documented are no faults.
func readEvent(body []byte) (e *skillEvent, faults, extra []string) {
	e = &skillEvent{}
	var tree any
	if len(body) > maxEvent {
		return e, []string{"answer is too large"}, nil
	}
	if err := json.Unmarshal(body, &tree); err != nil {
		return e, []string{"not JSON: " + jsonFault(err)}, nil
	}
	root, _ := tree.(map[string]any)
	event := member(root, "event")
	header, endpoint := member(event, "header"), member(event, "endpoint")
	e.payload, e.context = member(event, "payload"), member(root, "context")
	e.namespace, e.name = word(header, "namespace"), word(header, "name")
	e.id, e.correlation = word(header, "messageId"), word(header, "correlationToken")
	e.endpoint, e.scope = word(endpoint, "endpointId"), word(member(endpoint, "scope"), "token")
	if e.name == "AddOrUpdateReport" {
		e.scope = word(member(e.payload, "scope"), "token")
	}
	e.session, e.sdp = word(e.payload, "sessionId"), word(member(e.payload, "answer"), "value")
	rows, ok := eventRows(e.kind())
	if !ok {
		return e, []string{fmt.Sprintf("unknown event %.40q of %.60q", e.name, e.namespace)}, nil
	}
	if e.failed() {
		e.errorType, e.errorMessage = word(e.payload, "type"), word(e.payload, "message")
	}
	i := &inspection{}
	i.object("", root, rows)
	i.formats(e)
	return e, i.faults, i.extra
}

// member returns an object's member that is an object; nil when it has none.
func member(m map[string]any, name string) map[string]any {
	v, _ := m[name].(map[string]any)
	return v
}

// word returns an object's member that is a string.
func word(m map[string]any, name string) string {
	v, _ := m[name].(string)
	return v
}

var (
	messageIDForm  = regexp.MustCompile(`^[a-zA-Z0-9\-]{1,127}$`)
	endpointIDForm = regexp.MustCompile(`^[a-zA-Z0-9_\-=#;:?@&]{1,256}$`)
)

// formats checks what a row cannot say: the form of ids and times, and what belongs together in a description of devices.
func (i *inspection) formats(e *skillEvent) {
	if e.id != "" && !messageIDForm.MatchString(e.id) {
		i.fault("event.header.messageId has characters other than letters, digits and hyphens, or too many")
	}
	if e.endpoint != "" && !endpointIDForm.MatchString(e.endpoint) {
		i.fault("event.endpoint.endpointId is not of the documented form")
	}
	if len(e.sdp) > maxSDP {
		i.fault("event.payload.answer.value longer than %d bytes", maxSDP)
	}
	if f := word(member(e.payload, "answer"), "format"); f != "" && !strings.EqualFold(f, "SDP") {
		i.fault("event.payload.answer.format is not SDP")
	}
	if e.name == "DoorbellPress" {
		if at := word(e.payload, "timestamp"); at != "" && !isTime(at) {
			i.fault("event.payload.timestamp is not of ISO 8601 in UTC")
		}
	}
	properties, _ := e.context["properties"].([]any)
	for n, entry := range properties {
		p, _ := entry.(map[string]any)
		if at := word(p, "timeOfSample"); at != "" && !isTime(at) {
			i.fault("context.properties[%d].timeOfSample is not of ISO 8601 in UTC", n)
		}
		if word(p, "namespace") == "Alexa.EndpointHealth" && word(p, "name") == "connectivity" {
			if v := word(member(p, "value"), "value"); v != "OK" && v != "UNREACHABLE" {
				i.fault("context.properties[%d].value is no connectivity", n)
			}
		}
	}
	if e.kind() == nsDiscovery+".Discover.Response" || e.kind() == nsDiscovery+".AddOrUpdateReport" {
		i.devices(e.payload)
	}
}

// isTime reports whether a time is written as Amazon's pages do: YYYY-MM-DDThh:mm:ssZ, with or without fractions of a second.
func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && strings.HasSuffix(s, "Z")
}

// connectivity returns what a context says of Alexa.EndpointHealth.
func connectivity(context map[string]any) string {
	properties, _ := context["properties"].([]any)
	for _, entry := range properties {
		p, _ := entry.(map[string]any)
		if word(p, "namespace") == "Alexa.EndpointHealth" && word(p, "name") == "connectivity" {
			return word(member(p, "value"), "value")
		}
	}
	return ""
}

// judge reads what the skill returned for a directive: the event, or what is wrong with it.
func (h *Home) judge(d *directive, body []byte, took time.Duration) (*skillEvent, error) {
	e, faults, extra := readEvent(body)
	entry := e.entry(KindAnswer)
	entry.Took = took
	if entry.SessionID == "" {
		entry.SessionID = d.session
	}
	h.record(entry)
	for _, f := range extra {
		h.violate("answer to %s: %s", d.name, f)
	}
	for _, f := range faults {
		h.violate("answer to %s: %s", d.name, f)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("alexatest: answer to %s: %s", d.name, faults[0])
	}
	return e, h.fits(d, e)
}

// answersTable has the events that answer a directive.
var answersTable = map[string][]string{
	nsDiscovery + ".Discover":        {nsDiscovery + ".Discover.Response"},
	nsAlexa + ".ReportState":         {nsAlexa + ".StateReport", nsAlexa + ".ErrorResponse"},
	nsAuthorization + ".AcceptGrant": {nsAuthorization + ".AcceptGrant.Response", nsAuthorization + ".ErrorResponse"},
	nsRTC + ".InitiateSessionWithOffer": {
		nsRTC + ".AnswerGeneratedForSession", nsAlexa + ".ErrorResponse", nsAlexa + ".DeferredResponse",
	},
	nsRTC + ".SessionConnected":    {nsRTC + ".SessionConnected", nsAlexa + ".ErrorResponse"},
	nsRTC + ".SessionDisconnected": {nsRTC + ".SessionDisconnected", nsAlexa + ".ErrorResponse"},
}

// fits checks that an event answers that directive.
func (h *Home) fits(d *directive, e *skillEvent) error {
	wrong := func(format string, args ...any) error {
		text := fmt.Sprintf("answer to "+d.name+": "+format, args...)
		h.violate("%s", text)
		return fmt.Errorf("alexatest: %s", text)
	}
	known := false
	for _, k := range answersTable[d.namespace+"."+d.name] {
		known = known || k == e.kind()
	}
	switch {
	case !known:
		return wrong("%s does not answer it", e.kind())
	case d.correlation != "" && e.correlation != d.correlation:
		return wrong("another correlationToken than that of the directive")
	case d.correlation == "" && e.correlation != "":
		return wrong("a correlationToken, though the directive has none")
	case e.endpoint != "" && e.endpoint != d.endpoint:
		return wrong("another endpoint than that of the directive")
	case e.endpoint == "" && d.endpoint != "" && e.name != "DeferredResponse" && !e.failed():
		return wrong("event.endpoint.endpointId missing")
	case e.id == d.id:
		return wrong("the messageId of the directive, not one of its own")
	case e.session != "" && e.session != d.session:
		return wrong("another sessionId than that of the directive")
	case e.failed():
		return &SkillError{Type: e.errorType, Message: e.errorMessage}
	}
	return nil
}
