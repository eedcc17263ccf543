package lwa

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// maxAnswer is the largest body taken from the token endpoint. Tokens have at most
// 2,048 bytes each by Amazon's documentation.
const maxAnswer = 64 << 10

// An endpoint speaks to the token endpoint and knows what must not be repeated.
type endpoint struct {
	config oauth2.Config
	client *http.Client

	mu      sync.Mutex
	secrets []string // the client secret, and the refresh tokens or the code in use
}

func newEndpoint(c Credentials, tokenURL string, client *http.Client) (*endpoint, error) {
	u, err := url.Parse(tokenURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("lwa: token URL is not an absolute http or https URL")
	}
	own := *client
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = limited{own.Transport}
	e := &endpoint{
		config: oauth2.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret,
			// In the form: with AuthStyleAutoDetect every refusal would be sent twice.
			Endpoint: oauth2.Endpoint{TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInParams},
		},
		client:  &own,
		secrets: []string{c.ClientSecret},
	}
	if c.RefreshToken != "" {
		e.addSecret(c.RefreshToken)
	}
	return e, nil
}

// refresh asks for an access token (RFC 6749 section 6). The answer's RefreshToken is the one to use next.
func (e *endpoint) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, *Error) {
	return e.checked(e.config.TokenSource(e.with(ctx), &oauth2.Token{RefreshToken: refreshToken}).Token())
}

// own asks for an access token of the client itself (RFC 6749 section 4.4).
func (e *endpoint) own(ctx context.Context, scope string) (*oauth2.Token, *Error) {
	c := clientcredentials.Config{
		ClientID: e.config.ClientID, ClientSecret: e.config.ClientSecret, Scopes: []string{scope},
		TokenURL: e.config.Endpoint.TokenURL, AuthStyle: e.config.Endpoint.AuthStyle,
	}
	return e.checked(c.Token(e.with(ctx)))
}

// redeem asks for the tokens of an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
func (e *endpoint) redeem(ctx context.Context, c Code) (*oauth2.Token, *Error) {
	// A copy of e.config would have its cache of styles copied while another request writes it.
	config := oauth2.Config{
		ClientID: e.config.ClientID, ClientSecret: e.config.ClientSecret, Endpoint: e.config.Endpoint, RedirectURL: c.RedirectURI,
	}
	var o []oauth2.AuthCodeOption
	if c.Verifier != "" {
		o = append(o, oauth2.VerifierOption(c.Verifier))
	}
	t, err := e.checked(config.Exchange(e.with(ctx), c.Code, o...))
	if err == nil && t.RefreshToken == "" {
		return nil, &Error{Err: errors.New("answer has no refresh token")}
	}
	return t, err
}

func (e *endpoint) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, e.client)
}

// checked refuses tokens that cannot be used: they go into headers and files.
func (e *endpoint) checked(t *oauth2.Token, err error) (*oauth2.Token, *Error) {
	if err != nil {
		return nil, e.wrap(err)
	}
	if err := checkToken("access token", t.AccessToken); err != nil {
		return nil, &Error{Err: err}
	}
	if t.RefreshToken != "" {
		if err := checkToken("refresh token", t.RefreshToken); err != nil {
			return nil, &Error{Err: err}
		}
	}
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "bearer") {
		return nil, &Error{Err: errors.New("token is not a bearer token")} // RFC 6749 section 7.1
	}
	return t, nil
}

// lifeOf returns how long a token lives that has just been answered with.
func lifeOf(t *oauth2.Token) time.Duration {
	life := time.Duration(t.ExpiresIn) * time.Second
	if life == 0 && !t.Expiry.IsZero() {
		life = time.Until(t.Expiry).Round(time.Second)
	}
	if life <= 0 {
		return defaultLife
	}
	return life
}

// wrap makes an *Error of what x/oauth2 reports. Its RetrieveError is not kept: text
// and fields of that one hold the whole answer.
func (e *endpoint) wrap(err error) *Error {
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		out := &Error{Code: e.mask(r.ErrorCode), Description: e.mask(r.ErrorDescription)}
		if r.Response != nil {
			out.Status = r.Response.StatusCode
		}
		return out
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &Error{Err: u.Err} // without the URL, which is the operator's
	}
	return &Error{Err: errors.New(e.mask(err.Error()))}
}

// addSecret keeps s out of every later text.
func (e *endpoint) addSecret(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, s)
	if len(e.secrets) > 6 { // the client secret, the tokens before and after a change, a code and its verifier
		e.secrets = append(e.secrets[:1], e.secrets[2:]...)
	}
}

// mask returns s fit to be printed: secrets replaced, control characters as spaces, at
// most 256 bytes.
func (e *endpoint) mask(s string) string {
	s = strings.ToValidUTF8(s, "?") // before, for dropping bytes could put a secret together
	e.mu.Lock()
	for _, secret := range e.secrets {
		s = strings.ReplaceAll(s, secret, "[redacted]")
		s = strings.ReplaceAll(s, url.QueryEscape(secret), "[redacted]")
	}
	e.mu.Unlock()
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

// limited is a RoundTripper whose answers end in an error after maxAnswer bytes. Redirects are answers like any other: a form with secrets
// goes nowhere else, and http.Client would repeat a Location that is no URL in an error.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 3 {
		resp.Header.Del("Location")
	}
	if resp.Body != nil {
		resp.Body = &limitedBody{resp.Body, maxAnswer}
	}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}

var errTooLarge = errors.New("answer is larger than 64 kB")
