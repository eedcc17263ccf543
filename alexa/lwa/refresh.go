package lwa

import (
	"context"
	"log/slog"
	"time"
)

// startRefresh starts the one refresh. Called with s.mu held, with s.flight nil and
// the source open.
func (s *Source) startRefresh() {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	s.wg.Go(func() { s.refresh(f) })
}

// refresh is the body of the flight's goroutine.
func (s *Source) refresh(f *flight) {
	ctx, cancel := context.WithTimeout(s.ctx, refreshTimeout)
	defer cancel()
	started := time.Now()
	answer, err := s.endpoint.exchange(ctx, s.refreshToken)
	if err != nil {
		s.fail(f, err)
		return
	}
	s.keepRefreshToken(answer.RefreshToken)
	life := time.Duration(answer.ExpiresIn) * time.Second
	if life <= 0 {
		life = defaultLife
	}
	// The life is counted from before the request, so that a slow answer makes us
	// think a token older, never younger, than it is.
	s.succeed(f, &Token{
		AccessToken: answer.AccessToken,
		TokenType:   answer.TokenType,
		Expiry:      started.Add(life),
	}, started.Add(life/10*9))
}

// keepRefreshToken takes over a refresh token that replaces the one in use, and tells
// Save of it, again if Save has failed before.
func (s *Source) keepRefreshToken(t string) {
	if t != s.refreshToken {
		s.refreshToken, s.unsaved = t, true
		s.endpoint.addSecret(t)
		s.log.Info("refresh token replaced")
	}
	if !s.unsaved {
		return
	}
	if s.save != nil {
		ctx, cancel := context.WithTimeout(s.ctx, saveTimeout)
		defer cancel()
		if err := s.save(ctx, s.refreshToken); err != nil {
			// The hook's error is the program's own, but it was handed a secret.
			s.log.Error("refresh token not saved", slog.String("err", s.endpoint.mask(err.Error())))
			return
		}
	}
	s.unsaved = false
}

func (s *Source) succeed(f *flight, t *Token, refreshAt time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	s.flight = nil
	if s.closed {
		f.err = ErrClosed
		return
	}
	f.token = t
	s.token, s.refreshAt = t, refreshAt
	s.failures, s.retryAt, s.lastErr = 0, time.Time{}, nil
}

func (s *Source) fail(f *flight, err *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	s.flight = nil
	if s.closed {
		f.err = ErrClosed
		return
	}
	f.err = err
	s.lastErr = err
	s.failures++
	now := time.Now()
	s.retryAt = now.Add(backOff(s.failures))
	if s.token != nil && now.Before(s.token.Expiry) {
		// Nobody waits for this refresh, so nobody else is told.
		s.log.Warn("token refresh failed, old token stays in use",
			slog.Any("err", err),
			slog.Duration("token_left", s.token.Expiry.Sub(now)),
			slog.Duration("retry_in", backOff(s.failures)))
	}
}

// backOff is the pause after so many failures in a row: 1, 2, 4 ... 60 seconds.
func backOff(failures int) time.Duration {
	if failures < 1 {
		return 0
	}
	if failures > 6 {
		return lastBackOff
	}
	return min(firstBackOff<<(failures-1), lastBackOff)
}
