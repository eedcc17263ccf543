package lwa

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/oauth2"
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
	if err := s.load(ctx); err != nil {
		s.fail(f, err)
		return
	}
	started := time.Now()
	used, grants := s.grant()
	answer, err := s.ask(ctx, used)
	if err != nil && err.Code == "invalid_grant" && s.loadNewer(ctx, used) {
		// Another process has refreshed this account, and its token replaced ours.
		started = time.Now()
		used, grants = s.grant()
		answer, err = s.ask(ctx, used)
	}
	if err != nil {
		s.fail(f, err)
		return
	}
	if s.scope == "" {
		s.keepRefreshToken(answer.RefreshToken, grants)
	}
	s.succeed(f, grants, made(answer, started))
}

// An issue is a token that has come, and when to ask for the next one.
type issue struct {
	token     *Token
	refreshAt time.Time
}

// made returns what an answer gives. The life is counted from before the request, so that a slow answer makes us think a token older,
// never younger, than it is.
func made(answer *oauth2.Token, asked time.Time) issue {
	life := lifeOf(answer)
	return issue{
		&Token{AccessToken: answer.AccessToken, TokenType: answer.TokenType, Expiry: asked.Add(life)},
		asked.Add(life / 10 * 9),
	}
}

func (s *Source) ask(ctx context.Context, refreshToken string) (*oauth2.Token, *Error) {
	if s.scope != "" {
		return s.endpoint.own(ctx, s.scope)
	}
	return s.endpoint.refresh(ctx, refreshToken)
}

// grant returns the refresh token in use, and the number of the grant that it belongs to.
func (s *Source) grant() (refreshToken string, grants int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refreshToken, s.grants
}

// load takes over the refresh token of the store, once.
func (s *Source) load(ctx context.Context) *Error {
	s.mu.Lock()
	loaded, configured := s.loaded, s.refreshToken
	s.mu.Unlock()
	if loaded {
		return nil
	}
	g, err := s.store.Load(ctx, s.account)
	switch {
	case errors.Is(err, ErrNoGrant) && configured != "":
		s.setLoaded("")
		return nil
	case err != nil:
		return &Error{Err: err}
	case configured != "" && g.Seed != s.seed:
		s.log.Info("refresh token of the store passed over for a newly configured one")
		s.setLoaded("")
		return nil
	}
	if err := checkToken("refresh token", g.RefreshToken); err != nil {
		return &Error{Err: err}
	}
	s.setLoaded(g.RefreshToken)
	return nil
}

// setLoaded notes that the store has been looked at, and takes over what was found, unless a newer grant has come meanwhile.
func (s *Source) setLoaded(refreshToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded {
		return
	}
	s.loaded = true
	if refreshToken != "" {
		s.refreshToken = refreshToken
		s.endpoint.addSecret(refreshToken)
	}
}

// loadNewer reports whether the store has another refresh token than the one that was refused, and takes it over.
func (s *Source) loadNewer(ctx context.Context, refused string) bool {
	if s.store == nil {
		return false
	}
	g, err := s.store.Load(ctx, s.account)
	if err != nil || g.RefreshToken == refused || g.Seed != s.seed || checkToken("refresh token", g.RefreshToken) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refreshToken == refused {
		s.refreshToken, s.unsaved = g.RefreshToken, false
		s.endpoint.addSecret(g.RefreshToken)
		s.log.Info("refresh token taken over from the store")
	}
	return true
}

// keepRefreshToken takes over a refresh token that replaces the one of a grant, and has it saved, again if that has failed before.
func (s *Source) keepRefreshToken(t string, grants int) {
	s.mu.Lock()
	if s.grants != grants {
		s.mu.Unlock()
		return // it belongs to a grant that another has replaced
	}
	if t != s.refreshToken {
		s.refreshToken, s.unsaved = t, true
		s.endpoint.addSecret(t)
		s.log.Info("refresh token replaced")
	}
	unsaved := s.unsaved
	s.mu.Unlock()
	if !unsaved || s.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, saveTimeout)
	defer cancel()
	if err := s.save(ctx, t, grants); err != nil {
		// The store's error may be the program's own, and it was handed a secret.
		s.log.Error("refresh token not saved", slog.String("err", s.endpoint.mask(err.Error())))
	}
}

// save has the store keep a refresh token, unless a newer grant has come meanwhile.
func (s *Source) save(ctx context.Context, t string, grants int) error {
	select {
	case s.saving <- struct{}{}:
		defer func() { <-s.saving }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if _, now := s.grant(); now != grants {
		return nil
	}
	if err := s.store.Save(ctx, s.account, Grant{RefreshToken: t, Seed: s.seed}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved = s.unsaved && s.refreshToken != t
	return nil
}

// replace takes a new grant, which has come from outside, after the store has taken it.
func (s *Source) replace(ctx context.Context, refreshToken string, i issue) error {
	select {
	case s.saving <- struct{}{}:
		defer func() { <-s.saving }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.endpoint.addSecret(refreshToken)
	if err := s.store.Save(ctx, s.account, Grant{RefreshToken: refreshToken, Seed: s.seed}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants++
	s.refreshToken, s.loaded, s.unsaved = refreshToken, true, false
	s.take(i)
	return nil
}

// take puts a new token into use. s.mu is held.
func (s *Source) take(i issue) {
	s.token, s.refreshAt = i.token, i.refreshAt
	s.failures, s.retryAt, s.lastErr = 0, time.Time{}, nil
}

func (s *Source) succeed(f *flight, grants int, i issue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	s.flight = nil
	if s.closed {
		f.err = ErrClosed
		return
	}
	if s.grants != grants && s.token != nil {
		f.token = s.token // of the newer grant
		return
	}
	f.token = i.token
	s.take(i)
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
	now := time.Now()
	if s.token != nil && now.Before(s.token.Expiry) {
		f.token = s.token // who waits for this flight came before it
	} else {
		f.err = err
	}
	s.lastErr = err
	s.failures++
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
