package rtc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"slices"
	"time"

	"github.com/alexacall/alexacall/internal/outbound"
)

const (
	eventsPath = "/v3/events"

	tryTimeout   = 3 * time.Second        // for one try, the token included
	firstPause   = 500 * time.Millisecond // after a failed try, doubling
	longestPause = 8 * time.Second
	minSecret    = 3               // bytes of a text that is kept out of an error's
	forgetTime   = 5 * time.Second // for Gateway.Forget
)

// A sending is one event on its way, with all its tries.
type sending struct {
	gateway *Gateway
	user    string
	event   Event // without token
	log     *slog.Logger

	tokens TokenSource // of the user, once known
	secret []string    // what no error may repeat

	tries   int
	renewed bool
}

// prepare sets what is the same in each try, and reports what would go wrong in each.
func (s *sending) prepare() error {
	g, e := s.gateway, &s.event
	if g.Tokens == nil && g.TokensOf == nil {
		return errNotSetUp
	}
	if e.MessageID == "" {
		e.MessageID = newUUID()
	}
	if e.Type == DoorbellPress && (e.Press == nil || e.Press.Time.IsZero()) {
		press := Press{Time: time.Now()}
		if e.Press != nil {
			press.Cause = e.Press.Cause
		}
		e.Press = &press
	}
	if e.Health != nil && e.Health.Time.IsZero() {
		health := *e.Health
		health.Time = time.Now()
		e.Health = &health
	}
	if _, err := s.body("x"); err != nil {
		return err
	}
	s.secret = append(s.secret, e.CorrelationToken)
	for _, endpoint := range e.Endpoints {
		s.secret = append(s.secret, endpoint.FriendlyName, endpoint.Description)
		s.secret = slices.AppendSeq(s.secret, maps.Values(endpoint.Cookie))
	}
	s.secret = slices.DeleteFunc(s.secret, func(text string) bool { return len(text) < minSecret })
	return nil
}

// body returns the event with a token.
func (s *sending) body(token string) ([]byte, error) {
	e := s.event
	e.Token = token
	return e.AppendJSON(nil)
}

func (s *sending) run(ctx context.Context) *Error {
	for {
		failure := s.try(ctx)
		if failure == nil {
			return nil
		}
		if ctx.Err() != nil {
			return failure.cutBy(context.Cause(ctx))
		}
		pause, again := s.next(failure)
		if deadline, ok := ctx.Deadline(); !again || ok && time.Until(deadline) <= pause {
			return failure
		}
		s.log.Warn("event not taken, sending again", slog.Any("err", failure), slog.Duration("pause", pause))
		if err := sleep(ctx, pause); err != nil {
			return failure.cutBy(err)
		}
	}
}

// try sends the event once.
func (s *sending) try(ctx context.Context) *Error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	token, err := s.token(ctx)
	if err != nil {
		return &Error{Type: s.event.Type, Err: err}
	}
	req, err := s.request(ctx, token)
	if err != nil {
		return &Error{Type: s.event.Type, Err: final{err}}
	}
	s.gateway.tries.Add(1)
	begin := time.Now()
	resp, err := outbound.NoRedirects(s.gateway.HTTPClient).Do(req)
	if err != nil {
		if u, ok := errors.AsType[*neturl.Error](err); ok {
			err = u.Err
		}
		return &Error{Type: s.event.Type, Err: err}
	}
	defer resp.Body.Close()
	s.log.Debug("event sent", slog.Int("status", resp.StatusCode), slog.Duration("took", time.Since(begin)))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		// Reading the rest lets the connection be used again; what it says is of no matter.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
		return nil
	}
	failure := readError(resp, s.event.Type, append(slices.Clone(s.secret), token))
	if s.event.Answer != "" {
		failure.Message = "" // it may quote any part of the SDP
	}
	if failure.token() && !s.renewed {
		s.tokens.Invalidate(token)
	}
	return failure
}

// token returns a token of the user.
func (s *sending) token(ctx context.Context) (string, error) {
	if s.tokens == nil {
		source, err := s.gateway.tokens(ctx, s.user)
		if err != nil {
			return "", err
		}
		s.tokens = source
	}
	t, err := s.tokens.Token(ctx)
	if err != nil {
		return "", err
	}
	return t.AccessToken, nil
}

func (s *sending) request(ctx context.Context, token string) (*http.Request, error) {
	base := s.gateway.Endpoint
	if base == "" {
		base = EndpointNA
	}
	u, err := outbound.BaseURL(base)
	if err != nil {
		return nil, errMember("Gateway.Endpoint", err.Error())
	}
	body, err := s.body(token)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath(eventsPath).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	return req, nil
}

// final is an error of a request that can never be made.
type final struct{ error }

func (e final) Unwrap() error { return e.error }
func (final) Retryable() bool { return false }

// next says whether to send again after a failure, and after which pause.
func (s *sending) next(e *Error) (pause time.Duration, again bool) {
	if e.token() {
		again = !s.renewed
		s.renewed = true
		return 0, again
	}
	if !e.Retryable() {
		return 0, false
	}
	// Half of the pause is left to chance, so that bells which failed together do not come back together.
	pause = min(firstPause<<min(s.tries, 8), longestPause)
	pause = pause/2 + rand.N(pause/2)
	s.tries++
	return max(pause, e.RetryAfter), true
}

// consequences does what a failure asks for.
func (s *sending) consequences(ctx context.Context, failure *Error) {
	if failure.mendable() {
		s.log.Error("event refused for good", slog.Any("err", failure))
	}
	if failure.Code != CodeSkillDisabled || s.gateway.Forget == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	if err := s.gateway.Forget(ctx, s.user); err != nil {
		s.log.Error("grant of a user who has disabled the skill not forgotten", slog.Any("err", err))
		return
	}
	s.log.Info("grant of a user who has disabled the skill forgotten")
}

// sleep waits for d, or for ctx, whose cause it returns then.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
