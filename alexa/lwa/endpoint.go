package lwa

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/oauth2"
)

// maxAnswer is the largest body taken from the token endpoint. Tokens have at most
// 2,048 bytes each by Amazon's documentation.
const maxAnswer = 64 << 10

// An endpoint speaks to the token endpoint and knows what must not be repeated.
type endpoint struct {
	config oauth2.Config
	client *http.Client

	mu      sync.Mutex
	secrets []string // the client secret and the refresh tokens in use
}

func newEndpoint(c Credentials, tokenURL string, client *http.Client) (*endpoint, error) {
	u, err := url.Parse(tokenURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("lwa: token URL is not an absolute http or https URL")
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = limited{own.Transport}
	return &endpoint{
		config: oauth2.Config{
			ClientID:     c.ClientID,
			ClientSecret: c.ClientSecret,
			// In the form: with AuthStyleAutoDetect every refusal would be sent twice.
			Endpoint: oauth2.Endpoint{TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInParams},
		},
		client:  &own,
		secrets: []string{c.ClientSecret, c.RefreshToken},
	}, nil
}

// exchange asks for an access token. The answer's RefreshToken is the one to use next.
func (e *endpoint) exchange(ctx context.Context, refreshToken string) (*oauth2.Token, *Error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, e.client)
	t, err := e.config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, e.wrap(err)
	}
	return t, nil
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
	if len(e.secrets) > 3 { // the client secret, and the tokens before and after a change
		e.secrets = append(e.secrets[:1], e.secrets[2:]...)
	}
}

// mask returns s fit to be printed: secrets replaced, control characters as spaces, at
// most 256 bytes.
func (e *endpoint) mask(s string) string {
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

// limited is a RoundTripper whose answers end in an error after maxAnswer bytes.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err == nil && resp.Body != nil {
		resp.Body = &limitedBody{resp.Body, maxAnswer}
	}
	return resp, err
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
