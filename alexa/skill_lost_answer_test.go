package alexa_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// Alexa takes a message, and her answer to it is lost or late. It is sent again and refused then, because it does not fit any more:
// the call goes on.
func TestAnswerToMessageLost(t *testing.T) {
	for _, typ := range []alexa.MessageType{alexa.CallRinging, alexa.CallInProgress, alexa.CallAccepted, alexa.CallUpdate, alexa.CallUpdateResponse} {
		for name, fault := range map[string]wireFault{"lost": {unsaid: true}, "late": {slow: 5 * time.Second}} {
			t.Run(typ.String()+" "+name, func(t *testing.T) {
				play(t, props{}, func(t *testing.T, s *stage) {
					s.wire.spoil(typ, fault)
					call, phone := s.deviceCalls()
					s.attend(phone)
					_ = phone.Ring(t.Context(), g711())
					time.Sleep(patience)
					must(t, phone.Answer(t.Context(), g711()))
					time.Sleep(patience)
					switch typ {
					case alexa.CallUpdate:
						must(t, phone.Update(t.Context(), turned(media.SendOnly)))
					case alexa.CallUpdateResponse:
						must(t, call.Update(t.Context(), alexatest.Mute))
					default:
					}
					time.Sleep(2 * patience)
					if n := s.wire.tries(typ); n < 2 {
						t.Errorf("%d tries: nothing was sent again", n)
					}
					if phase, state := phone.Info().Phase, call.State(); phase != bridge.Up || state != alexatest.StateConnected {
						t.Errorf("the call is %v here and %v at the device", phase, state)
					}
					must(t, phone.Hangup(t.Context(), bridge.Normal))
					time.Sleep(patience)
					s.unwanted = s.cloud.Violations() // what was sent again
				})
			})
		}
	}
}

// Devices leave the type of a renegotiation out, or may have one that we do not know.
func TestRenegotiationTypeUnknown(t *testing.T) {
	for _, typ := range []any{nil, "CALL_MUTE"} {
		play(t, props{}, func(t *testing.T, s *stage) {
			call, phone := s.deviceTalks()
			s.attend(phone)
			update := map[string]any{
				"type": string(alexa.CallUpdate), "sessionId": call.SessionID(),
				"sdpDetails": map[string]any{"type": "OFFER", "value": strings.Replace(call.LocalSDP(), "sendrecv", "recvonly", 1)},
			}
			if typ != nil {
				update["renegotiationType"] = typ
			}
			s.wire.spoil(alexa.CallUpdateResponse, wireFault{deaf: true}) // the device has sent no such offer itself
			_, _, err := s.cloud.SendEvent(t.Context(), update, nil)
			must(t, err)
			time.Sleep(2 * patience)
			synctest.Wait()
			if phase, n := phone.Info().Phase, s.wire.tries(alexa.CallUpdateResponse); phase != bridge.Up || n != 1 {
				t.Errorf("with type %v the call is %v, after %d responses; want it up, after one", typ, phase, n)
			}
			if r := s.wire.message(alexa.CallUpdateResponse).Renegotiation; r != alexa.RenegotiateUpdate {
				t.Errorf("type %v is answered with %q", typ, r)
			}
			must(t, phone.Hangup(t.Context(), bridge.Normal))
			s.unwanted = s.cloud.Violations()
		})
	}
}
