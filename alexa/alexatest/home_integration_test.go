package alexatest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestHomeIntegration has skill and gateway talk over sockets.
func TestHomeIntegration(t *testing.T) {
	t.Parallel()
	h, err := alexatest.NewHome(nil)
	must(t, err)
	defer h.Close()
	d := newDoor(t, h, nil)
	d.http = &http11
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || refuse || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		answer, err := d.handle(r.Context(), body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	h.SetHandle(nil)
	h.SetURL(server.URL)
	_, err = h.Discover(t.Context())
	must(t, err)
	must(t, h.Grant(t.Context()))
	d.redeem()
	if status, _, _ := d.post(d.pressed()); status != http.StatusAccepted {
		t.Errorf("the press is answered with %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+"/v1/alexaApiEndpoint", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+d.token)
	res, err := d.http.Do(r)
	must(t, err)
	var regions struct{ Endpoints []string }
	must(t, json.NewDecoder(res.Body).Decode(&regions))
	res.Body.Close()
	if len(regions.Endpoints) != 1 || "http://"+regions.Endpoints[0] != h.URL() {
		t.Errorf("endpoints %v, want that of %s", regions.Endpoints, h.URL())
	}
	// Faults that need a connection.
	h.SetFaults(alexatest.HomeFaults{Gateway: []alexatest.GatewayFault{{Lost: true}, {Silent: true}}})
	if status, _, _ := d.post(d.pressed()); status != 0 {
		t.Errorf("a lost answer has status %d", status)
	}
	silent := http11
	silent.Timeout = 50 * time.Millisecond
	d.http = &silent
	if status, _, _ := d.post(d.pressed()); status != 0 {
		t.Errorf("no answer has status %d", status)
	}
	d.noViolations()
	refuse = true
	if _, err := h.ReportState(t.Context(), frontDoor); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
	d.violated("status 503")
	server.Close()
	if _, err := h.Send(t.Context(), []byte("{}")); err == nil {
		t.Error("an answer from nowhere")
	}
}

// TestAnswerThatLeadsNowhereIntegration has the media not connect: no violation, for the network may be to blame.
func TestAnswerThatLeadsNowhereIntegration(t *testing.T) {
	t.Parallel()
	h, err := alexatest.NewHome(nil)
	must(t, err)
	d := newDoor(t, h, nil)
	d.http = &http11
	defer h.Close()
	show, err := h.NewShow(&alexatest.ShowOptions{ConnectTimeout: 50 * time.Millisecond})
	must(t, err)
	if _, err := show.Talk(testContext(t), frontDoor); err == nil || !strings.Contains(err.Error(), "not connected after 50ms") {
		t.Errorf("error %v", err)
	}
	d.noViolations()
}
