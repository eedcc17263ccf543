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
	saveTimeout    = 5 * time.Second  // for one call of Options.Save
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
// for. All three are needed. Formatting or logging the value shows the client id only.
type Credentials struct {
	ClientID     string
	ClientSecret string
	RefreshToken string // begins with "Atzr|"
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

	// Save is told of a new refresh token before any caller gets the access token
	// that came with it, so that it survives a restart. Its context ends after five
	// seconds or with Close. A failure is logged and the same token saved again at
	// the next refresh; the Source goes on with the new token meanwhile.
	// Nil: a new refresh token lives in memory only. Calls never overlap.
	Save func(ctx context.Context, refreshToken string) error

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

func (o *Options) save() func(context.Context, string) error {
	if o == nil {
		return nil
	}
	return o.Save
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
	save     func(context.Context, string) error
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

	// Owned by the flight's goroutine, of which there is one at a time.
	refreshToken string
	unsaved      bool // refreshToken differs from what Save has accepted
}

// A flight is one refresh that any number of callers wait for.
type flight struct {
	done  chan struct{} // closed when token and err are set
	token *Token
	err   error
}

// NewSource returns a Source for the account that c stands for. It reports missing
// credentials and a token URL that is not an absolute http or https URL; it does not
// speak to Amazon yet.
func NewSource(c Credentials, o *Options) (*Source, error) {
	if c.ClientID == "" || c.ClientSecret == "" || c.RefreshToken == "" {
		return nil, errors.New("lwa: client id, client secret and refresh token are all required")
	}
	e, err := newEndpoint(c, o.tokenURL(), o.httpClient())
	if err != nil {
		return nil, err
	}
	s := &Source{endpoint: e, save: o.save(), log: o.logger(), refreshToken: c.RefreshToken}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Token returns a valid access token, from memory where it can, otherwise by waiting
// for the refresh that all waiting callers share. The value returned belongs to the
// caller and holds no refresh token.
//
// It fails with an *Error when Login with Amazon gives no token and none in hand is
// valid, with ErrClosed after Close, and with ctx's cause when ctx ends first. A ctx
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
