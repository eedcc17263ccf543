package alexa

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

// The hosts of Alexa's REST APIs by region. Europe serves the United Kingdom, Germany,
// France, Italy and Spain. An event names its own in Event.APIEndpoint.
const (
	EndpointNA = "https://api.amazonalexa.com"
	EndpointEU = "https://api.eu.amazonalexa.com"
)

const (
	signalingPath = "/v1/communications/signaling"

	tryTimeout    = 3 * time.Second        // for one try, the token included
	maxTries      = 3                      // that end in 429, 5xx or no answer
	maxConflicts  = 3                      // retries after 409, beside the others
	firstPause    = 250 * time.Millisecond // after a failed try, doubling
	maxRetryAfter = 10 * time.Second       // the longest wait that Alexa may ask for
	maxAnswer     = 64 << 10               // bytes read of an answer
)

// A TokenSource gives the access tokens that a Client sends, with the scope
// amazon_communication::calling. *lwa.Source is one. Its methods may be called from any
// number of goroutines.
type TokenSource interface {
	// Token returns a valid token, waiting for it no longer than ctx lasts. An error
	// with a method Retryable() bool that returns false ends the sending of a message.
	Token(ctx context.Context) (*lwa.Token, error)

	// Invalidate says that a request with this access token was answered with 401.
	Invalidate(accessToken string)
}

// A Client sends CallSignaling messages to Alexa. Set the fields before the first use
// and leave them; Tokens is the only one needed. It starts no goroutine and is safe for
// concurrent use.
//
// Source: "Requests Exposed by Alexa.Comms.CallSignaling Interface" of the Alexa Smart
// Properties documentation.
type Client struct {
	// Endpoint is the base URL of Alexa's REST APIs. Empty: EndpointNA.
	Endpoint string

	Tokens TokenSource

	// HTTPClient carries the requests. Nil: a client with http.DefaultTransport. Its
	// redirect policy is not used: redirects are refused.
	HTTPClient *http.Client

	// Logger is told of every try, at debug level, and of retries. Nil: silent.
	Logger *slog.Logger
}

// Send posts m to Alexa and returns nil when Alexa has taken it. It may be called from
// any number of goroutines, but Alexa refuses two requests of one call at the same time
// (409): send the messages of a call one after another.
//
// A message that ValidateRequest refuses is not sent. A try lasts at most three seconds.
// After 401 the token is renewed and the message sent again, once. After 409 it is sent
// again in 250 ms, 500 ms and 1 s. After 429, 5xx, or no answer, it is sent again up to
// two times, with growing pauses or as Retry-After asks; a pause that ctx does not leave
// time for, or of more than ten seconds, is not begun. Every other status is final.
//
// Alexa names calls by sessionId, so that a message which arrives twice is harmless.
// What a 2xx answer says beyond its status is not looked at.
//
// The error is an *Error, or that of ValidateRequest. It holds nothing secret.
func (c *Client) Send(ctx context.Context, m *Message) error {
	if err := m.ValidateRequest(); err != nil {
		return err
	}
	body, err := m.MarshalJSON()
	if err != nil {
		return fmt.Errorf("alexa: %w", err)
	}
	if c.Tokens == nil {
		return errors.New("alexa: Client.Tokens is not set")
	}
	s := &sending{client: c, message: m, body: body, log: c.logger().With(
		slog.String("type", m.Type.String()), slog.String("session", m.SessionID))}
	return s.run(ctx)
}

func (c *Client) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// A sending is one message on its way, with all its tries.
type sending struct {
	client  *Client
	message *Message
	body    []byte
	log     *slog.Logger

	tries     int // that ended in 429, 5xx or no answer
	conflicts int // that ended in 409
	renewed   bool
	uncertain bool // some try may have been acted on though it failed
}

func (s *sending) run(ctx context.Context) error {
	for {
		failure := s.try(ctx)
		if failure == nil {
			return nil
		}
		s.uncertain = s.uncertain || failure.Uncertain
		failure.Uncertain = s.uncertain
		if ctx.Err() != nil {
			return failure.cutBy(context.Cause(ctx))
		}
		pause, again := s.next(failure)
		if !again || !fits(ctx, pause) {
			return failure
		}
		s.log.Warn("call message not taken, sending again",
			slog.Any("err", failure), slog.Duration("pause", pause))
		if err := sleep(ctx, pause); err != nil {
			return failure.cutBy(err)
		}
	}
}

// try sends the message once.
func (s *sending) try(ctx context.Context) *Error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	token, err := s.client.Tokens.Token(ctx)
	if err != nil {
		return s.failure(&Error{Err: err})
	}
	begin := time.Now()
	resp, err := s.post(ctx, token)
	if err != nil {
		if u, ok := errors.AsType[*neturl.Error](err); ok {
			err = u.Err
		}
		return s.failure(&Error{Err: err, Uncertain: !neverSent(err)})
	}
	defer resp.Body.Close()
	s.log.Debug("call message sent",
		slog.Int("status", resp.StatusCode), slog.Duration("took", time.Since(begin)))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		// Reading the rest lets the connection be used again; what it says, and
		// whether it comes, is of no matter.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
		return nil
	}
	if resp.StatusCode == http.StatusUnauthorized && !s.renewed {
		s.client.Tokens.Invalidate(token.AccessToken)
	}
	return s.failure(readError(resp, s.message))
}

func (s *sending) failure(e *Error) *Error {
	e.Type = s.message.Type
	return e
}

func (s *sending) post(ctx context.Context, token *lwa.Token) (*http.Response, error) {
	base, err := neturl.Parse(cmp.Or(s.client.Endpoint, EndpointNA))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, notSent{errors.New("Client.Endpoint is not an absolute http or https URL")}
	}
	url := base.JoinPath(signalingPath).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(s.body))
	if err != nil {
		return nil, notSent{err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	token.SetAuthHeader(req)
	var own http.Client
	if s.client.HTTPClient != nil {
		own = *s.client.HTTPClient
	}
	// Following one would carry the token and the SDP elsewhere.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return own.Do(req)
}

// next says whether to send again after a failure, and after which pause.
func (s *sending) next(e *Error) (pause time.Duration, again bool) {
	switch {
	case e.Status == http.StatusUnauthorized:
		again = !s.renewed
		s.renewed = true
		return 0, again
	case e.Status == http.StatusConflict:
		s.conflicts++
		return firstPause << (s.conflicts - 1), s.conflicts <= maxConflicts
	case !e.Retryable():
		return 0, false
	}
	s.tries++
	// Half of the pause is left to chance, so that calls which failed together do not
	// come back together.
	pause = firstPause << s.tries
	pause = pause/2 + rand.N(pause/2)
	if e.RetryAfter > 0 {
		pause = e.RetryAfter
	}
	return pause, s.tries < maxTries && pause <= maxRetryAfter
}

// fits reports whether ctx leaves time for a pause and something after it.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
