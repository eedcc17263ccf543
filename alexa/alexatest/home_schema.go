package alexatest

import (
	"fmt"
	"slices"
)

// errorTypeTable has the types of Alexa.ErrorResponse (Amazon's page "alexa-errorresponse" and the public schema).
var errorTypeTable = []string{
	"ALREADY_IN_OPERATION", "BRIDGE_UNREACHABLE", "CLOUD_CONTROL_DISABLED", "ENDPOINT_BUSY", "ENDPOINT_LOW_POWER", "ENDPOINT_UNREACHABLE",
	"EXPIRED_AUTHORIZATION_CREDENTIAL", "FIRMWARE_OUT_OF_DATE", "HARDWARE_MALFUNCTION", "INSUFFICIENT_PERMISSIONS", "INTERNAL_ERROR",
	"INVALID_AUTHORIZATION_CREDENTIAL", "INVALID_DIRECTIVE", "INVALID_VALUE", "NOT_CALIBRATED", "NOT_IN_OPERATION",
	"NOT_SUPPORTED_IN_CURRENT_MODE", "NO_SUCH_ENDPOINT", "POWER_LEVEL_NOT_SUPPORTED", "RATE_LIMIT_EXCEEDED",
	"TEMPERATURE_VALUE_OUT_OF_RANGE", "TOO_MANY_FAILED_ATTEMPTS", "VALUE_OUT_OF_RANGE",
}

// causeTable has the values of payload.cause.type (Amazon's page "alexa-doorbelleventsource").
var causeTable = []string{"APP_INTERACTION", "PERIODIC_POLL", "PHYSICAL_INTERACTION", "RULE_TRIGGER", "VOICE_INTERACTION"}

// eventRows returns the rows of an event of the skill; false for an event that is not known. They follow the public schema of smart-home
// messages, which allows nothing beyond them.
func eventRows(kind string) ([]property, bool) {
	payload := func(rows ...property) property {
		return property{name: "payload", kind: anObject, need: true, of: rows}
	}
	event := func(rows ...property) property {
		header := property{name: "header", kind: anObject, need: true, of: []property{
			{name: "namespace", kind: aString, need: true},
			{name: "name", kind: aString, need: true},
			{name: "payloadVersion", kind: aString, need: true, values: []string{"3"}},
			{name: "messageId", kind: aString, need: true},
			{name: "correlationToken", kind: aString},
		}}
		return property{name: "event", kind: anObject, need: true, of: append(rows, header)}
	}
	endpoint := property{name: "endpoint", kind: anObject, of: []property{
		{name: "endpointId", kind: aString, need: true, max: 256}, scopeRow(false),
	}}
	addressed := endpoint
	addressed.need, addressed.of = true, []property{{name: "endpointId", kind: aString, need: true, max: 256}, scopeRow(true)}
	session := property{name: "sessionId", kind: aString, need: true}
	failure := func(types []string) property {
		return payload(property{name: "type", kind: aString, need: true, values: types}, property{name: "message", kind: aString, need: true})
	}
	devices := property{name: "endpoints", kind: anArray, need: true, of: deviceRows()}
	switch kind {
	case nsRTC + ".AnswerGeneratedForSession":
		return []property{contextRow(), event(endpoint, payload(property{name: "answer", kind: anObject, need: true, of: []property{
			{name: "format", kind: aString, need: true}, {name: "value", kind: aString, need: true},
		}}))}, true
	case nsRTC + ".SessionConnected", nsRTC + ".SessionDisconnected":
		return []property{contextRow(), event(endpoint, payload(session))}, true
	case nsAlexa + ".ErrorResponse":
		return []property{event(endpoint, failure(errorTypeTable))}, true
	case nsAlexa + ".DeferredResponse":
		return []property{event(payload(property{name: "estimatedDeferralInSeconds", kind: aNumber}))}, true
	case nsAlexa + ".StateReport":
		return []property{contextRow(), event(endpoint, payload())}, true
	case nsDiscovery + ".Discover.Response":
		return []property{event(payload(devices))}, true
	case nsDiscovery + ".AddOrUpdateReport":
		return []property{event(payload(devices, scopeRow(true)))}, true
	case nsAuthorization + ".AcceptGrant.Response":
		return []property{event(payload())}, true
	case nsAuthorization + ".ErrorResponse":
		return []property{event(failure([]string{"ACCEPT_GRANT_FAILED"}))}, true
	case nsDoorbell + ".DoorbellPress":
		return []property{contextRow(), event(addressed, payload(
			property{name: "cause", kind: anObject, need: true, of: []property{{name: "type", kind: aString, need: true, values: causeTable}}},
			property{name: "timestamp", kind: aString, need: true},
		))}, true
	}
	return nil, false
}

func scopeRow(need bool) property {
	return property{name: "scope", kind: anObject, need: need, of: []property{
		{name: "type", kind: aString, need: true, values: []string{"BearerToken"}}, {name: "token", kind: aString, need: true},
	}}
}

func contextRow() property {
	return property{name: "context", kind: anObject, of: []property{{name: "properties", kind: anArray, of: []property{
		{name: "namespace", kind: aString, need: true},
		{name: "name", kind: aString, need: true},
		{name: "value", kind: anything, need: true, open: true},
		{name: "timeOfSample", kind: aString, need: true},
		{name: "uncertaintyInMilliseconds", kind: aNumber, need: true},
	}}}}
}

// deviceRows are those of one endpoint in Discover.Response. modelName is not in the public schema, but on the page of the interface.
func deviceRows() []property {
	text := &property{kind: aString, need: true}
	return []property{
		{name: "endpointId", kind: aString, need: true, max: 256},
		{name: "manufacturerName", kind: aString, need: true, max: 128},
		{name: "modelName", kind: aString, max: 128},
		{name: "friendlyName", kind: aString, need: true, max: 128},
		{name: "description", kind: aString, need: true, max: 128},
		{name: "displayCategories", kind: anArray, need: true, item: text},
		{name: "cookie", kind: anObject, open: true},
		{name: "additionalAttributes", kind: anObject, open: true},
		{name: "connections", kind: anArray, item: &property{kind: anObject, open: true}},
		{name: "capabilities", kind: anArray, need: true, of: []property{
			{name: "type", kind: aString, need: true, values: []string{"AlexaInterface"}},
			{name: "interface", kind: aString, need: true},
			{name: "version", kind: aString, need: true},
			{name: "configuration", kind: anObject, open: true},
			{name: "proactivelyReported", kind: aBoolean},
			{name: "properties", kind: anObject, of: []property{
				{name: "supported", kind: anArray, of: []property{{name: "name", kind: aString, need: true}}},
				{name: "proactivelyReported", kind: aBoolean},
				{name: "retrievable", kind: aBoolean},
			}},
		}},
	}
}

// maxCookie is the size of a device's cookie as JSON.
const maxCookie = 5000

// devices checks what belongs together in a description of devices.
func (i *inspection) devices(payload map[string]any) {
	list, _ := payload["endpoints"].([]any)
	if len(list) > maxEach {
		i.fault("event.payload.endpoints has more than %d entries", maxEach)
	}
	seen := make(map[string]bool)
	for n, v := range readDevices(payload) {
		wrong := func(format string, args ...any) {
			i.fault(fmt.Sprintf("event.payload.endpoints[%d]: ", n)+format, args...)
		}
		camera, doorbell := slices.Index(v.Categories, "CAMERA"), slices.Index(v.Categories, "DOORBELL")
		size := 0
		for key, value := range v.Cookie {
			size += len(key) + len(value) + len(`"":"",`)
		}
		switch {
		case !endpointIDForm.MatchString(v.EndpointID):
			wrong("endpointId is not of the documented form")
		case seen[v.EndpointID]:
			wrong("endpointId stands twice")
		case size > maxCookie:
			wrong("cookie larger than %d bytes", maxCookie)
		case v.RTC && camera < 0 && doorbell < 0:
			wrong("displayCategories without CAMERA and DOORBELL")
		case camera > doorbell && doorbell >= 0:
			wrong("displayCategories with CAMERA behind DOORBELL")
		case !slices.Contains(v.Interfaces, nsAlexa):
			wrong("capabilities without the interface Alexa")
		}
		seen[v.EndpointID] = true
		entry, _ := list[n].(map[string]any)
		i.capabilities(entry, wrong)
	}
}

// capabilities checks the interfaces that this package knows.
func (i *inspection) capabilities(device map[string]any, wrong func(string, ...any)) {
	if cookie := member(device, "cookie"); cookie != nil {
		for key, value := range cookie {
			if _, ok := value.(string); !ok {
				wrong("cookie.%.40s is no string", key)
			}
		}
	}
	list, _ := device["capabilities"].([]any)
	for _, entry := range list {
		c, _ := entry.(map[string]any)
		if v := word(c, "version"); v != "3" && word(c, "interface") != "Alexa.EndpointHealth" {
			wrong("version %.10q of %.60s", v, word(c, "interface"))
		}
		switch word(c, "interface") {
		case nsRTC:
			if v, ok := member(c, "configuration")["isFullDuplexAudioSupported"]; ok && kindOfJSON(v) != aBoolean {
				wrong("isFullDuplexAudioSupported is %s", kindOfJSON(v))
			}
		case nsDoorbell:
			if c["proactivelyReported"] != true {
				wrong("%s without proactivelyReported", nsDoorbell)
			}
		}
	}
}

// readDevices reads the endpoints of a description, one for each entry, whatever is wrong with them.
func readDevices(payload map[string]any) []Device {
	list, _ := payload["endpoints"].([]any)
	var out []Device
	for _, entry := range list[:min(len(list), maxEach)] {
		m, _ := entry.(map[string]any)
		v := Device{
			EndpointID: word(m, "endpointId"), FriendlyName: word(m, "friendlyName"), Description: word(m, "description"),
			Manufacturer: word(m, "manufacturerName"), Model: word(m, "modelName"),
		}
		categories, _ := m["displayCategories"].([]any)
		for _, c := range categories {
			text, _ := c.(string)
			v.Categories = append(v.Categories, text)
		}
		for key := range member(m, "cookie") {
			if v.Cookie == nil {
				v.Cookie = make(map[string]string)
			}
			v.Cookie[key] = word(member(m, "cookie"), key)
		}
		capabilities, _ := m["capabilities"].([]any)
		for _, entry := range capabilities {
			c, _ := entry.(map[string]any)
			name := word(c, "interface")
			v.Interfaces = append(v.Interfaces, name)
			switch name {
			case nsRTC:
				v.RTC, v.FullDuplex = true, member(c, "configuration")["isFullDuplexAudioSupported"] == true
			case nsDoorbell:
				v.Doorbell = true
			case "Alexa.EndpointHealth":
				v.Health = true
			}
		}
		out = append(out, v)
	}
	return out
}
