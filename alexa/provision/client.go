package provision

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/internal/outbound"
)

// The hosts of the Alexa Smart Properties REST APIs: the United States and Canada; the United Kingdom, Germany, France, Italy and Spain;
// Japan, which has no WebRTC calling.
const (
	EndpointNA = "https://api.amazonalexa.com"
	EndpointEU = "https://api.eu.amazonalexa.com"
	EndpointFE = "https://api.fe.amazonalexa.com"
)

const (
	tryTimeout    = 10 * time.Second // for one try, the token included
	maxRetryAfter = 60 * time.Second // the longest wait that Alexa may ask for
	maxAnswer     = 1 << 20          // bytes of an answer
	maxDrained    = 64 << 10         // bytes read of an answer that nobody wants
)

// pauseTable has the pauses before the second try and those after it, from Amazon's own sample client.
var pauseTable = []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second, 13 * time.Second, 21 * time.Second}

// A TokenSource gives access tokens. *lwa.Source is one. Its methods may be called from any number of goroutines.
type TokenSource interface {
	// Token returns a valid token, waiting for it no longer than ctx lasts. An error with a method Retryable() bool that returns false
	// ends a call.
	Token(ctx context.Context) (*lwa.Token, error)
	// Invalidate says that a request with this access token was answered with 401.
	Invalidate(accessToken string)
}

// A Client makes the calls. Set the fields before the first use and leave them; Tokens is the only one needed. It starts no goroutine and
// is safe for concurrent use.
type Client struct {
	// Endpoint is the base URL of the region. Empty: EndpointNA.
	Endpoint string

	// Tokens has the scope alexa::enterprise:management: for units, profiles, address books and contacts.
	Tokens TokenSource

	// ProviderTokens has the scope amazon_communication::service_provider: for service providers, network mappings and account
	// associations. Nil: Tokens has both scopes.
	ProviderTokens TokenSource

	// HTTPClient carries the requests. Nil: a client with http.DefaultTransport. Its redirect policy is not used: redirects are refused.
	HTTPClient *http.Client

	// Logger is told of every try, at debug level, and of retries; never of ids, names or numbers. Nil: silent.
	Logger *slog.Logger
}

// A call is one operation.
type call struct {
	op       string // for people: "create a profile"
	method   string
	path     []string // segments; ids among them are checked and escaped
	query    url.Values
	body     any // nil: none
	out      any // gets the answer; nil: it is not read
	provider bool
	again    bool  // harmless to do twice, though it is a POST
	bad      error // what is wrong with it; it is not made then
}

// do makes a call, with as many tries as it takes. The error is an *Error.
func (c *Client) do(ctx context.Context, k call) error {
	s, err := c.begin(k)
	if err != nil {
		return &Error{Op: k.op, Method: k.method, Err: notSent{err}}
	}
	for {
		failure := s.try(ctx)
		if failure == nil {
			return nil
		}
		if s.uncertain && k.method == http.MethodDelete && failure.Status == http.StatusNotFound {
			return nil // the try before has done it
		}
		s.uncertain = s.uncertain || failure.Uncertain
		failure.Uncertain = s.uncertain
		pause, again := s.next(failure)
		deadline, has := ctx.Deadline()
		if !again || ctx.Err() != nil || has && time.Until(deadline) <= pause {
			return failure
		}
		s.log.Warn("provisioning call failed, trying again", slog.Any("err", failure), slog.Duration("pause", pause))
		if err := sleep(ctx, pause); err != nil {
			return failure.cutBy(err)
		}
	}
}

// A sending is a call on its way.
type sending struct {
	call
	client    *http.Client
	tokens    TokenSource
	url       string
	text      []byte // the body
	log       *slog.Logger
	tries     int
	renewed   bool
	uncertain bool // some try may have been acted on though it failed
}

// begin prepares a call.
func (c *Client) begin(k call) (*sending, error) {
	if k.bad != nil {
		return nil, k.bad
	}
	s := &sending{call: k, tokens: c.Tokens, log: slog.New(slog.DiscardHandler)}
	if c.Logger != nil {
		s.log = c.Logger.With(slog.String("op", k.op))
	}
	if k.provider && c.ProviderTokens != nil {
		s.tokens = c.ProviderTokens
	}
	if s.tokens == nil {
		return nil, errors.New("Client.Tokens is not set")
	}
	base, err := outbound.BaseURL(cmp.Or(c.Endpoint, EndpointNA))
	if err != nil {
		return nil, fmt.Errorf("Client.Endpoint %w", err)
	}
	escaped := make([]string, len(k.path))
	for i, segment := range k.path {
		if err := checkID(segment); err != nil {
			return nil, err
		}
		escaped[i] = url.PathEscape(segment)
	}
	target := base.JoinPath(escaped...)
	target.RawQuery = k.query.Encode()
	s.url = target.String()
	if k.body != nil {
		if s.text, err = marshal(k.body); err != nil {
			return nil, err
		}
	}
	s.client = outbound.NoRedirects(c.HTTPClient)
	return s, nil
}

// marshal returns a body as it is sent.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// try makes the call once.
func (s *sending) try(ctx context.Context) *Error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	token, err := s.tokens.Token(ctx)
	if err != nil {
		return s.failed(&Error{Err: err})
	}
	begin := time.Now()
	resp, err := s.post(ctx, token)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which has ids in it
		}
		return s.failed(&Error{Err: err, Uncertain: !neverSent(err)})
	}
	defer resp.Body.Close()
	s.log.Debug("provisioning call", slog.Int("status", resp.StatusCode), slog.Duration("took", time.Since(begin)))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return s.read(resp)
	case resp.StatusCode == http.StatusUnauthorized && !s.renewed:
		s.tokens.Invalidate(token.AccessToken)
	}
	return s.failed(readError(resp, s.text))
}

func (s *sending) failed(e *Error) *Error {
	e.Op, e.Method = s.op, s.method
	return e
}

func (s *sending) post(ctx context.Context, token *lwa.Token) (*http.Response, error) {
	var body io.Reader = http.NoBody
	if s.text != nil {
		body = bytes.NewReader(s.text)
	}
	req, err := http.NewRequestWithContext(ctx, s.method, s.url, body)
	if err != nil {
		return nil, notSent{err}
	}
	if s.text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	token.SetAuthHeader(req)
	return s.client.Do(req)
}

// read takes the answer of a call that succeeded.
func (s *sending) read(resp *http.Response) *Error {
	if s.out == nil {
		// Reading the rest lets the connection be used again; what it says, and whether it comes, is of no matter.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrained))
		return nil
	}
	e := s.failed(&Error{Status: resp.StatusCode, RequestID: requestID(resp)})
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		e.Err = err
	case len(data) > maxAnswer:
		e.Err = answerError{fmt.Sprintf("the answer has more than %d bytes", maxAnswer)}
	default:
		if e.Err = decode(data, resp, s.out); e.Err == nil {
			return nil
		}
	}
	e.Uncertain = s.method != http.MethodGet
	return e
}

// next says whether to try again after a failure, and after which pause.
func (s *sending) next(e *Error) (pause time.Duration, again bool) {
	if e.Status == http.StatusUnauthorized {
		again = !s.renewed
		s.renewed = true
		return 0, again
	}
	// Too many, and out of service: these have not been acted on.
	harmless := s.again || s.method != http.MethodPost || !e.Uncertain || e.Status == http.StatusServiceUnavailable
	if !harmless || !e.Retryable() || s.tries == len(pauseTable) {
		return 0, false
	}
	pause = pauseTable[s.tries]
	s.tries++
	if e.RetryAfter > 0 {
		pause = e.RetryAfter
	}
	return pause, pause <= maxRetryAfter
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

// notSent is an error of a request that could not even be made.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

// neverSent reports whether a request failed before anything of it could arrive.
func neverSent(err error) bool {
	if _, ok := errors.AsType[notSent](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// create makes a call that makes something, and returns its id, whose property has one of these names.
func (c *Client) create(ctx context.Context, k call, names ...string) (string, error) {
	a := &idAnswer{names: names}
	k.out = a
	err := c.do(ctx, k)
	return a.id, err
}
