package alexa

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/internal/outbound"
)

// A sending is one message on its way, with all its tries.
type sending struct {
	client  *Client
	origin  Origin
	message *Message
	body    []byte
	log     *slog.Logger

	tokens TokenSource // of the origin, once known

	tries     int // that ended in 429, 5xx or no answer
	conflicts int // that ended in 409
	renewed   bool
	uncertain bool // some try may have been acted on though it failed
}

func (s *sending) run(ctx context.Context) *Error {
	for {
		failure := s.try(ctx)
		if failure == nil {
			return nil
		}
		s.client.totals.failed(failure.Fault())
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

// try sends the message once, when its turn has come.
func (s *sending) try(ctx context.Context) *Error {
	r, c := rankOf(s.message.Type), s.client
	epoch, err := c.throttle.admit(ctx, r)
	if err != nil {
		return &Error{Type: s.message.Type, Status: http.StatusTooManyRequests, Err: err}
	}
	failure := s.post(ctx)
	if failure != nil && failure.Status == http.StatusTooManyRequests {
		c.throttle.refused(r, epoch, failure.RetryAfter)
	} else {
		c.throttle.taken()
	}
	return failure
}

// post sends the message.
func (s *sending) post(ctx context.Context) *Error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	token, err := s.token(ctx)
	if err != nil {
		return &Error{Type: s.message.Type, Err: noToken{err}}
	}
	s.client.totals.tries.Add(1)
	begin := time.Now()
	resp, err := s.request(ctx, token)
	if err != nil {
		if u, ok := errors.AsType[*neturl.Error](err); ok {
			err = u.Err
		}
		return &Error{Type: s.message.Type, Err: err, Uncertain: !neverSent(err)}
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
		s.tokens.Invalidate(token.AccessToken)
	}
	return readError(resp, s.message)
}

// token returns a token of the account that the call belongs to.
func (s *sending) token(ctx context.Context) (*lwa.Token, error) {
	if s.tokens == nil && s.client.TokensOf != nil {
		var err error
		if s.tokens, err = s.client.TokensOf(ctx, s.origin.User); err != nil {
			s.tokens = nil
			return nil, err
		}
	}
	if s.tokens == nil {
		s.tokens = s.client.Tokens
	}
	if s.tokens == nil {
		return nil, errNoTokens
	}
	return s.tokens.Token(ctx)
}

// errNoTokens is about a user whom TokensOf does not know.
var errNoTokens error = noTokens{}

type noTokens struct{}

func (noTokens) Error() string   { return "no tokens for this user, and Client.Tokens is not set" }
func (noTokens) Retryable() bool { return false }

func (s *sending) request(ctx context.Context, token *lwa.Token) (*http.Response, error) {
	base, err := s.client.baseURL(s.origin)
	if err != nil {
		return nil, notSent{err}
	}
	url := base.JoinPath(signalingPath).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(s.body))
	if err != nil {
		return nil, notSent{err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	token.SetAuthHeader(req)
	return outbound.NoRedirects(s.client.HTTPClient).Do(req)
}

// next says whether to send again after a failure, and after which pause.
func (s *sending) next(e *Error) (pause time.Duration, again bool) {
	ends := s.message.Type == CallEnded
	switch {
	case errors.Is(e.Err, errPaused):
		return 0, false
	case e.Status == http.StatusUnauthorized:
		again = !s.renewed
		s.renewed = true
		return 0, again
	case e.Status == http.StatusConflict:
		s.conflicts++
		return pauseAfter(s.conflicts - 1), ends || s.conflicts <= maxConflicts
	case !e.Retryable():
		return 0, false
	}
	s.tries++
	// Half of the pause is left to chance, so that calls which failed together do not
	// come back together.
	pause = pauseAfter(s.tries)
	pause = pause/2 + rand.N(pause/2)
	if e.RetryAfter > 0 {
		pause = e.RetryAfter
	}
	return pause, (ends || s.tries < maxTries) && pause <= maxRetryAfter
}

// pauseAfter returns the pause after so many failures.
func pauseAfter(times int) time.Duration { return min(firstPause<<min(times, 8), longestPause) }

// fits reports whether ctx leaves time for a pause and something after it.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// sleep waits for d, or for ctx, whose cause it returns then.
func sleep(ctx context.Context, d time.Duration) error { return sleepOr(ctx, max(d, 0), nil) }
