package alexatest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestEventIsRecordedFirst looks, when an event is recorded, for whom it is: it wakes nobody before it stands in the transcript, answer and
// all, so that who was woken finds it there.
func TestEventIsRecordedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		var h *alexatest.Home
		met := map[string]int{}
		h, err := alexatest.NewHome(&alexatest.HomeOptions{NoSockets: true, OnMessage: func(e alexatest.HomeEntry) {
			if e.Kind != alexatest.KindEvent {
				return
			}
			met[e.Summary()]++
			if p, err := h.NextPress(over); err == nil {
				t.Errorf("%s: there is a press already: %+v", e.Summary(), p)
			}
			if d, err := h.NextReport(over); err == nil {
				t.Errorf("%s: there is a report already: %+v", e.Summary(), d)
			}
		}})
		must(t, err)
		d := newDoor(t, h, nil)
		defer func() { h.Close(); d.wg.Wait() }()
		_, err = h.Discover(t.Context())
		must(t, err)
		must(t, h.Grant(t.Context()))
		d.redeem()
		post := func(e object, want int) {
			t.Helper()
			if got, _, _ := d.post(e); got != want {
				t.Errorf("answered with %d, want %d", got, want)
			}
		}
		post(d.pressed(), http.StatusAccepted)
		_, err = h.NextPress(t.Context())
		must(t, err)
		post(object{"event": object{
			"header":  object{"namespace": "Alexa.Discovery", "name": "AddOrUpdateReport", "payloadVersion": "3", "messageId": "m"},
			"payload": object{"endpoints": []any{describe()}, "scope": object{"type": "BearerToken", "token": d.token}},
		}}, http.StatusAccepted)
		_, err = h.NextReport(t.Context())
		must(t, err)
		h.SetFaults(alexatest.HomeFaults{Gateway: []alexatest.GatewayFault{{Lost: true}}})
		post(d.pressed(), 0)
		_, err = h.NextPress(t.Context())
		must(t, err)
		for _, want := range []string{"event DoorbellPress 202", "event AddOrUpdateReport 202", "event DoorbellPress 0"} {
			if met[want] != 1 {
				t.Errorf("recorded %v, want %q once", met, want)
			}
		}
		d.noViolations()
	})
}
