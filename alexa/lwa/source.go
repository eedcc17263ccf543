package lwa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// DefaultTokenURL is Amazon's token endpoint, the same in every region.
// Source: "Access Token API" of the Login with Amazon documentation.
const DefaultTokenURL = "https://api.amazon.com/auth/o2/token"

const (
	refreshTimeout = 5 * time.Second  // for one request to the token endpoint
	saveTimeout    = 5 * time.Second  // for one call of the store
	defaultLife    = time.Hour        // of a token whose answer names no life
	firstBackOff   = time.Second      // after the first failed refresh, doubling
	lastBackOff    = 60 * time.Second // the longest pause between failed refreshes
)

// ErrClosed is returned by Token after Close.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string   { return "lwa: source is closed" }
func (closedError) Retryable() bool { return false }

// A Token is an access token: that of golang.org/x/oauth2, under a name that spares the
// other packages of this module the import.
type Token = oauth2.Token

// Credentials identify a client of Login with Amazon and the account that it acts
// for. Formatting or logging the value shows the client id only.
type Credentials struct {
	ClientID     string
	ClientSecret string

	// RefreshToken stands for the account; it begins with "Atzr|". With Options.Store it
	// may be empty, and a token in the Store that has come of it goes before it.
	RefreshToken string

	// Scope asks for tokens of the client itself, such as "alexa:skill_messaging", by the
	// client_credentials grant, in place of an account's. That Amazon gives the scopes of
	// the calling APIs this way is not documented.
	Scope string
}

// String returns the client id, and nothing secret.
func (c Credentials) String() string { return "lwa.Credentials{" + c.ClientID + "}" }

// GoString returns what String does, so that %#v is harmless too.
func (c Credentials) GoString() string { return c.String() }

// LogValue returns the client id, and nothing secret.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("client_id", c.ClientID))
}

// Options change how a Source works. A nil *Options and the zero value are the
// defaults.
type Options struct {
	// TokenURL is where tokens come from. Empty: DefaultTokenURL.
	TokenURL string

	// HTTPClient carries the requests. Nil: a client with http.DefaultTransport.
	// Its redirect policy is not used: redirects are refused.
	HTTPClient *http.Client

	// Store keeps a new refresh token before any caller gets the access token that came
	// with it, so that it survives a restart. It has five seconds, or until Close. A failure
	// is logged and the same token saved again at the next refresh; the Source goes on with
	// the new token meanwhile. What the Store has is loaded before the first refresh; if that
	// fails there is no token. Nil: a new refresh token lives in memory only.
	Store Store

	// Account is the name that the Store has the grant under. Empty: "default".
	Account string

	// Logger is told of failed refreshes that no caller is told of, and of new refresh
	// tokens, never of their text. Nil: silent.
	Logger *slog.Logger
}

func (o *Options) tokenURL() string {
	if o == nil || o.TokenURL == "" {
		return DefaultTokenURL
	}
	return o.TokenURL
}

func (o *Options) httpClient() *http.Client {
	if o == nil || o.HTTPClient == nil {
		return &http.Client{}
	}
	return o.HTTPClient
}

func (o *Options) store() Store {
	if o == nil {
		return nil
	}
	return o.Store
}

func (o *Options) account() string {
	if o == nil || o.Account == "" {
		return "default"
	}
	return o.Account
}

func (o *Options) logger() *slog.Logger {
	if o == nil || o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// A Source hands out access tokens. Make one with NewSource and end it with Close.
// All methods are safe for concurrent use.
type Source struct {
	endpoint *endpoint
	store    Store // nil: none
	account  string
	scope    string // of the client_credentials grant; empty: refresh tokens are used
	seed     string // of the configured refresh token
	log      *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the flight's goroutine

	mu        sync.Mutex
	closed    bool
	token     *Token    // never changed once set here; nil: none
	refreshAt time.Time // 90 % of token's life
	flight    *flight   // the refresh under way; nil: none
	failures  int       // refreshes that failed since the last good one
	retryAt   time.Time // end of the pause after the last failure
	lastErr   *Error    // of the last failure; nil after success

	refreshToken string
	loaded       bool // refreshToken is that of the store, if it has one
	unsaved      bool // the store has not accepted it
	grants       int  // grows with each grant that comes from outside

	saving chan struct{} // has a value while somebody writes to the store
}

// A flight is one refresh that any number of callers wait for.
type flight struct {
	done  chan struct{} // closed when token and err are set
	token *Token
	err   error
}

// NewSource returns a Source for the account that c stands for. It reports missing
// credentials, an Account that none may be called, and a token URL that is not an absolute
// http or https URL; it does not speak to Amazon or the Store yet.
func NewSource(c Credentials, o *Options) (*Source, error) {
	switch {
	case c.ClientID == "" || c.ClientSecret == "":
		return nil, errors.New("lwa: client id and client secret are required")
	case c.RefreshToken == "" && c.Scope == "" && o.store() == nil:
		return nil, errors.New("lwa: a refresh token, a store or a scope is required")
	case c.Scope != "" && (c.RefreshToken != "" || o.store() != nil):
		return nil, errors.New("lwa: a scope goes without refresh token and store")
	}
	if err := checkAccount(o.account()); err != nil {
		return nil, fmt.Errorf("lwa: %w", err)
	}
	e, err := newEndpoint(c, o.tokenURL(), o.httpClient())
	if err != nil {
		return nil, err
	}
	s := &Source{
		endpoint: e, store: o.store(), account: o.account(), scope: c.Scope, seed: seedOf(c.RefreshToken), log: o.logger(),
		refreshToken: c.RefreshToken, loaded: o.store() == nil, saving: make(chan struct{}, 1),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Token returns a valid access token, from memory where it can, otherwise by waiting
// for the refresh that all waiting callers share. The value returned belongs to the
// caller and holds no refresh token.
//
// It fails with an *Error when Login with Amazon, or the Store, gives no token and none
// in hand is valid, with ErrClosed after Close, and with ctx's cause when ctx ends first. A ctx
// that has ended does not keep a token in memory from being returned.
//
// After a failure with no valid token in hand, callers get that same failure for one
// second, or for the whole pause of up to 60 seconds where Amazon has refused the
// credentials themselves: asking at the rate of incoming calls would not help.
func (s *Source) Token(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	now := time.Now()
	if s.token != nil && now.Before(s.token.Expiry) {
		t := s.token
		if s.flight == nil && !now.Before(s.refreshAt) && !now.Before(s.retryAt) {
			s.startRefresh()
		}
		s.mu.Unlock()
		return clone(t), nil
	}
	if s.flight == nil && now.Before(s.heldUntil()) {
		err := s.lastErr
		s.mu.Unlock()
		return nil, err
	}
	if s.flight == nil {
		s.startRefresh()
	}
	f := s.flight
	s.mu.Unlock()

	select {
	case <-f.done:
		if f.err != nil {
			return nil, f.err
		}
		return clone(f.token), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("lwa: waiting for a token: %w", context.Cause(ctx))
	}
}

// Invalidate drops accessToken, because an API answered 401 to it: the next Token asks
// Amazon for another. It does nothing when accessToken is no longer the current one, so
// a thousand calls that were refused together cause one refresh.
func (s *Source) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil && s.token.AccessToken == accessToken {
		s.token = nil
	}
}

// TokenSource returns s in the form that golang.org/x/oauth2 and its users take. ctx
// bounds every call of its Token method.
func (s *Source) TokenSource(ctx context.Context) oauth2.TokenSource {
	return tokenSource{ctx, s}
}

type tokenSource struct {
	ctx context.Context
	s   *Source
}

func (t tokenSource) Token() (*Token, error) { return t.s.Token(t.ctx) }

// Close cancels a refresh under way, waits for its goroutine, and makes every later
// and waiting Token fail with ErrClosed. It may be called more than once.
func (s *Source) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	return nil
}

// heldUntil is the end of the time during which callers without a valid token are
// given the last failure instead of a new request. Called with s.mu held.
func (s *Source) heldUntil() time.Time {
	if s.lastErr == nil || s.lastErr.Retryable() {
		// The pause is for refreshes ahead of time. A caller who has nothing is worth a
		// request a second.
		return s.retryAt.Add(firstBackOff - backOff(s.failures))
	}
	return s.retryAt
}

// clone returns a copy that the caller may change.
func clone(t *Token) *Token {
	return &Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.Expiry}
}
