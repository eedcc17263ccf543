package lwa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Accounts holds the grants of many users of one skill, each with a Source of its own: those that an Alexa.Authorization.Grant event, or
// the linking of accounts, has brought. Make one with NewAccounts and end it with Close. All methods are safe for concurrent use.
type Accounts struct {
	credentials Credentials
	options     Options

	mu      sync.Mutex
	closed  bool
	sources map[string]*Source // by account
}

// NewAccounts returns the accounts whose grants are in the options' Store, which is required. Of the credentials only the client counts,
// of the options all but Account. It does not speak to Amazon or the Store yet.
func NewAccounts(c Credentials, o *Options) (*Accounts, error) {
	if o.store() == nil {
		return nil, errors.New("lwa: accounts need a store")
	}
	a := &Accounts{credentials: Credentials{ClientID: c.ClientID, ClientSecret: c.ClientSecret}, options: *o, sources: map[string]*Source{}}
	s, err := a.newSource("default") // what is wrong with the rest shows now
	if err != nil {
		return nil, err
	}
	return a, s.Close()
}

func (a *Accounts) newSource(account string) (*Source, error) {
	o := a.options
	o.Account = account
	return NewSource(a.credentials, &o)
}

// Accept exchanges an authorization code and keeps the grant as that of an account, in place of an earlier one: alexa.Event has both as
// UserID and Grant(). It returns once the Store has the refresh token, which takes four seconds for Amazon and five for the Store at
// most, or until ctx ends. On error an earlier grant stands; the code is used up all the same. The error is an *Error, that of the Store,
// or ErrClosed.
func (a *Accounts) Accept(ctx context.Context, account string, code Code) error {
	s, err := a.source(account)
	if err != nil {
		return err
	}
	refreshToken, i, err := s.endpoint.exchange(ctx, code)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if err := s.replace(ctx, refreshToken, i); err != nil {
		return fmt.Errorf("lwa: grant not kept: %w", err)
	}
	a.options.logger().Info("grant accepted")
	return nil
}

// Source returns the Source of an account, the same for every caller, which must not close it. The error is ErrNoGrant for an account
// that has given no grant, that of the Store, or ErrClosed.
func (a *Accounts) Source(ctx context.Context, account string) (*Source, error) {
	if err := checkAccount(account); err != nil {
		return nil, ErrNoGrant // the Store takes no such name
	}
	a.mu.Lock()
	s, closed := a.sources[account], a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case s != nil:
		return s, nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if _, err := a.options.Store.Load(ctx, account); err != nil {
		return nil, err
	}
	return a.source(account)
}

// source returns the Source of an account, which may not have a grant yet.
func (a *Accounts) source(account string) (*Source, error) {
	if account == "" {
		return nil, errors.New("lwa: an account without a name")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrClosed
	}
	if s := a.sources[account]; s != nil {
		return s, nil
	}
	s, err := a.newSource(account)
	if err != nil {
		return nil, err
	}
	a.sources[account] = s
	return s, nil
}

// Forget drops the grant of an account, here and in the Store: for AlexaSkillEvent.SkillDisabled. Its Source gives no more tokens. The
// error is that of the Store.
func (a *Accounts) Forget(ctx context.Context, account string) error {
	a.mu.Lock()
	s := a.sources[account]
	delete(a.sources, account)
	a.mu.Unlock()
	if s != nil {
		if err := s.Close(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if err := a.options.Store.Delete(ctx, account); err != nil {
		return fmt.Errorf("lwa: grant not forgotten: %w", err)
	}
	a.options.logger().Info("grant forgotten")
	return nil
}

// Close ends all Sources. Their grants stay in the Store. It may be called more than once.
func (a *Accounts) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for account, s := range a.sources {
		if err := s.Close(); err != nil {
			a.options.logger().Warn("source not closed", slog.Any("err", err))
		}
		delete(a.sources, account)
	}
	return nil
}
