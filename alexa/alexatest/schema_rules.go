package alexatest

import (
	"fmt"
	"slices"
	"strings"
)

// property is a row of the tables on Amazon's page "alexa-callsignaling-requests-for-asp".
type property struct {
	name   string
	kind   jsonKind
	need   bool
	values []string   // that a string may have; nil: all
	max    int        // bytes of a string; 0: no limit
	many   int        // entries of an array; 0: any number
	of     []property // of an object, and of the objects in an array
	open   bool       // an object with any properties
	item   *property  // of an array whose entries are no objects
}

type jsonKind string

const (
	aString  jsonKind = "a string"
	aBoolean jsonKind = "a boolean"
	anObject jsonKind = "an object"
	anArray  jsonKind = "an array"
	aNumber  jsonKind = "a number"
	aNull    jsonKind = "null"
	anything jsonKind = "anything"
)

// maxFaults is how many faults of one message are told, maxEach how many entries of an array are looked at.
const (
	maxFaults = 20
	maxEach   = 300
)

// propertiesOf returns the rows of a request. Those of customParams are known from one public client only.
func propertiesOf(m string) []property {
	rows := []property{{name: "type", kind: aString, need: true}, {name: "sessionId", kind: aString, need: true}}
	more := map[string][]property{
		msgInitiateInboundCall: {
			{name: "participants", kind: anArray, need: true, many: 2, of: []property{
				{name: "id", kind: anObject, need: true, of: []property{
					{name: "type", kind: aString, need: true, values: addressTypeTable}, {name: "value", kind: aString, need: true},
				}},
				{name: "isOriginator", kind: aBoolean, need: true},
			}},
			sdpProperty("OFFER"),
			{name: "customParams", kind: anObject, of: []property{{name: "callerName", kind: aString, need: true}}},
		},
		msgCallInProgress: {sdpProperty("ANSWER")},
		msgCallAccepted:   {sdpProperty("ANSWER")},
		msgCallEnded: {{name: "callResult", kind: anObject, need: true, of: []property{
			{name: "code", kind: aString, need: true, values: resultCodeTable}, {name: "message", kind: aString},
		}}},
		msgCallUpdate:         {renegotiationProperty(), sdpProperty("OFFER")},
		msgCallUpdateResponse: {renegotiationProperty(), sdpProperty("ANSWER")},
	}
	return append(rows, more[m]...)
}

func sdpProperty(kind string) property {
	return property{name: "sdpDetails", kind: anObject, need: true, of: []property{
		{name: "type", kind: aString, need: true, values: []string{kind}}, {name: "value", kind: aString, need: true, max: maxSDP},
	}}
}

func renegotiationProperty() property {
	return property{name: "renegotiationType", kind: aString, need: true, values: renegotiationTable}
}

// inspection walks through a message and notes every fault with the path of its property.
type inspection struct {
	faults []string // with which the message cannot be taken
	extra  []string // properties that are not documented
}

func (i *inspection) fault(format string, args ...any) {
	if len(i.faults) < maxFaults {
		i.faults = append(i.faults, fmt.Sprintf(format, args...))
	}
}

// object checks the properties of one object. path is that of the object with a dot behind it; "" for the message.
func (i *inspection) object(path string, v map[string]any, rows []property) {
	for _, p := range rows {
		have, ok := v[p.name]
		switch {
		case ok && have != nil:
			i.value(path+p.name, have, p)
		case p.need:
			i.fault("%s%s missing", path, p.name)
		}
	}
	for name := range v {
		known := slices.ContainsFunc(rows, func(p property) bool { return p.name == name })
		if !known && len(i.extra) < maxFaults {
			i.extra = append(i.extra, fmt.Sprintf("%s%.40s is not documented", path, name))
		}
	}
	slices.Sort(i.extra)
}

func (i *inspection) value(path string, v any, p property) {
	if kind := kindOfJSON(v); kind != p.kind && p.kind != anything {
		i.fault("%s is %s instead of %s", path, kind, p.kind)
		return
	}
	switch v := v.(type) {
	case string:
		switch {
		case v == "" && p.need:
			i.fault("%s missing", path)
		case p.values != nil && !slices.Contains(p.values, v):
			i.fault("%s is %.40q instead of %s", path, v, strings.Join(p.values, " or "))
		case p.max > 0 && len(v) > p.max:
			i.fault("%s longer than %d bytes", path, p.max)
		}
	case map[string]any:
		if !p.open {
			i.object(path+".", v, p.of)
		}
	case []any:
		if p.many > 0 && len(v) != p.many {
			i.fault("%s has %d entries instead of %d", path, len(v), p.many)
		}
		each := property{kind: anObject, of: p.of}
		if p.item != nil {
			each = *p.item
		}
		for n, entry := range v[:min(len(v), maxEach)] {
			i.value(fmt.Sprintf("%s[%d]", path, n), entry, each)
		}
	}
}

// kindOfJSON names what encoding/json has made of a value.
func kindOfJSON(v any) jsonKind {
	switch v.(type) {
	case string:
		return aString
	case bool:
		return aBoolean
	case map[string]any:
		return anObject
	case []any:
		return anArray
	case nil:
		return aNull
	default:
		return aNumber
	}
}

// inspect checks a message of a known type.
func inspect(name string, body map[string]any) *inspection {
	i := &inspection{}
	rows := propertiesOf(name)
	if sdp, ok := body["sdpDetails"].(map[string]any); ok && name == msgCallAccepted && sdp["type"] == nil && sdp["value"] == nil {
		// The answer went in CallInProgress: the object is required, its members are not.
		rows[len(rows)-1].of = []property{{name: "type", kind: aString}, {name: "value", kind: aString}}
	}
	i.object("", body, rows)
	if name == msgInitiateInboundCall {
		i.originators(body)
	}
	return i
}

// originators checks that exactly one participant calls.
func (i *inspection) originators(body map[string]any) {
	list, _ := body["participants"].([]any)
	n := 0
	for _, entry := range list {
		p, _ := entry.(map[string]any)
		if p["isOriginator"] == true {
			n++
		}
	}
	if len(list) == 2 && n != 1 {
		i.fault("participants: %d originators instead of 1", n)
	}
}
