package alexa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

const (
	signalingPath = "/v1/communications/signaling"

	tryTimeout    = 3 * time.Second        // for one try, the token included
	maxTries      = 3                      // that end in 429, 5xx or no answer
	maxConflicts  = 3                      // retries after 409, beside the others
	firstPause    = 250 * time.Millisecond // after a failed try, doubling
	longestPause  = 8 * time.Second        // between two tries of CallEnded
	maxRetryAfter = 10 * time.Second       // the longest wait that Alexa may ask for
	maxAnswer     = 64 << 10               // bytes read of an answer
)

// EndTime is how long Client.Send goes on trying to get a CallEnded through, where its context allows it: a call that Alexa is not told
// the end of may ring on, or stay on a device's screen.
const EndTime = 60 * time.Second

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
// concurrent use. It must not be copied. One Client should serve all calls of an account,
// so that one call's 429 slows them all.
//
// Source: "Requests Exposed by Alexa.Comms.CallSignaling Interface" of the Alexa Smart
// Properties documentation.
type Client struct {
	// Endpoint is the base URL of Alexa's REST APIs. Empty: EndpointNA. If it is one of
	// Amazon's, messages of calls that another region began go there (see SendTo); any
	// other, such as that of a gateway or a simulated cloud, takes all messages.
	Endpoint string

	Tokens TokenSource

	// TokensOf returns the tokens of a user of the skill, for a skill that several accounts
	// have given grants to (lwa.Accounts keeps them). An error ends the sending as one of
	// Token does. Nil, or a nil TokenSource without error: Tokens.
	TokensOf func(ctx context.Context, user string) (TokenSource, error)

	// HTTPClient carries the requests. Nil: a client with http.DefaultTransport. Its
	// redirect policy is not used: redirects are refused.
	HTTPClient *http.Client

	// Logger is told of every try, at debug level, of retries, and as errors of what only a
	// person can mend: refused credentials, missing permissions, messages that Alexa finds
	// malformed. Nil: silent.
	Logger *slog.Logger

	throttle throttle
	totals   totals
}

// Send posts m to Alexa and returns nil when Alexa has taken it. It may be called from
// any number of goroutines, but Alexa refuses two requests of one call at the same time
// (409): send the messages of a call one after another. It is SendTo without an Origin.
//
// A message that ValidateRequest refuses is not sent. A try lasts at most three seconds.
// After 401 the token is renewed and the message sent again, once. After 409 it is sent
// again in 250 ms, 500 ms and 1 s. After 429, 5xx, or no answer, it is sent again up to
// two times, with growing pauses or as Retry-After asks; a pause that ctx does not leave
// time for, or of more than ten seconds, is not begun. Every other status is final.
//
// CallEnded must get through: after failures that may pass it is sent again for as long as
// ctx lasts, up to EndTime, with pauses of up to eight seconds. Cancel ctx to give it up.
//
// A 429 slows all messages of the Client: for as long as Retry-After says, up to ten
// seconds, none is sent, and then they go one by one, CallEnded first and new calls last,
// faster as Alexa takes them. CallEnded waits only if another CallEnded was refused so. A
// message that ctx leaves no time for fails at once, with Status 429.
//
// Alexa names calls by sessionId, so that a message which arrives twice is harmless.
// What a 2xx answer says beyond its status is not looked at.
//
// The error is an *Error, or that of ValidateRequest. It holds nothing secret.
func (c *Client) Send(ctx context.Context, m *Message) error { return c.SendTo(ctx, Origin{}, m) }

// SendTo is Send for the message of a call that came from o: to the host that its event
// named, with the tokens of its user. A token only goes to Amazon's own hosts and to
// Client.Endpoint: where o names another, the message goes to Client.Endpoint.
func (c *Client) SendTo(ctx context.Context, o Origin, m *Message) error {
	if err := m.ValidateRequest(); err != nil {
		return err
	}
	body, err := m.MarshalJSON()
	if err != nil {
		return fmt.Errorf("alexa: %w", err)
	}
	if c.Tokens == nil && c.TokensOf == nil {
		return errors.New("alexa: Client.Tokens is not set")
	}
	if m.Type == CallEnded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, EndTime)
		defer cancel()
	}
	s := &sending{client: c, origin: o, message: m, body: body, log: c.logger().With(
		slog.String("type", m.Type.String()), slog.String("session", m.SessionID))}
	failure := s.run(ctx)
	c.totals.message(failure)
	if failure == nil {
		return nil
	}
	if f := failure.Fault(); f == FaultRequest || mendable(failure) {
		s.log.Error("call message refused for good", slog.String("fault", f.String()), slog.Any("err", failure))
	}
	return failure
}

func (c *Client) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}
