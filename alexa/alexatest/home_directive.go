package alexatest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The namespaces of the messages of a home.
const (
	nsAlexa         = "Alexa"
	nsDiscovery     = "Alexa.Discovery"
	nsAuthorization = "Alexa.Authorization"
	nsRTC           = "Alexa.RTCSessionController"
	nsDoorbell      = "Alexa.DoorbellEventSource"
)

const (
	// answerLimit is how long the answer to an offer may take (Amazon's page "alexa-rtcsessioncontroller").
	answerLimit = 6 * time.Second
	// syncLimit is how long Alexa waits for the answer to any directive (Amazon's page "alexa-response").
	syncLimit = 8 * time.Second
	// maxEvent is the size of an event that is read.
	maxEvent = 256 << 10
)

// ErrNoAnswer is returned when the skill did not answer a directive in time.
var ErrNoAnswer = errors.New("alexatest: the skill did not answer in time")

// SkillError is returned when the skill has answered a directive with an ErrorResponse.
type SkillError struct {
	Type    string // such as ENDPOINT_UNREACHABLE
	Message string
}

// Error implements error.
func (e *SkillError) Error() string {
	return "alexatest: the skill answered " + e.Type + ": " + e.Message
}

// directive is one message to the skill.
type directive struct {
	namespace, name                    string
	id, correlation, endpoint, session string
	sdp                                string
	body                               []byte
}

// compose writes a directive without an endpoint.
func (h *Home) compose(namespace, name string, payload map[string]any) *directive {
	d := &directive{namespace: namespace, name: name, id: newUUID()}
	d.write(map[string]any{"header": d.header(), "payload": payload})
	return d
}

// directive writes a directive for an endpoint, with the cookie that was discovered.
func (a *Account) directive(namespace, name, endpointID string, payload map[string]any) *directive {
	d := &directive{
		namespace: namespace, name: name, id: newUUID(), endpoint: endpointID,
		correlation: base64.StdEncoding.EncodeToString(randomBytes(37)),
	}
	d.session, _ = payload["sessionId"].(string)
	if offer, ok := payload["offer"].(map[string]any); ok {
		d.sdp, _ = offer["value"].(string)
	}
	cookie := map[string]string{}
	a.home.mu.Lock()
	if v, ok := a.device(endpointID); ok && v.Cookie != nil {
		cookie = v.Cookie
	}
	a.home.mu.Unlock()
	d.write(map[string]any{
		"header":   d.header(),
		"endpoint": map[string]any{"scope": a.scope(), "endpointId": endpointID, "cookie": cookie},
		"payload":  payload,
	})
	return d
}

func (d *directive) header() map[string]any {
	m := map[string]any{"namespace": d.namespace, "name": d.name, "messageId": d.id, "payloadVersion": "3"}
	if d.correlation != "" {
		m["correlationToken"] = d.correlation
	}
	return m
}

func (d *directive) write(fields map[string]any) {
	d.body, _ = json.Marshal(map[string]any{"directive": fields})
}

// Send has the skill handle any bytes as a directive, and returns its answer unread. Nothing of it is a violation or stands in the
// transcript.
func (h *Home) Send(ctx context.Context, directive []byte) ([]byte, error) {
	v := h.begin(directive)
	select {
	case <-v.done:
		return v.body, v.err
	case <-ctx.Done():
		return nil, fmt.Errorf("alexatest: %w", ctx.Err())
	}
}

// delivery is a directive on its way. The fields are set when done is closed.
type delivery struct {
	done chan struct{}
	body []byte
	err  error
}

// begin delivers a directive in a goroutine of its own, so that a skill that does not return in time is noticed.
func (h *Home) begin(body []byte) *delivery {
	v := &delivery{done: make(chan struct{})}
	if !h.run(func() {
		defer close(v.done)
		ctx, cancel := context.WithTimeout(h.ctx, syncLimit)
		defer cancel()
		v.body, v.err = h.deliver(ctx, body)
	}) {
		v.err = ErrClosed
		close(v.done)
	}
	return v
}

// deliver calls the skill's function, or posts to its URL.
func (h *Home) deliver(ctx context.Context, body []byte) ([]byte, error) {
	h.mu.Lock()
	handle, url := h.handle, h.skillURL
	h.mu.Unlock()
	if handle != nil {
		answer, err := handle(ctx, bytes.Clone(body))
		if err != nil {
			return nil, fmt.Errorf("alexatest: the skill failed: %w", err)
		}
		return answer, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := h.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxEvent+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("alexatest: %w", err)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("alexatest: the skill answered with status %d", res.StatusCode)
	}
	return answer, nil
}

// exchange sends a directive and returns the event that answers it, with the time that this took. An answer that breaks the schema, is not
// that directive's, or does not come within limit, is a violation and an error.
func (h *Home) exchange(ctx context.Context, d *directive, limit time.Duration) (*skillEvent, time.Duration, error) {
	began := time.Now()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	h.record(HomeEntry{
		Kind: KindDirective, Name: d.name, EndpointID: d.endpoint, SessionID: d.session, SDP: sectionsOf(d.sdp), MessageID: d.id,
	})
	come := h.await(d)
	defer h.forget(d)
	v := h.begin(d.body)
	h.repeat(d, v)
	select {
	case <-v.done:
	case <-timer.C:
		h.violate("%s: no answer within %v", d.name, limit)
		return nil, limit, ErrNoAnswer
	case <-ctx.Done():
		return nil, time.Since(began), fmt.Errorf("alexatest: %w", ctx.Err())
	case <-h.ctx.Done():
		return nil, time.Since(began), ErrClosed
	}
	took := time.Since(began)
	switch {
	case v.err == nil:
	case h.ctx.Err() != nil || errors.Is(v.err, ErrClosed):
		return nil, took, ErrClosed
	case took >= limit: // the skill gave up when Alexa did
		h.violate("%s: no answer within %v", d.name, limit)
		return nil, took, ErrNoAnswer
	default:
		h.violate("%s: %v", d.name, v.err)
		return nil, took, v.err
	}
	e, err := h.judge(d, v.body, took)
	switch {
	case err == nil && e.name == "DeferredResponse":
		e, err = h.later(ctx, d, come, timer.C)
		took = time.Since(began)
	case len(come) > 0:
		h.violate("%s: answered at the gateway too", d.name)
	}
	return e, took, err
}

// await has the gateway take the answer to a directive, which a skill may defer.
func (h *Home) await(d *directive) <-chan *skillEvent {
	come := make(chan *skillEvent, 1)
	if d.correlation != "" {
		h.mu.Lock()
		h.awaited[d.correlation] = come
		h.mu.Unlock()
	}
	return come
}

func (h *Home) forget(d *directive) {
	h.mu.Lock()
	delete(h.awaited, d.correlation)
	h.mu.Unlock()
}

// later waits for an answer that was deferred: it comes to the gateway. The six seconds go on.
func (h *Home) later(ctx context.Context, d *directive, come <-chan *skillEvent, over <-chan time.Time) (*skillEvent, error) {
	select {
	case e := <-come:
		return e, h.fits(d, e)
	case <-over:
		h.violate("%s: no answer within its time, though it was deferred", d.name)
		return nil, ErrNoAnswer
	case <-ctx.Done():
		return nil, fmt.Errorf("alexatest: %w", ctx.Err())
	case <-h.ctx.Done():
		return nil, ErrClosed
	}
}

// repeat delivers a directive of a session again where the faults want it, and compares the answers: a delivery that comes again is the
// same one, so that two different answers leave Alexa without knowing which of them counts.
func (h *Home) repeat(d *directive, first *delivery) {
	faults := h.faultsNow()
	if d.namespace != nsRTC || !faults.DuplicateDirectives && !faults.RepeatDirectives {
		return
	}
	again := func() *delivery {
		h.record(HomeEntry{
			Kind: KindDirective, Name: d.name, EndpointID: d.endpoint, SessionID: d.session, SDP: sectionsOf(d.sdp), MessageID: d.id,
		})
		return h.begin(d.body)
	}
	var second *delivery
	if faults.DuplicateDirectives {
		second = again()
	}
	h.run(func() {
		<-first.done
		if second == nil {
			second = again()
		}
		<-second.done
		h.compare(d, first, second)
	})
}

func (h *Home) compare(d *directive, first, second *delivery) {
	if h.ctx.Err() != nil {
		return
	}
	if first.err != nil || second.err != nil {
		if first.err == nil {
			h.violate("%s: delivered again, it failed: %v", d.name, second.err)
		}
		return
	}
	one, _, _ := readEvent(first.body)
	two, _, _ := readEvent(second.body)
	h.record(two.entry(KindAnswer))
	if !one.same(two) {
		h.violate("%s: delivered again, it was answered otherwise", d.name)
	}
}
