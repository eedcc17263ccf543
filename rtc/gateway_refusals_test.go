package rtc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/rtc"
)

// TestRefusals is the table of error codes, and the whole of the rules about sending again.
func TestRefusals(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	list := func(a ...answer) []answer { return a }
	reset := errors.New("connection reset")
	for _, tt := range []struct {
		name      string
		answers   []answer
		status    int // of the error; 0: none, -1: no answer
		code      rtc.Code
		pauses    []time.Duration // before each further try, as long as chance makes them, or half as long; nil: any
		tries     int
		tokens    string // those used, by number
		retryable bool
	}{
		{"taken", list(said(202, "")), 0, "", nil, 1, "1", false},
		{"taken with another 2xx", list(said(200, "{}")), 0, "", nil, 1, "1", false},
		{"malformed", list(refused(400, rtc.CodeInvalidRequest)), 400, rtc.CodeInvalidRequest, nil, 1, "1", false},
		{"token expired", list(refused(401, rtc.CodeInvalidToken), said(202, "")), 0, "", []time.Duration{0}, 2, "12", false},
		{"token refused", list(refused(401, rtc.CodeInvalidToken)), 401, rtc.CodeInvalidToken, []time.Duration{0}, 2, "12", false},
		{"token refused without a word", list(said(401, "")), 401, "", []time.Duration{0}, 2, "12", false},
		{"token refused with another status", list(refused(403, rtc.CodeInvalidToken), said(202, "")), 0, "", []time.Duration{0}, 2, "12", false},
		{"skill disabled", list(refused(403, rtc.CodeSkillDisabled)), 403, rtc.CodeSkillDisabled, nil, 1, "1", false},
		{"no permission", list(refused(403, rtc.CodeInsufficientPermission)), 403, rtc.CodeInsufficientPermission, nil, 1, "1", false},
		{"403 without a word", list(said(403, "<html>")), 403, "", nil, 1, "1", false},
		{"no such skill", list(refused(404, rtc.CodeSkillNotFound)), 404, rtc.CodeSkillNotFound, nil, 1, "1", false},
		{"too large", list(refused(413, rtc.CodeTooLarge)), 413, rtc.CodeTooLarge, nil, 1, "1", false},
		{"too many", list(refused(429, rtc.CodeThrottled), said(202, "")), 0, "", []time.Duration{500 * ms}, 2, "11", false},
		{"too many, with a pause", list(refused(429, rtc.CodeThrottled, "Retry-After", "4"), said(202, "")), 0, "", []time.Duration{4 * s}, 2, "11", false},
		{"too many, with too long a pause", list(refused(429, rtc.CodeThrottled, "Retry-After", "10")), 429, rtc.CodeThrottled, nil, 1, "1", true},
		{"too many, always", list(refused(429, rtc.CodeThrottled, "Retry-After", "4")), 429, rtc.CodeThrottled, []time.Duration{4 * s, 4 * s}, 3, "111", true},
		{"Amazon's fault", list(refused(500, rtc.CodeInternal), refused(500, rtc.CodeInternal), said(202, "")), 0, "", []time.Duration{500 * ms, s}, 3, "111", false},
		{"not now", list(refused(503, rtc.CodeUnavailable, "Retry-After", "Sat, 01 Jan 2000 00:00:02 GMT"), said(202, "")), 0, "", []time.Duration{2 * s}, 2, "11", false},
		{"not now, with another status", list(refused(400, rtc.CodeUnavailable), said(202, "")), 0, "", []time.Duration{500 * ms}, 2, "11", false},
		{"a proxy's fault", list(said(502, "<html>"), said(202, "")), 0, "", []time.Duration{500 * ms}, 2, "11", false},
		{"a proxy's patience", list(said(408, ""), said(202, "")), 0, "", []time.Duration{500 * ms}, 2, "11", false},
		{"redirected", list(said(307, "", "Location", "https://evil.example/")), 307, "", nil, 1, "1", false},
		{"a new code", list(refused(418, "TEAPOT_EXCEPTION")), 418, "TEAPOT_EXCEPTION", nil, 1, "1", false},
		{"no code of Amazon's", list(refused(400, "evil\x1b[31m")), 400, "", nil, 1, "1", false},
		{"connection reset", list(failing(reset), said(202, "")), 0, "", []time.Duration{500 * ms}, 2, "11", false},
		{"silence", list(silent, said(202, "")), 0, "", []time.Duration{3*s + 500*ms}, 2, "11", false},
		{
			"all kinds", list(refused(401, rtc.CodeInvalidToken), refused(500, rtc.CodeInternal), failing(reset), refused(401, rtc.CodeInvalidToken)), 401, rtc.CodeInvalidToken,
			[]time.Duration{0, 500 * ms, s},
			4, "1222", false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, s := newGateway(t, tt.answers...)
				err := g.DoorbellPress(t.Context(), "ann", "bell-2")
				e, ok := errors.AsType[*rtc.Error](err)
				switch {
				case tt.status == 0:
					if err != nil {
						t.Errorf("got %v", err)
					}
				case !ok || e.Status != tt.status || e.Code != tt.code || e.Type != rtc.DoorbellPress || e.Retryable() != tt.retryable:
					t.Errorf("got %#v", err)
				case tt.code != "" && (e.Message != "as scripted" || !strings.Contains(err.Error(), string(tt.code))):
					t.Errorf("got %v", err)
				}
				if len(s.tries) != tt.tries {
					t.Fatalf("%d tries, want %d", len(s.tries), tt.tries)
				}
				var used strings.Builder
				for i, y := range s.tries {
					used.WriteString(strings.TrimPrefix(y.token, "Atza|secret-"))
					if strings.ReplaceAll(y.body, y.token, "") != strings.ReplaceAll(s.tries[0].body, s.tries[0].token, "") || !strings.Contains(y.body, y.token) {
						t.Errorf("try %d has another body: %s", i+1, y.body)
					}
					if i == 0 {
						continue
					}
					most := tt.pauses[i-1]
					least := most - most%(3*time.Second)/2
					if got := y.at - s.tries[i-1].at; got < least || got > most {
						t.Errorf("pause %d is %v, want %v to %v", i, got, least, most)
					}
				}
				if used.String() != tt.tokens {
					t.Errorf("tries with tokens %s, want %s", &used, tt.tokens)
				}
			})
		})
	}
}

// TestABellGetsOld: a bell is tried for PressTime, all else for SendTime, and neither longer than the caller waits.
func TestABellGetsOld(t *testing.T) {
	gone := errors.New("the visitor has gone")
	for _, tt := range []struct {
		name   string
		answer answer
		event  rtc.Event
		limit  time.Duration // of the caller; 0: none
		cancel bool          // at the limit, with a cause
		least  time.Duration // how long it took
		most   time.Duration
		err    error
	}{
		{"silence", silent, eventOfBell(), 0, false, 9 * time.Second, rtc.PressTime, context.DeadlineExceeded},
		{"faults", refused(500, rtc.CodeInternal), eventOfBell(), 0, false, 3 * time.Second, rtc.PressTime, nil},
		{"faults of another event", refused(500, rtc.CodeInternal), rtc.Event{Header: rtc.Header{Type: rtc.AddOrUpdateReport}}, 0, false, 40 * time.Second, rtc.SendTime, nil},
		{"a deadline", silent, eventOfBell(), 2 * time.Second, false, 2 * time.Second, 2 * time.Second, context.DeadlineExceeded},
		{"cancelled in a try", silent, eventOfBell(), time.Second, true, time.Second, time.Second, gone},
		{"cancelled in a pause", refused(429, rtc.CodeThrottled, "Retry-After", "5"), eventOfBell(), time.Second, true, time.Second, time.Second, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, s := newGateway(t, tt.answer)
				ctx := t.Context()
				if tt.cancel {
					with, cancel := context.WithCancelCause(ctx)
					defer time.AfterFunc(tt.limit, func() { cancel(gone) }).Stop()
					ctx = with
				} else if tt.limit > 0 {
					with, cancel := context.WithTimeout(ctx, tt.limit)
					defer cancel()
					ctx = with
				}
				err := g.Send(ctx, "ann", &tt.event)
				if _, ok := errors.AsType[*rtc.Error](err); !ok || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("got %v, want %v", err, tt.err)
				}
				if d := time.Since(s.begin); d < tt.least || d > tt.most {
					t.Errorf("took %v, want %v to %v", d, tt.least, tt.most)
				}
			})
		})
	}
}

func eventOfBell() rtc.Event {
	return rtc.Event{Header: rtc.Header{Type: rtc.DoorbellPress}, EndpointID: "bell-2"}
}

// permanent is a failure of a token source that will not pass.
type permanent struct{ error }

func (permanent) Retryable() bool { return false }

func TestNoTokenNoRequest(t *testing.T) {
	for _, tt := range []struct {
		name      string
		source    *tokens
		tries     bool // more than one
		retryable bool
	}{
		{"for now", &tokens{err: &lwa.Error{Status: 503}}, true, true},
		{"silent", &tokens{silent: true}, true, true},
		{"refused", &tokens{err: &lwa.Error{Status: 400, Code: "invalid_grant"}}, false, false},
		{"closed", &tokens{err: lwa.ErrClosed}, false, false},
		{"of another kind", &tokens{err: permanent{errors.New("no")}}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, s := newGateway(t, said(202, ""))
				g.Tokens = tt.source
				err := g.DoorbellPress(t.Context(), "ann", "bell-2")
				e, ok := errors.AsType[*rtc.Error](err)
				if !ok || e.Status != 0 || e.Retryable() != tt.retryable || tt.source.err != nil && !errors.Is(err, tt.source.err) {
					t.Errorf("got %#v", err)
				}
				if len(s.tries) != 0 || (time.Since(s.begin) > 0) != tt.tries {
					t.Errorf("%d requests in %v", len(s.tries), time.Since(s.begin))
				}
			})
		})
	}
}
