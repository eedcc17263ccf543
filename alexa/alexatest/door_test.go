package alexatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

const (
	rtcNamespace = "Alexa.RTCSessionController"
	frontDoor    = "door-1"
)

type object = map[string]any

// door is a smart-home skill with one door, written by hand from Amazon's pages.
type door struct {
	t    testing.TB
	home *alexatest.Home
	http *http.Client

	// media answers an offer; an error is ENDPOINT_UNREACHABLE.
	media func(session, offer string) (string, error)

	mu sync.Mutex
	// change changes an event before it is sent; nil: nothing.
	change func(name string, event object)
	// delay is how long the answer to a directive takes, by its name.
	delay map[string]time.Duration
	// defers has offers answered at the gateway.
	defers bool
	code   string            // of the latest grant
	said   map[string][]byte // answers by messageId, for deliveries that come again
	forget bool              // answers are made anew
	token  string
	wg     sync.WaitGroup
}

func newDoor(t testing.TB, h *alexatest.Home, media func(session, offer string) (string, error)) *door {
	d := &door{t: t, home: h, media: media, said: map[string][]byte{}, http: &http.Client{Transport: h.RoundTripper()}}
	if d.media == nil {
		d.media = func(_, offer string) (string, error) { return doorAnswer(offer), nil }
	}
	h.SetHandle(d.handle)
	return d
}

func (d *door) handle(ctx context.Context, body []byte) ([]byte, error) {
	var in struct {
		Directive struct {
			Header   struct{ Namespace, Name, MessageID, CorrelationToken, PayloadVersion string }
			Endpoint struct {
				EndpointID string
				Scope      struct{ Type, Token string }
				Cookie     map[string]string
			}
			Payload struct {
				SessionID string
				Offer     struct{ Format, Value string }
				Scope     struct{ Token string }
				Grant     struct{ Type, Code string }
			}
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	v := in.Directive
	d.mu.Lock()
	before, delay, defers := d.said[v.Header.MessageID], d.delay[v.Header.Name], d.defers
	if d.forget {
		before = nil
	}
	d.mu.Unlock()
	if before != nil {
		return before, nil
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	namespace, name, payload := rtcNamespace, v.Header.Name, object{}
	var more object
	switch v.Header.Name {
	case "Discover":
		namespace, name, payload = "Alexa.Discovery", "Discover.Response", object{"endpoints": []any{describe()}}
	case "ReportState":
		namespace, name = "Alexa", "StateReport"
		more = object{"properties": []any{object{
			"namespace": "Alexa.EndpointHealth", "name": "connectivity", "value": object{"value": "OK"},
			"timeOfSample": "2026-01-01T00:00:00Z", "uncertaintyInMilliseconds": 0,
		}}}
	case "AcceptGrant":
		namespace, name = "Alexa.Authorization", "AcceptGrant.Response"
		d.mu.Lock()
		d.code = v.Payload.Grant.Code
		d.mu.Unlock()
	case "InitiateSessionWithOffer":
		answer, err := d.media(v.Payload.SessionID, v.Payload.Offer.Value)
		name, payload = "AnswerGeneratedForSession", object{"answer": object{"format": "SDP", "value": answer}}
		if err != nil {
			namespace, name = "Alexa", "ErrorResponse"
			payload = object{"type": "ENDPOINT_UNREACHABLE", "message": err.Error()}
		}
	default:
		payload = object{"sessionId": v.Payload.SessionID}
	}
	event := object{"event": object{
		"header": object{
			"namespace": namespace, "name": name, "payloadVersion": "3", "messageId": "answer-" + v.Header.MessageID,
		},
		"payload": payload,
	}}
	if v.Header.CorrelationToken != "" {
		event["event"].(object)["header"].(object)["correlationToken"] = v.Header.CorrelationToken
	}
	if v.Endpoint.EndpointID != "" {
		event["event"].(object)["endpoint"] = object{"endpointId": v.Endpoint.EndpointID}
	}
	if more != nil {
		event["context"] = more
	}
	d.mu.Lock()
	if d.change != nil {
		d.change(name, event)
	}
	d.mu.Unlock()
	out, err := json.Marshal(event)
	if defers && v.Header.Name == "InitiateSessionWithOffer" {
		event["event"].(object)["endpoint"] = object{
			"endpointId": v.Endpoint.EndpointID, "scope": object{"type": "BearerToken", "token": d.token},
		}
		d.wg.Go(func() { d.post(event) })
		return json.Marshal(object{"event": object{
			"header": object{
				"namespace": "Alexa", "name": "DeferredResponse", "payloadVersion": "3", "messageId": "later-" + v.Header.MessageID,
				"correlationToken": v.Header.CorrelationToken,
			},
			"payload": object{"estimatedDeferralInSeconds": 5},
		}})
	}
	d.mu.Lock()
	d.said[v.Header.MessageID] = out
	d.mu.Unlock()
	return out, err
}

// describe is the door of Discover.Response.
func describe() object {
	return object{
		"endpointId": frontDoor, "manufacturerName": "Sample", "modelName": "Door 1", "friendlyName": "Front door",
		"description": "The front door", "displayCategories": []any{"CAMERA", "DOORBELL"}, "cookie": object{"key": "value"},
		"capabilities": []any{
			object{"type": "AlexaInterface", "interface": "Alexa", "version": "3"},
			object{
				"type": "AlexaInterface", "interface": rtcNamespace, "version": "3",
				"configuration": object{"isFullDuplexAudioSupported": true},
			},
			object{
				"type": "AlexaInterface", "interface": "Alexa.DoorbellEventSource", "version": "3", "proactivelyReported": true,
			},
			object{
				"type": "AlexaInterface", "interface": "Alexa.EndpointHealth", "version": "3", "properties": object{
					"supported": []any{object{"name": "connectivity"}}, "proactivelyReported": false, "retrievable": true,
				},
			},
		},
	}
}

// redeem exchanges the code of the latest grant for an access token.
func (d *door) redeem() {
	d.t.Helper()
	d.mu.Lock()
	code := d.code
	d.mu.Unlock()
	res, err := d.http.PostForm(d.home.TokenURL(), url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"client_id": {d.home.ClientID()}, "client_secret": {d.home.ClientSecret()},
	})
	must(d.t, err)
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	must(d.t, json.NewDecoder(res.Body).Decode(&token))
	if res.StatusCode != http.StatusOK || token.AccessToken == "" {
		d.t.Fatalf("token request: %d", res.StatusCode)
	}
	d.token = token.AccessToken
}

// post sends an event to the gateway and returns status, payload.code and Retry-After.
func (d *door) post(event object) (status int, code, after string) {
	d.t.Helper()
	body, err := json.Marshal(event)
	if err != nil {
		d.t.Error(err)
	}
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.home.URL()+"/v3/events", strings.NewReader(string(body)))
	if err != nil {
		d.t.Error(err)
		return 0, "", ""
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := d.http.Do(r)
	if err != nil {
		return 0, "", ""
	}
	defer res.Body.Close()
	var failure struct {
		Payload struct{ Code, Description string }
	}
	text, _ := io.ReadAll(res.Body)
	_ = json.Unmarshal(text, &failure)
	return res.StatusCode, failure.Payload.Code, res.Header.Get("Retry-After")
}

// pressed is a DoorbellPress.
func (d *door) pressed() object {
	return object{"context": object{}, "event": object{
		"header": object{
			"namespace": "Alexa.DoorbellEventSource", "name": "DoorbellPress", "payloadVersion": "3", "messageId": "press-1",
		},
		"endpoint": object{"endpointId": frontDoor, "scope": object{"type": "BearerToken", "token": d.token}},
		"payload":  object{"cause": object{"type": "PHYSICAL_INTERACTION"}, "timestamp": "2026-01-01T12:00:00Z"},
	}}
}

var formatLine = regexp.MustCompile(`^m=(\w+) \d+ (\S+) (.*)$`)

// doorAnswer is a well-formed answer that leads nowhere.
func doorAnswer(offer string) string {
	var mids []string
	var out []string
	video, last := false, ""
	for line := range strings.Lines(offer) {
		line = strings.TrimRight(line, "\r\n")
		m := formatLine.FindStringSubmatch(line)
		switch {
		case m != nil:
			video = m[1] == "video"
			formats := strings.Fields(m[3])
			last = formats[0]
			out = append(out, "m="+m[1]+" 9 "+m[2]+" "+last, "c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=ice-ufrag:door", "a=ice-pwd:"+strings.Repeat("p", 22),
				"a=fingerprint:sha-256 "+strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), "a=setup:active",
				"a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host")
			if video {
				out = append(out, "a=sendonly")
			} else {
				out = append(out, "a=sendrecv")
			}
		case strings.HasPrefix(line, "a=group:BUNDLE "):
			mids = append(mids, line)
		case strings.HasPrefix(line, "a=mid:"),
			strings.HasPrefix(line, "a=rtpmap:"+last+" "), strings.HasPrefix(line, "a=fmtp:"+last+" "), strings.HasPrefix(line, "a=rtcp-fb:"+last+" "):
			out = append(out, line)
		}
	}
	head := append([]string{"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"}, mids...)
	return strings.Join(append(append(head, out...), ""), "\r\n")
}

// atHome runs f in a bubble with a home without sockets, a door that was discovered and granted, and a Show without media.
func atHome(t *testing.T, o *alexatest.ShowOptions, f func(t *testing.T, d *door, show *alexatest.Show)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, err := alexatest.NewHome(&alexatest.HomeOptions{NoSockets: true})
		must(t, err)
		d := newDoor(t, h, nil)
		defer func() { h.Close(); d.wg.Wait() }()
		_, err = h.Discover(t.Context())
		must(t, err)
		must(t, h.Grant(t.Context()))
		d.redeem()
		var so alexatest.ShowOptions
		if o != nil {
			so = *o
		}
		so.NoMedia = true
		show, err := h.NewShow(&so)
		must(t, err)
		f(t, d, show)
		synctest.Wait()
	})
}

func (d *door) noViolations() {
	d.t.Helper()
	d.home.Report(d.t)
}

// violated checks that there is one violation, with these words.
func (d *door) violated(words ...string) {
	d.t.Helper()
	all := d.home.Violations()
	if len(all) != len(words) {
		d.t.Fatalf("violations %q, want %q", all, words)
	}
	for i, w := range words {
		if !strings.Contains(all[i], w) {
			d.t.Errorf("violation %q, want one of %q", all[i], w)
		}
	}
}

var errBusy = errors.New("nobody is at the door")

func at(m object, path ...string) object {
	for _, p := range path {
		next, ok := m[p].(object)
		if !ok {
			next = object{}
			m[p] = next
		}
		m = next
	}
	return m
}

func names(h *alexatest.Home) string {
	var b strings.Builder
	for _, e := range h.Transcript() {
		fmt.Fprintln(&b, e.Summary())
	}
	return b.String()
}

// http11 is a client of sockets that keeps no connection.
var http11 = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
