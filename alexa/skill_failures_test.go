package alexa_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

// TestTokenExpires has Alexa refuse the token in mid-call: it is renewed once, and nobody notices.
func TestTokenExpires(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		s.cloud.SetFaults(alexatest.Faults{TokenExpired: true})
		must(t, phone.Update(t.Context(), turned(media.SendOnly)))
		time.Sleep(time.Second)
		if m, n := s.wire.message(alexa.CallUpdate), s.wire.tries(alexa.CallUpdate); m.Renegotiation != alexa.RenegotiateHold || n != 2 {
			t.Errorf("%d tries of %q", n, m.Renegotiation)
		}
		if n := s.cloud.TokenRequests("refresh_token"); n != 2 {
			t.Errorf("%d tokens were asked for, want 2", n)
		}
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Normal, true)
	})
}

// everyKind are the messages of ours, and whether a call to the device has them.
var everyKind = map[alexa.MessageType]bool{
	alexa.CallRinging: false, alexa.CallInProgress: false, alexa.CallAccepted: false, alexa.CallUpdate: false, alexa.CallUpdateResponse: false,
	alexa.CallUpdateAck: false, alexa.InitiateInboundCall: true, alexa.CallRingingAck: true, alexa.CallInProgressAck: true,
	alexa.CallAcceptedAck: true, alexa.CallEnded: true,
}

const patience = 8 * time.Second // longer than any message is tried for

// converse makes a call with every message of its direction, as far as it comes, and returns the phone, which is over in the end.
func (s *stage) converse(called bool) bridge.Leg {
	ctx := s.ctx()
	if called {
		phone := s.phoneCalls()
		s.attend(phone)
		time.Sleep(3 * patience) // the cloud waits for each acknowledgement
		_ = phone.Hangup(ctx, bridge.Normal)
		time.Sleep(2 * patience)
		return phone
	}
	call, phone := s.deviceCalls()
	s.attend(phone)
	_ = phone.Ring(ctx, g711())
	time.Sleep(patience)
	_ = phone.Answer(ctx, g711())
	time.Sleep(patience)
	for _, change := range []func() error{
		func() error { return call.Update(ctx, alexatest.Mute) },
		func() error { return phone.Update(ctx, turned(media.SendOnly)) },
	} {
		_ = change()
		time.Sleep(2 * patience)
	}
	_ = phone.Hangup(ctx, bridge.Normal)
	time.Sleep(2 * patience)
	return phone
}

// TestFailuresThatPass spoils each kind of message for a moment. The call goes on as if nothing had been.
func TestFailuresThatPass(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		for typ, called := range everyKind {
			for name, faults := range map[string][]wireFault{
				"409": repeated(wireFault{status: 409}, 3), "429": {{status: 429}}, "500 and 503": {{status: 500}, {status: 503}},
				"reset": {{lost: true}}, "401": {{status: 401}}, "slow": {{slow: time.Second}},
			} {
				before := s.wire.tries(typ)
				s.wire.spoil(typ, faults...)
				phone := s.converse(called)
				calltest.WantEnd(t, phone, bridge.Normal, false)
				if n := s.wire.tries(typ) - before; n < 1+len(faults) && name != "slow" {
					t.Errorf("%s %s: %d tries", typ, name, n)
				}
			}
		}
		if len(s.cloud.Violations()) > 0 {
			t.Errorf("violations %q", s.cloud.Violations())
		}
		for _, c := range s.echo.Calls() {
			if code, _ := c.Ended(); code != "SUCCESS" {
				t.Errorf("a call ended with %q", code)
			}
		}
	})
}

// TestFailuresThatLast spoils each kind of message for good.
func TestFailuresThatLast(t *testing.T) {
	fatal := map[int]bridge.Cause{ // by status, 0 for a broken connection
		0: bridge.Unreachable, 400: bridge.Internal, 403: bridge.Forbidden, 404: bridge.NotFound, 409: bridge.Internal, 429: bridge.Overload, 500: bridge.Internal,
	}
	for typ, called := range everyKind {
		play(t, props{}, func(t *testing.T, s *stage) {
			for status, cause := range fatal {
				ended := s.wire.tries(alexa.CallEnded)
				s.wire.spoil(typ, repeated(wireFault{status: status, lost: status == 0}, 30)...)
				phone := s.converse(called)
				s.wire.spoil(typ)
				s.checkLasting(typ, status, cause, phone, s.wire.tries(alexa.CallEnded)-ended)
				for _, c := range s.echo.Calls() {
					_ = c.Hangup(t.Context()) // where CallEnded did not get through
				}
				synctest.Wait()
			}
			s.unwanted = s.cloud.Violations() // what did not get through is missed
		})
	}
}

// checkLasting checks what became of a call in which messages of one kind have failed.
func (s *stage) checkLasting(typ alexa.MessageType, status int, cause bridge.Cause, phone bridge.Leg, ended int) {
	end := wantedEnd{cause: cause, remote: true, callEnded: true}
	switch isAck := typ == alexa.CallUpdateAck || typ == alexa.CallRingingAck || typ == alexa.CallInProgressAck || typ == alexa.CallAcceptedAck; {
	case typ == alexa.InitiateInboundCall:
		end.callEnded = status == 0 || status == 500 // else it was not taken
	case status == 400 && !isAck && typ != alexa.CallUpdate && typ != alexa.CallEnded:
		end.cause = bridge.Cancelled // of the messages left, only the answer to a change comes after acceptance
		if typ == alexa.CallUpdateResponse {
			end.cause = bridge.Normal
		}
	case status == 404 && typ != alexa.CallEnded: // the call is gone, as if the user had ended it
		end.cause, end.callEnded = map[alexa.MessageType]bridge.Cause{
			alexa.CallRinging: bridge.Cancelled, alexa.CallInProgress: bridge.Cancelled, alexa.CallAccepted: bridge.Cancelled,
			alexa.CallRingingAck: bridge.Declined, alexa.CallInProgressAck: bridge.Declined,
		}[typ], false
	case isAck, typ == alexa.CallUpdate, typ == alexa.CallEnded: // the call goes on until we hang up
		end.cause, end.remote = bridge.Normal, false
	}
	if got := calltest.End(s.t, phone); got.Cause != end.cause || got.Remote != end.remote || (ended > 0) != end.callEnded {
		s.t.Errorf("%s, status %d: %v, remote %v, %d tries of CallEnded; want %+v", typ, status, got, got.Remote, ended, end)
	}
}

type wantedEnd struct {
	cause     bridge.Cause
	remote    bool
	callEnded bool
}
