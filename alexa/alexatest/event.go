package alexatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// skillTimeout is how long Alexa waits for the answer to an event: "alexa-response.html" has it for smart home, and the field
	// reports the same for custom skills.
	skillTimeout = 8 * time.Second
	// maxSkillAnswer limits the answer: the custom-skill pages have 24 KB; more is let pass.
	maxSkillAnswer = 256 << 10

	timestampForm = "2006-01-02T15:04:05Z"
)

// EventFault says what is wrong with an event of [Cloud.SendEvent]. The zero value and nil: nothing.
type EventFault struct {
	// BadSignature signs another body.
	BadSignature bool
	// NoSignature leaves both signature headers out.
	NoSignature bool
	// ChainURL replaces the value of SignatureCertChainUrl, which else suits Chain.
	ChainURL string
	// Chain chooses a bad certificate chain behind a good URL.
	Chain ChainFault
	// SkillID replaces the application id.
	SkillID string
	// Age makes the timestamp that much older; negative: in the future.
	Age time.Duration
	// RequestID is used in place of a new one, as when Alexa sends an event again.
	RequestID string
	// Body is sent, signed, in place of the envelope.
	Body []byte
}

// SendEvent sends one event to the skill: request becomes the request object of a complete envelope (a map, a struct with JSON tags,
// or json.RawMessage; not needed with EventFault.Body). A requestId and a timestamp are added where it has none. It returns the
// HTTP status and body of the skill's answer, whatever they are; err tells that there was none. Nothing is retried, and no call of an
// Echo is touched.
func (c *Cloud) SendEvent(ctx context.Context, request any, f *EventFault) (status int, body []byte, err error) {
	if f == nil {
		f = &EventFault{}
	}
	e, err := c.newEvent(nil, request, f)
	if err != nil {
		return 0, nil, err
	}
	status, _, body, err = c.send(ctx, e)
	return status, body, err
}

// event is one event ready to be sent, and sent again.
type event struct {
	name, sessionID string
	fields          map[string]any // of the request object; nil for a body that was given whole
	headers         http.Header
	body            []byte
}

// envelope is the request of a custom skill (Amazon's page "request-and-response-json-reference"). Calls are not part of a skill
// session, so there is none.
type envelope struct {
	Version string         `json:"version"`
	Context map[string]any `json:"context"`
	Request map[string]any `json:"request"`
}

func (c *Cloud) newEvent(from *Echo, request any, f *EventFault) (*event, error) {
	now := time.Now()
	e := &event{headers: make(http.Header), body: f.Body}
	if e.body == nil {
		fields, err := toFields(request)
		if err != nil {
			return nil, err
		}
		if _, ok := fields["requestId"]; !ok || f.RequestID != "" {
			fields["requestId"] = f.RequestID
			if f.RequestID == "" {
				fields["requestId"] = "amzn1.echo-api.request." + newUUID()
			}
		}
		if _, ok := fields["timestamp"]; !ok || f.Age != 0 {
			fields["timestamp"] = now.Add(-f.Age).UTC().Format(timestampForm)
		}
		e.fields = fields
		name, _ := fields["type"].(string)
		e.name = strings.TrimPrefix(name, namespace)
		e.sessionID, _ = fields["sessionId"].(string)
		if e.body, err = json.Marshal(envelope{"1.0", c.contextObject(from, f.SkillID, now), fields}); err != nil {
			return nil, fmt.Errorf("alexatest: %w", err)
		}
	}
	e.headers.Set("Content-Type", "application/json;charset=UTF-8")
	e.headers.Set("Accept", "application/json")
	e.headers.Set("Accept-Charset", "utf-8")
	if f.NoSignature {
		return e, nil
	}
	signed := e.body
	if f.BadSignature {
		signed = append([]byte(" "), e.body...)
	}
	signature, err := c.signer.sign(signed)
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	chain := f.ChainURL
	if chain == "" {
		chain = c.signer.chainURL(f.Chain)
	}
	e.headers.Set("SignatureCertChainUrl", chain)
	e.headers.Set("Signature-256", signature)
	return e, nil
}

func toFields(request any) (map[string]any, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	fields := make(map[string]any)
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("alexatest: the request is not a JSON object: %w", err)
	}
	if fields == nil {
		fields = make(map[string]any) // of null
	}
	return fields, nil
}

// contextObject is the context of an event from a device; nil is some device.
func (c *Cloud) contextObject(from *Echo, skillID string, now time.Time) map[string]any {
	if skillID == "" {
		skillID = c.skill
	}
	if from == nil {
		from = newEchoIdentity()
	}
	return map[string]any{
		"System": map[string]any{
			"application": map[string]any{"applicationId": skillID},
			"user": map[string]any{
				"userId": from.userID,
				"permissions": map[string]any{
					"consentToken": newJWT(c.url, skillID, now, time.Hour),
					"scopes":       map[string]any{scopeCalling: map[string]any{"status": "GRANTED"}},
				},
			},
			"device": map[string]any{
				"deviceId": from.deviceID, "persistentEndpointId": from.endpointID, "supportedInterfaces": map[string]any{},
			},
			"unit":           map[string]any{"unitId": from.unitID, "persistentUnitId": from.persistentUnitID},
			"apiEndpoint":    c.url,
			"apiAccessToken": newJWT(c.url, skillID, now, 5*time.Minute),
		},
	}
}

// send delivers an event once.
func (c *Cloud) send(ctx context.Context, e *event) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, skillTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	c.mu.Lock()
	url, handler, closed := c.skillURL, c.handler, c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return 0, nil, nil, ErrClosed
	case handler != nil:
		url = "https://skill.test/"
	case url == "":
		return 0, nil, nil, errors.New("alexatest: the skill's URL is not set")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("alexatest: %w", err)
	}
	r.Header = e.headers.Clone()
	answered := c.record(ToSkill, 0, noteOf(e.name, e.sessionID, e.fields))
	if handler != nil {
		status, header, body, err := c.handleInMemory(handler, r, e.body)
		answered(status)
		return status, header, body, err
	}
	res, err := c.client.Do(r)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("alexatest: %w", err)
	}
	defer res.Body.Close()
	answered(res.StatusCode)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSkillAnswer))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("alexatest: %w", err)
	}
	return res.StatusCode, res.Header, body, nil
}

// tell delivers an event of a call, as often as the faults have it, and notes what is wrong with the answer.
func (c *Cloud) tell(ctx context.Context, from *Echo, fields map[string]any) error {
	f := c.faultsNow()
	if err := c.tellImpostors(ctx, from, fields, f); err != nil {
		return err
	}
	for i := range f.deliveries() {
		if err := c.tellOnce(ctx, from, fields, i == 0 && f.DuplicateEvents); err != nil {
			return err
		}
	}
	return nil
}

// deliveries is how often an event is sent as a new one.
func (f Faults) deliveries() int {
	if f.RepeatEvents {
		return 2
	}
	return 1
}

// tellOnce sends a new event; if twice, the same bytes again.
func (c *Cloud) tellOnce(ctx context.Context, from *Echo, fields map[string]any, twice bool) error {
	e, err := c.newEvent(from, fields, &EventFault{})
	if err != nil {
		return err
	}
	for _, again := range []bool{false, true} {
		if again && !twice {
			break
		}
		status, header, body, err := c.send(ctx, e)
		if err == nil {
			err = checkSkillAnswer(status, header, body, e)
		}
		if err != nil && c.ctx.Err() == nil && ctx.Err() == nil {
			c.violate("event %s: %v", e.name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tellImpostors sends what the skill must refuse, and notes when it does not.
func (c *Cloud) tellImpostors(ctx context.Context, from *Echo, fields map[string]any, f Faults) error {
	kinds, names := f.impostors()
	for i := range kinds {
		e, err := c.newEvent(from, fields, &kinds[i])
		if err != nil {
			return err
		}
		status, _, _, err := c.send(ctx, e)
		if err == nil && status/100 != 4 {
			c.violate("event %s %s was answered %d", e.name, names[i], status)
		}
	}
	return nil
}

// checkSkillAnswer accepts both answers that Amazon's sample has used: an empty response, and a directive that repeats the event's
// type with providerSessionId.
func checkSkillAnswer(status int, header http.Header, body []byte, e *event) error {
	if status != http.StatusOK {
		return fmt.Errorf("the skill answered %d", status)
	}
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errors.New("the skill's answer has no Content-Type: application/json")
	}
	var answer struct {
		Version  *string `json:"version"`
		Response *struct {
			Directives []struct {
				Type              string `json:"type"`
				ProviderSessionID string `json:"providerSessionId"`
			} `json:"directives"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errors.New("the skill's answer is not JSON of the documented shape")
	}
	if answer.Version == nil || answer.Response == nil {
		return errors.New("the skill's answer has no version or no response")
	}
	for _, d := range answer.Response.Directives {
		if d.Type != namespace+e.name || d.ProviderSessionID != e.sessionID {
			return errors.New("the skill's answer has a directive that does not repeat type and session of the event")
		}
	}
	return nil
}
