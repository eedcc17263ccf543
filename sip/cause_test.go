package sip

import (
	"errors"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// TestStatusTable holds every final status to the cause that it must give, written down apart from the table.
func TestStatusTable(t *testing.T) {
	want := func(status int) bridge.Cause {
		switch status {
		case 486, 600:
			return bridge.Busy
		case 603, 607, 608:
			return bridge.Declined
		case 408, 480:
			return bridge.NoAnswer
		case 401, 402, 403, 407, 428, 429, 433, 436, 437, 438, 470, 494:
			return bridge.Forbidden
		case 404, 410, 484, 485, 604:
			return bridge.NotFound
		case 406, 415, 488, 580, 606:
			return bridge.Media
		case 430, 482, 483, 502, 504:
			return bridge.Unreachable
		case 487:
			return bridge.Cancelled
		case 503:
			return bridge.Overload
		}
		switch status / 100 {
		case 3:
			return bridge.Unreachable
		case 6:
			return bridge.Busy
		}
		return bridge.Internal
	}
	for status := 300; status <= 699; status++ {
		if got := causeOf(status, 0); got != want(status) {
			t.Errorf("%d is %s, want %s", status, got, want(status))
		}
		if got := causeOf(status, 127); got != want(status) {
			t.Errorf("%d with a Q.850 value of another status is %s, want %s", status, got, want(status))
		}
	}
}

// TestCauseTable sends every cause through its response and back.
func TestCauseTable(t *testing.T) {
	values := map[int]bridge.Cause{}
	for c := bridge.Normal; c <= bridge.Internal; c++ {
		row := rowOf(c)
		if row.cause != c {
			t.Errorf("%s has no row", c)
		}
		if row.status < 400 || row.status > 699 || row.phrase == "" {
			t.Errorf("%s is %d %q", c, row.status, row.phrase)
		}
		if other, twice := values[row.q850]; twice {
			t.Errorf("%s and %s have one Q.850 value", c, other)
		}
		values[row.q850] = c
		res := sipmsg.NewResponse(row.status, row.phrase)
		res.AppendHeader(reasonHeader(c))
		if got := causeOf(res.StatusCode, reasonOf(res).q850); got != c {
			t.Errorf("%s comes back as %s", c, got)
		}
		if got := reasonOf(res).text; got == "" {
			t.Errorf("%s: no text in the Reason header", c)
		}
	}
	if got := rowOf(200); got.cause != bridge.Internal {
		t.Errorf("a cause from nowhere is %s", got.cause)
	}
}

func TestReasonHeader(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   reason
	}{
		{nil, reason{}},
		{[]string{`Q.850;cause=16;text="Terminated"`}, reason{q850: 16, text: "Terminated"}},
		{[]string{`SIP ;cause=200 ;text="Call completed elsewhere"`}, reason{sip: 200, text: "Call completed elsewhere"}},
		{[]string{`SIP;cause=580;text="a, \"b\"; c", q.850;cause=47`}, reason{sip: 580, q850: 47, text: `a, "b"; c`}},
		{[]string{`Q.850;cause=17`, `SIP;cause=486`}, reason{sip: 486, q850: 17}},
		{[]string{`Q.850;cause=x;text=`}, reason{}},
		{[]string{`;;;`, `"`, `"\`}, reason{}},
		{[]string{`Other;cause=5;text="t"`}, reason{text: "t"}},
		{[]string{strings.Repeat("a,", 8) + "SIP;cause=200"}, reason{}},
	} {
		res := sipmsg.NewResponse(400, "x")
		for _, v := range c.values {
			res.AppendHeader(sipmsg.NewHeader("Reason", v))
		}
		if got := reasonOf(res); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.values, got, c.want)
		}
	}
}

func TestError(t *testing.T) {
	inner := errors.New("inner")
	e := &Error{Status: 486, Reason: "Busy Here", Method: "INVITE", Err: inner}
	if got := (&Error{Status: 486, Method: "INVITE", Reason: "+1 (555) 0100 is busy, try 4711"}).Error(); got != "sip: INVITE: 486 # is busy, try #" {
		t.Errorf("with numbers in the reason: %q", got)
	}
	if got := e.Error(); got != "sip: INVITE: 486 Busy Here: inner" {
		t.Error(got)
	}
	end := &bridge.EndError{Cause: bridge.Busy, Remote: true, Err: e}
	if !errors.Is(end, &Error{Status: 486}) || errors.Is(end, &Error{Status: 487}) || !errors.Is(end, inner) {
		t.Error("Is does not compare the status alone")
	}
	if got := plain("a\r\nb\x00c\xff" + strings.Repeat("x", 500)); strings.ContainsAny(got, "\r\n\x00") || len(got) > maxErrorText {
		t.Errorf("%q", got)
	}
}
