package rtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

// The hosts of the event gateway by region. North America serves the Americas, Europe also India, the Far East also Australia.
//
// Source: "Send Events to the Alexa Event Gateway".
const (
	EndpointNA = "https://api.amazonalexa.com"
	EndpointEU = "https://api.eu.amazonalexa.com"
	EndpointFE = "https://api.fe.amazonalexa.com"
)

const (
	// PressTime is how long a DoorbellPress is worth sending: after that the visitor has rung again, or gone.
	PressTime = 10 * time.Second

	// SendTime is how long any other event is tried for, where its context allows it.
	SendTime = time.Minute
)

// A TokenSource gives the tokens of one user for the event gateway, those that AcceptGrant's code was exchanged for. *lwa.Source is one.
// Its methods may be called from any number of goroutines.
type TokenSource interface {
	// Token returns a valid token, waiting for it no longer than ctx lasts. An error with a method Retryable() bool that returns false
	// ends the sending of an event.
	Token(ctx context.Context) (*lwa.Token, error)

	// Invalidate says that a request with this access token was answered with 401.
	Invalidate(accessToken string)
}

// A Gateway sends a skill's own events to the event gateway of Alexa. Set the fields before the first use and leave them; Tokens or
// TokensOf is the only one needed. It starts no goroutine and is safe for concurrent use. It must not be copied.
//
// A skill that serves several regions has a Gateway, and a Skill, for each, as it has a Lambda function in each: a user's events go to the
// region that the user's directives come from.
//
// Source: "Send Events to the Alexa Event Gateway".
type Gateway struct {
	// Endpoint is the base URL of the event gateway. Empty: EndpointNA. Tokens go there and nowhere else: redirects are refused.
	Endpoint string

	Tokens TokenSource // of every user, where TokensOf is nil: for a skill with one user

	// TokensOf returns the tokens of a user, as Skill.Authorize names users. lwa.Accounts.Source has them. An error ends the sending as
	// one of Token does.
	TokensOf func(ctx context.Context, user string) (TokenSource, error)

	// Forget is told that a user has disabled the skill (403 SKILL_DISABLED_EXCEPTION), so that the user's grant is of no more use until
	// the next AcceptGrant: lwa.Accounts.Forget. It has five seconds; its error is logged. Nil: the program learns it from the error of
	// what it sends itself, errors.Is(err, &Error{Code: CodeSkillDisabled}), and not of a bell that Skill rings.
	Forget func(ctx context.Context, user string) error

	// HTTPClient carries the requests. Nil: a client with http.DefaultTransport. Its redirect policy is not used.
	HTTPClient *http.Client

	// Logger is told of every try, at debug level, of retries, and as errors of what only a person can mend. Nil: silent.
	Logger *slog.Logger

	events, failed, tries atomic.Uint64
}

// GatewayStats are the totals of a Gateway.
type GatewayStats struct {
	Events uint64 // taken or given up
	Failed uint64 // given up
	Tries  uint64 // requests
}

// Stats returns the totals.
func (g *Gateway) Stats() GatewayStats {
	return GatewayStats{Events: g.events.Load(), Failed: g.failed.Load(), Tries: g.tries.Load()}
}

// Send sends an event of a user's and returns nil when the event gateway has taken it (202). It adds the user's token to the event, and a
// message id and a time where none is set: they are the same in each try.
//
// A try lasts at most three seconds. After 401 the token is renewed and the event sent again, once. After 408, 429, 5xx, or no answer it is
// sent again, with growing pauses or as Retry-After asks, for as long as ctx lasts, up to PressTime for a DoorbellPress and SendTime for
// all else; a pause that leaves no time for another try is not begun. Every other status is final. What failed without an answer, or with
// 5xx, may have been acted on: that Alexa passes over a second event with the same message id is not documented.
//
// The error is an *Error, or says that the event is not one that may be sent. It holds nothing secret.
func (g *Gateway) Send(ctx context.Context, user string, e *Event) error {
	s := &sending{gateway: g, user: user, event: *e}
	if err := s.prepare(); err != nil {
		return err
	}
	s.log = g.logger().With(slog.String("type", e.Type.String()), slog.String("message", s.event.MessageID))
	limit := SendTime
	if e.Type == DoorbellPress {
		limit = PressTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	failure := s.run(ctx)
	g.events.Add(1)
	if failure == nil {
		return nil
	}
	g.failed.Add(1)
	s.consequences(ctx, failure)
	return failure
}

// DoorbellPress tells a user's Echo devices that somebody rings at an endpoint now.
func (g *Gateway) DoorbellPress(ctx context.Context, user, endpointID string) error {
	return g.Send(ctx, user, &Event{Header: Header{Type: DoorbellPress}, EndpointID: endpointID})
}

// AddOrUpdate tells Alexa of endpoints of a user that are new or have changed. Endpoints that are not among them stay as they are. It sends
// as many reports as it takes to keep each below MaxReport, one after another, and returns at the first that fails.
func (g *Gateway) AddOrUpdate(ctx context.Context, user string, endpoints []Endpoint) error {
	if _, err := wireEndpoints(endpoints, nil); err != nil {
		return fmt.Errorf("rtc: invalid event %s: %w", AddOrUpdateReport, err)
	}
	for len(endpoints) > 0 {
		n := reportLength(endpoints)
		if err := g.Send(ctx, user, &Event{Header: Header{Type: AddOrUpdateReport}, Endpoints: endpoints[:n]}); err != nil {
			return err
		}
		endpoints = endpoints[n:]
	}
	return nil
}

// Delete tells Alexa that endpoints of a user are no more: that a later discovery is without them does not take them away. The ids are
// MaxEndpoints at most.
func (g *Gateway) Delete(ctx context.Context, user string, ids ...string) error {
	e := &Event{Header: Header{Type: DeleteReport}}
	for _, id := range ids {
		e.Endpoints = append(e.Endpoints, Endpoint{ID: id})
	}
	return g.Send(ctx, user, e)
}

// reportLength returns how many of the endpoints, which are valid, fit into one report.
func reportLength(endpoints []Endpoint) int {
	const around = maxToken + maxLabel<<4 // header and scope
	size := around
	for i := range endpoints {
		w, err := endpoints[i].wire("")
		if err != nil {
			return max(i, 1)
		}
		b, err := appendJSON(nil, w)
		if size += len(b) + len(","); i > 0 && (err != nil || size > MaxReport) {
			return i
		}
	}
	return len(endpoints)
}

func (g *Gateway) logger() *slog.Logger {
	if g.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return g.Logger
}

// errNoTokens is about a user whom nobody has tokens of.
var errNoTokens error = noTokens{}

type noTokens struct{}

func (noTokens) Error() string   { return "no tokens for this user" }
func (noTokens) Retryable() bool { return false }

// tokens returns where a user's tokens come from.
func (g *Gateway) tokens(ctx context.Context, user string) (TokenSource, error) {
	if g.TokensOf == nil {
		if g.Tokens == nil {
			return nil, errNoTokens
		}
		return g.Tokens, nil
	}
	source, err := g.TokensOf(ctx, user)
	if err == nil && source == nil {
		err = errNoTokens
	}
	return source, err
}

// errNotSetUp is what a Gateway without tokens says of every event.
var errNotSetUp = errors.New("rtc: Gateway has neither Tokens nor TokensOf")
