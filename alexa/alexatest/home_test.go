package alexatest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestHomeStory is a customer who links the skill, hears the bell, talks and hangs up.
func TestHomeStory(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		h := d.home
		if v := h.Devices(); len(v) != 1 || v[0].EndpointID != frontDoor || !v[0].RTC || !v[0].FullDuplex || !v[0].Doorbell || !v[0].Health {
			t.Errorf("devices %+v", v)
		}
		state, err := h.ReportState(t.Context(), frontDoor)
		if state != "OK" || err != nil {
			t.Errorf("state %q, %v", state, err)
		}
		if status, _, _ := d.post(d.pressed()); status != http.StatusAccepted {
			t.Errorf("the press is answered with %d", status)
		}
		p, err := h.NextPress(t.Context())
		must(t, err)
		if p.EndpointID != frontDoor || p.Cause != "PHYSICAL_INTERACTION" || p.At.Hour() != 12 {
			t.Errorf("press %+v", p)
		}
		k, err := show.Talk(t.Context(), frontDoor)
		must(t, err)
		must(t, k.Disconnect(t.Context()))
		if why, err := k.WaitEnd(t.Context()); why != "disconnected" || err != nil {
			t.Errorf("ended: %q, %v", why, err)
		}
		must(t, k.Disconnect(t.Context()))
		const want = `directive Discover
answer Discover.Response
directive AcceptGrant
answer AcceptGrant.Response
directive ReportState
answer StateReport
event DoorbellPress 202
directive InitiateSessionWithOffer [audio sendrecv opus PCMU PCMA, video sendrecv H264]
answer AnswerGeneratedForSession [audio sendrecv opus, video sendonly H264]
directive SessionConnected
answer SessionConnected
directive SessionDisconnected
answer SessionDisconnected
`
		if got := names(h); got != want {
			t.Errorf("transcript\n%s\nwant\n%s", got, want)
		}
		d.noViolations()
	})
}

// TestSixSeconds looks at an answer that comes just in time, one that is too late, and one that never comes.
func TestSixSeconds(t *testing.T) {
	for _, tt := range []struct {
		delay time.Duration
		late  bool
	}{{5999 * time.Millisecond, false}, {6001 * time.Millisecond, true}, {time.Hour, true}} {
		atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
			d.delay = map[string]time.Duration{"InitiateSessionWithOffer": tt.delay}
			began := time.Now()
			k, err := show.Talk(t.Context(), frontDoor)
			if tt.late {
				if !errors.Is(err, alexatest.ErrNoAnswer) || time.Since(began) != 6*time.Second {
					t.Errorf("delay %v: %v after %v", tt.delay, err, time.Since(began))
				}
				d.violated("no answer within 6s")
				return
			}
			must(t, err)
			if k.AnswerTime() != tt.delay {
				t.Errorf("answered after %v", k.AnswerTime())
			}
			d.noViolations()
		})
	}
}

// TestDeferred has the answer come to the gateway; the six seconds go on.
func TestDeferred(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		d.defers = true
		k, err := show.Talk(t.Context(), frontDoor)
		must(t, err)
		must(t, k.Disconnect(t.Context()))
		d.noViolations()
		d.change = func(string, object) {}
		d.token = "none"
		_, err = show.Talk(t.Context(), frontDoor)
		if !errors.Is(err, alexatest.ErrNoAnswer) {
			t.Errorf("an answer that the gateway refused: %v", err)
		}
		d.violated("though it was deferred")
	})
}

// TestErrorResponse has offers refused: no violation, but an error that says why.
func TestErrorResponse(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		d.media = func(string, string) (string, error) { return "", errBusy }
		_, err := show.Talk(t.Context(), frontDoor)
		if e, ok := errors.AsType[*alexatest.SkillError](err); !ok || e.Type != "ENDPOINT_UNREACHABLE" || e.Message != errBusy.Error() {
			t.Errorf("error %v", err)
		}
		d.noViolations()
	})
}

// TestAnswersThatBreakTheSchema changes one thing in an answer at a time.
func TestAnswersThatBreakTheSchema(t *testing.T) {
	for _, tt := range []struct {
		of     string
		change func(e object)
		want   string
	}{
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "payload")["offer"] = object{} }, "event.payload.offer is not documented"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "payload", "answer")["format"] = "sdp2" }, "format is not SDP"},
		{"AnswerGeneratedForSession", func(e object) { delete(at(e, "event", "payload", "answer"), "value") }, "answer.value missing"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "payload", "answer")["value"] = 1 }, "is a number instead of a string"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "header")["correlationToken"] = "x" }, "another correlationToken"},
		{"AnswerGeneratedForSession", func(e object) { delete(at(e, "event", "header"), "correlationToken") }, "another correlationToken"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "header")["payloadVersion"] = "2" }, "payloadVersion"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "header")["messageId"] = "a b" }, "messageId"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "header")["namespace"] = "Alexa" }, "unknown event"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "endpoint")["endpointId"] = "other" }, "another endpoint"},
		{"AnswerGeneratedForSession", func(e object) { delete(at(e, "event"), "endpoint") }, "endpointId missing"},
		{"AnswerGeneratedForSession", func(e object) { at(e, "event", "endpoint")["cookie"] = object{} }, "cookie is not documented"},
		{"AnswerGeneratedForSession", func(e object) { e["more"] = true }, "more is not documented"},
		{"SessionConnected", func(e object) { at(e, "event", "payload")["sessionId"] = "s" }, "another sessionId"},
		{"SessionConnected", func(e object) { delete(at(e, "event", "payload"), "sessionId") }, "sessionId missing"},
		{"SessionConnected", func(e object) { at(e, "event", "header")["name"] = "SessionDisconnected" }, "does not answer it"},
		{"StateReport", func(e object) { delete(at(e, "event", "header"), "correlationToken") }, "another correlationToken"},
		{"StateReport", func(e object) { delete(e, "context") }, "without the connectivity"},
		{"StateReport", func(e object) { at(e, "context")["properties"].([]any)[0].(object)["timeOfSample"] = "now" }, "timeOfSample"},
		{"AcceptGrant.Response", func(e object) { at(e, "event", "payload")["ok"] = true }, "payload.ok is not documented"},
		{"Discover.Response", func(e object) { firstDevice(e)["endpointId"] = "a door" }, "endpointId is not of the documented form"},
		{"Discover.Response", func(e object) { firstDevice(e)["displayCategories"] = []any{"DOORBELL", "CAMERA"} }, "CAMERA behind DOORBELL"},
		{"Discover.Response", func(e object) { firstDevice(e)["displayCategories"] = []any{"LIGHT"} }, "without CAMERA and DOORBELL"},
		{"Discover.Response", func(e object) { firstDevice(e)["cookie"] = object{"k": 1} }, "cookie.k is no string"},
		{"Discover.Response", func(e object) { firstDevice(e)["description"] = strings.Repeat("x", 129) }, "longer than 128 bytes"},
		{"Discover.Response", func(e object) { firstDevice(e)["capabilities"] = firstDevice(e)["capabilities"].([]any)[1:] }, "without the interface Alexa"},
		{"Discover.Response", func(e object) {
			firstDevice(e)["capabilities"].([]any)[1].(object)["configuration"] = object{"isFullDuplexAudioSupported": "true"}
		}, "isFullDuplexAudioSupported is a string"},
		{"Discover.Response", func(e object) {
			payload := at(e, "event", "payload")
			payload["endpoints"] = append(payload["endpoints"].([]any), firstDevice(e))
		}, "endpointId stands twice"},
	} {
		atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
			d.noViolations()
			d.change = func(name string, e object) {
				if name == tt.of {
					tt.change(e)
				}
			}
			_, _ = d.home.Discover(t.Context())
			_, _ = d.home.ReportState(t.Context(), frontDoor)
			_ = d.home.Grant(t.Context())
			_, _ = show.Talk(t.Context(), frontDoor)
			if all := d.home.Violations(); len(all) != 1 || !strings.Contains(all[0], tt.want) {
				t.Errorf("%s: violations %q, want %q", tt.of, all, tt.want)
			}
		})
	}
}

func firstDevice(e object) object {
	return at(e, "event", "payload")["endpoints"].([]any)[0].(object)
}

// TestGateway posts events that are wrong, and meets the faults.
func TestGateway(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, _ *alexatest.Show) {
		seen := 0
		check := func(what string, e object, status int, code, violation string) {
			t.Helper()
			got, gotCode, _ := d.post(e)
			all := d.home.Violations()
			if got != status || gotCode != code {
				t.Errorf("%s: %d %s, want %d %s", what, got, gotCode, status, code)
			}
			if violation == "" && len(all) != seen || violation != "" && (len(all) != seen+1 || !strings.Contains(all[seen], violation)) {
				t.Errorf("%s: violations %q, want %q", what, all[seen:], violation)
			}
			seen = len(all)
		}
		changed := func(f func(e object)) object { e := d.pressed(); f(e); return e }
		bad := "INVALID_REQUEST_EXCEPTION"
		check("good", d.pressed(), 202, "", "")
		check("no cause", changed(func(e object) { delete(at(e, "event", "payload"), "cause") }), 400, bad, "cause missing")
		check("other cause", changed(func(e object) { at(e, "event", "payload", "cause")["type"] = "WIND" }), 400, bad, "cause.type")
		check("no UTC", changed(func(e object) { at(e, "event", "payload")["timestamp"] = "2026-01-01T12:00:00+01:00" }), 400, bad, "timestamp")
		check("no scope", changed(func(e object) { delete(at(e, "event", "endpoint"), "scope") }), 400, bad, "scope missing")
		check("other scope", changed(func(e object) { at(e, "event", "endpoint", "scope")["token"] = "x" }), 400, bad, "another token")
		check("other endpoint", changed(func(e object) { at(e, "event", "endpoint")["endpointId"] = "x" }), 400, bad, "was not described")
		check("an answer to nothing", object{"event": object{
			"header":   object{"namespace": rtcNamespace, "name": "SessionConnected", "payloadVersion": "3", "messageId": "m", "correlationToken": "c"},
			"endpoint": object{"endpointId": frontDoor, "scope": object{"type": "BearerToken", "token": d.token}},
			"payload":  object{"sessionId": "s"},
		}}, 400, bad, "no directive waits")
		check("report", object{"event": object{
			"header":  object{"namespace": "Alexa.Discovery", "name": "AddOrUpdateReport", "payloadVersion": "3", "messageId": "m"},
			"payload": object{"endpoints": []any{describe()}, "scope": object{"type": "BearerToken", "token": d.token}},
		}}, 202, "", "")
		if v, err := d.home.NextReport(t.Context()); err != nil || len(v) != 1 || v[0].EndpointID != frontDoor {
			t.Errorf("report %v, %v", v, err)
		}
		d.home.SetFaults(alexatest.HomeFaults{Gateway: []alexatest.GatewayFault{
			{Status: 429, RetryAfter: 1500 * time.Millisecond},
			{Status: 503},
			{Status: 403, Code: "INSUFFICIENT_PERMISSION_EXCEPTION"},
			{Lost: true},
		}})
		if status, code, after := d.post(d.pressed()); status != 429 || code != "THROTTLING_EXCEPTION" || after != "2" {
			t.Errorf("%d %s, Retry-After %q", status, code, after)
		}
		check("503", d.pressed(), 503, "SERVICE_UNAVAILABLE_EXCEPTION", "")
		check("403", d.pressed(), 403, "INSUFFICIENT_PERMISSION_EXCEPTION", "")
		check("lost", d.pressed(), 0, "", "")
		d.home.SetFaults(alexatest.HomeFaults{TokenExpired: true})
		check("expired", d.pressed(), 401, "INVALID_ACCESS_TOKEN_EXCEPTION", "")
		check("still expired", d.pressed(), 401, "INVALID_ACCESS_TOKEN_EXCEPTION", "")
		d.token = "none"
		check("no token", d.pressed(), 401, "INVALID_ACCESS_TOKEN_EXCEPTION", "")
		for range 2 { // the good one, and the one whose answer was lost
			_, err := d.home.NextPress(t.Context())
			must(t, err)
		}
	})
}

// TestSilentGateway has a client give up.
func TestSilentGateway(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, _ *alexatest.Show) {
		d.home.SetFaults(alexatest.HomeFaults{Gateway: []alexatest.GatewayFault{{Silent: true}}})
		d.http.Timeout = 5 * time.Second
		began := time.Now()
		if status, _, _ := d.post(d.pressed()); status != 0 || time.Since(began) != 5*time.Second {
			t.Errorf("status %d after %v", status, time.Since(began))
		}
		d.noViolations()
	})
}

// TestDirectiveFaults meets each way in which directives come otherwise than expected, with a skill that bears it.
func TestDirectiveFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults alexatest.HomeFaults
		want   string // the end of the transcript
		err    error
	}{
		{"twice at once", alexatest.HomeFaults{DuplicateDirectives: true}, "", nil},
		{"again", alexatest.HomeFaults{RepeatDirectives: true}, "", nil},
		{"never connected", alexatest.HomeFaults{NeverConnected: true}, "answer AnswerGeneratedForSession [audio sendrecv opus, video sendonly H264]\ndirective SessionDisconnected\nanswer SessionDisconnected\n", nil},
		{"disconnected twice", alexatest.HomeFaults{DisconnectTwice: true}, strings.Repeat("directive SessionDisconnected\nanswer SessionDisconnected\n", 2), nil},
		{"disconnected unknown", alexatest.HomeFaults{DisconnectUnknown: true}, "", nil},
		{"disconnected early", alexatest.HomeFaults{DisconnectEarly: true}, "", alexatest.ErrEnded},
	} {
		atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
			d.home.SetFaults(tt.faults)
			k, err := show.Talk(t.Context(), frontDoor)
			if !errors.Is(err, tt.err) {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if err == nil {
				must(t, k.Disconnect(t.Context()))
			}
			synctest.Wait()
			if got := names(d.home); !strings.HasSuffix(got, tt.want) {
				t.Errorf("%s: transcript\n%s", tt.name, got)
			}
			d.noViolations()
		})
	}
}

// TestDoubleAnswers has a skill give two different answers to one offer.
func TestDoubleAnswers(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		d.home.SetFaults(alexatest.HomeFaults{RepeatDirectives: true})
		d.forget = true
		n := 0
		d.media = func(_, offer string) (string, error) {
			n++
			return strings.Replace(doorAnswer(offer), "o=- 1", "o=- "+strings.Repeat("1", n), 1), nil
		}
		_, err := show.Talk(t.Context(), frontDoor)
		must(t, err)
		synctest.Wait()
		d.violated("answered otherwise")
	})
}

// TestGarbageOffers has a skill that answers whatever comes, and one that looks at it.
func TestGarbageOffers(t *testing.T) {
	for _, careful := range []bool{false, true} {
		atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
			d.home.SetFaults(alexatest.HomeFaults{GarbageOffers: true})
			if careful {
				d.media = func(_, offer string) (string, error) {
					if !strings.Contains(offer, "m=audio 1 ") || strings.Contains(offer, "a=ice-pwd:\r\n") {
						return "", errBusy
					}
					return doorAnswer(offer), nil
				}
			}
			_, err := show.Talk(t.Context(), frontDoor)
			must(t, err)
			if careful {
				d.noViolations()
				return
			}
			d.violated("that is no SDP was answered", "that has no m-section was answered", "no credentials of ICE was answered")
		})
	}
}

// TestAccounts has two customers, each with a bell of their own.
func TestAccounts(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, _ *alexatest.Show) {
		other := d.home.NewAccount()
		_, err := other.Discover(t.Context())
		must(t, err)
		must(t, other.Grant(t.Context()))
		d.redeem()
		if status, _, _ := d.post(d.pressed()); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
		_, err = other.NextPress(t.Context())
		must(t, err)
		if other.Token() == d.home.Token() {
			t.Error("two accounts with one token")
		}
		d.noViolations()
	})
}

// TestHomeCloses closes a home while a skill does not answer.
func TestHomeCloses(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		d.delay = map[string]time.Duration{"InitiateSessionWithOffer": time.Hour}
		done := make(chan error)
		go func() {
			_, err := show.Talk(t.Context(), frontDoor)
			done <- err
		}()
		synctest.Wait()
		go d.home.Close()
		if err := <-done; !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("a talk in a home that closes: %v", err)
		}
		d.home.Close()
		d.noViolations()
		if _, err := d.home.Discover(t.Context()); !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("a closed home discovers: %v", err)
		}
		if _, err := d.home.NextPress(t.Context()); !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("a closed home hears a bell: %v", err)
		}
	})
}

// TestTwoShows has a second Show talk to the same door: each has a session of its own.
func TestTwoShows(t *testing.T) {
	atHome(t, nil, func(t *testing.T, d *door, show *alexatest.Show) {
		other, err := d.home.NewShow(&alexatest.ShowOptions{NoMedia: true, Style: alexatest.ShowNumbered})
		must(t, err)
		one, err := show.Talk(t.Context(), frontDoor)
		must(t, err)
		two, err := other.Talk(t.Context(), frontDoor)
		must(t, err)
		if one.ID() == two.ID() || one.EndpointID() != frontDoor || two.Answer() == one.Answer() {
			t.Errorf("sessions %s and %s", one.ID(), two.ID())
		}
		must(t, two.Disconnect(t.Context()))
		must(t, one.Disconnect(t.Context()))
		if err := one.WaitHeard(t.Context(), time.Second); !errors.Is(err, alexatest.ErrEnded) {
			t.Errorf("sound after the end: %v", err)
		}
		if err := one.WaitSeen(t.Context(), 1); !errors.Is(err, alexatest.ErrEnded) || one.Seen().Frames+one.Heard().Packets != 0 {
			t.Errorf("pictures after the end: %v", err)
		}
		d.noViolations()
	})
}
