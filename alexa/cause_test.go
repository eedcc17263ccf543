package alexa

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

// TestCausesAsResults has every cause that there is; a new one fails the test until it has its place here.
func TestCausesAsResults(t *testing.T) {
	table := map[bridge.Cause]struct {
		told ResultCode   // to Alexa
		back bridge.Cause // what that would mean if Alexa said it
	}{
		bridge.Normal:      {ResultSuccess, bridge.Normal},
		bridge.Busy:        {ResultDeviceBusy, bridge.Busy},
		bridge.NoAnswer:    {ResultSessionTimeout, bridge.NoAnswer},
		bridge.Declined:    {ResultDeviceBusy, bridge.Busy},
		bridge.Cancelled:   {ResultSuccess, bridge.Normal},
		bridge.Elsewhere:   {ResultSuccess, bridge.Normal},
		bridge.NotFound:    {ResultInternalError, bridge.Internal},
		bridge.Unreachable: {ResultInternalError, bridge.Internal},
		bridge.Forbidden:   {ResultUnauthorized, bridge.Forbidden},
		bridge.Overload:    {ResultInternalError, bridge.Internal},
		bridge.Media:       {ResultInternalError, bridge.Internal},
		bridge.Internal:    {ResultInternalError, bridge.Internal},
	}
	known := 0
	for c := range bridge.Cause(255) {
		if strings.HasPrefix(c.String(), "unknown") {
			if got := resultOf(c); got != ResultInternalError {
				t.Errorf("unknown cause %d is %s", c, got)
			}
			continue
		}
		known++
		want, ok := table[c]
		if !ok {
			t.Errorf("cause %v has no place in the table", c)
		}
		code := resultOf(c)
		if code != want.told {
			t.Errorf("%v is told as %s, want %s", c, code, want.told)
		}
		if got := causeOf(code); got != want.back {
			t.Errorf("%s means %v, want %v", code, got, want.back)
		}
		m := Message{Type: CallEnded, SessionID: "s", Result: &CallResult{Code: code, Message: c.String()}}
		if err := m.ValidateRequest(); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
	if known != len(table) {
		t.Errorf("%d causes are known, %d are in the table", known, len(table))
	}
}

func TestResultsAsCauses(t *testing.T) {
	for code, want := range map[ResultCode]struct{ up, called, caller bridge.Cause }{
		ResultSuccess:        {bridge.Normal, bridge.Declined, bridge.Cancelled},
		ResultDeviceBusy:     {bridge.Busy, bridge.Busy, bridge.Busy},
		ResultSessionTimeout: {bridge.NoAnswer, bridge.NoAnswer, bridge.NoAnswer},
		ResultUnauthorized:   {bridge.Forbidden, bridge.Forbidden, bridge.Forbidden},
		resultUnauthorised:   {bridge.Forbidden, bridge.Forbidden, bridge.Forbidden},
		ResultInternalError:  {bridge.Internal, bridge.Internal, bridge.Internal},
		"success":            {bridge.Internal, bridge.Internal, bridge.Internal},
		"NO_SUCH_CODE":       {bridge.Internal, bridge.Internal, bridge.Internal},
		"":                   {bridge.Internal, bridge.Internal, bridge.Internal},
	} {
		s := newSession(&Skill{}, "s")
		for from, cause := range map[state]bridge.Cause{
			phoneUp(): want.up, deviceUp(): want.up, phoneRings(): want.called, {called: true, taken: true}: want.called, deviceCalls(): want.caller,
		} {
			ev, err := s.event(&Message{Type: CallEnded, SessionID: "s", Result: &CallResult{Code: code}})
			if err != nil {
				t.Fatal(err)
			}
			_, acts := from.step(modelBegin, ev)
			if got := said(acts); got != "over "+cause.String()+" by Alexa, finish" {
				t.Errorf("%q in %+v: %s, want %v", code, from, got, cause)
			}
		}
	}
}

func TestCallEndedWithoutAResultIsNormal(t *testing.T) {
	ev, err := newSession(&Skill{}, "s").event(&Message{Type: CallEnded, SessionID: "s"})
	if err != nil || ev.cause != bridge.Normal {
		t.Errorf("cause %v, %v", ev.cause, err)
	}
}

func TestFailuresAsCauses(t *testing.T) {
	for status, want := range map[int]struct {
		cause         bridge.Cause
		gone, refused bool
	}{
		0:   {bridge.Unreachable, false, false},
		400: {bridge.Internal, false, true},
		401: {bridge.Forbidden, false, false},
		403: {bridge.Forbidden, false, false},
		404: {bridge.NotFound, true, false},
		408: {bridge.Internal, false, false},
		409: {bridge.Internal, false, false},
		429: {bridge.Overload, false, false},
		500: {bridge.Internal, false, false},
		503: {bridge.Internal, false, false},
	} {
		e := &Error{Status: status}
		if got := causeOfError(e); got != want.cause {
			t.Errorf("%d means %v, want %v", status, got, want.cause)
		}
		if got := endsCall(e); got != want.gone {
			t.Errorf("%d ends the call: %v", status, got)
		}
		if got := refusesMessage(e); got != want.refused {
			t.Errorf("%d refuses a message: %v", status, got)
		}
	}
}
