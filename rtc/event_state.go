package rtc

import (
	"slices"
	"time"
)

// A Health is the state of an endpoint: the property connectivity of Alexa.EndpointHealth.
type Health struct {
	Offline     bool          // "UNREACHABLE", and not "OK"
	Time        time.Time     // when this was so; written in UTC, to the millisecond; zero is written as now
	Uncertainty time.Duration // of Time; written in milliseconds
}

// A Press is somebody's ringing at a door.
type Press struct {
	Time  time.Time  // written in UTC, to the second; zero is written as now
	Cause PressCause // empty is written as PhysicalInteraction
}

// A PressCause says how a bell was rung.
type PressCause string

// The causes of a DoorbellPress.
const (
	PhysicalInteraction PressCause = "PHYSICAL_INTERACTION"
	AppInteraction      PressCause = "APP_INTERACTION"
	PeriodicPoll        PressCause = "PERIODIC_POLL"
	RuleTrigger         PressCause = "RULE_TRIGGER"
	VoiceInteraction    PressCause = "VOICE_INTERACTION"
)

var pressCauseTable = []PressCause{PhysicalInteraction, AppInteraction, PeriodicPoll, RuleTrigger, VoiceInteraction}

const (
	pressTime  = "2006-01-02T15:04:05Z"     // the schema has no fraction here
	sampleTime = "2006-01-02T15:04:05.999Z" // and up to three digits here
)

const (
	healthInterface = "Alexa.EndpointHealth"
	connectivity    = "connectivity"
	reachable       = "OK"
	unreachable     = "UNREACHABLE"
)

// parseHealth returns the connectivity of a context, or nil when it has none.
func parseHealth(context node) *Health {
	for _, p := range context.list("properties", maxProperties) {
		if p.text("namespace", maxID) != healthInterface || p.text("name", maxID) != connectivity {
			continue
		}
		return &Health{
			Offline: p.object("value").text("value", maxID) == unreachable,
			Time:    p.time("timeOfSample"), Uncertainty: p.duration("uncertaintyInMilliseconds", time.Millisecond),
		}
	}
	return nil
}

func (h *Health) wire() (*wireContext, error) {
	if h == nil {
		return nil, errMember("context", "is missing")
	}
	if h.Uncertainty < 0 {
		return nil, errMember("context.properties[0].uncertaintyInMilliseconds", "is negative")
	}
	p := wireProperty{Namespace: healthInterface, Name: connectivity, Uncertainty: h.Uncertainty.Milliseconds()}
	p.Value.Value = reachable
	if h.Offline {
		p.Value.Value = unreachable
	}
	var err error
	p.TimeOfSample, err = formatTime("context.properties[0].timeOfSample", h.Time, sampleTime)
	return &wireContext{[]wireProperty{p}}, err
}

func (p *Press) wire() (any, error) {
	if p == nil {
		p = &Press{}
	}
	var w wirePress
	w.Cause.Type = PhysicalInteraction
	if p.Cause != "" {
		w.Cause.Type = p.Cause
	}
	if !slices.Contains(pressCauseTable, w.Cause.Type) {
		return nil, errMember("payload.cause.type", "is unknown")
	}
	var err error
	w.Timestamp, err = formatTime("payload.timestamp", p.Time, pressTime)
	return w, err
}

// formatTime writes t, or now, in UTC.
func formatTime(path string, t time.Time, layout string) (string, error) {
	if t.IsZero() {
		t = time.Now()
	}
	if t = t.UTC(); t.Year() < 1000 || t.Year() > 9999 {
		return "", errMember(path, "is not a year of four digits")
	}
	return t.Format(layout), nil
}

type (
	wireContext struct {
		Properties []wireProperty `json:"properties"`
	}
	wireProperty struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Value     struct {
			Value string `json:"value"`
		} `json:"value"`
		TimeOfSample string `json:"timeOfSample"`
		Uncertainty  int64  `json:"uncertaintyInMilliseconds"`
	}
	wirePress struct {
		Cause struct {
			Type PressCause `json:"type"`
		} `json:"cause"`
		Timestamp string `json:"timestamp"`
	}
)
