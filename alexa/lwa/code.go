package lwa

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// codeTimeout is for one exchange of a code. Alexa waits for 4.5 s where a server links accounts.
const codeTimeout = 4 * time.Second

// maxCode is the longest code that is sent on, in bytes.
const maxCode = 2048

// A Code is an authorization code, which can be exchanged once, within five minutes: that of an Alexa.Authorization.Grant, or of the
// redirect from https://www.amazon.com/ap/oa. Formatting or logging it shows nothing secret.
type Code struct {
	Code        string
	RedirectURI string // as in the authorization request; empty where there was none, as for Alexa.Authorization.Grant
	Verifier    string // code_verifier of PKCE (RFC 7636); empty where the authorization request had no code_challenge
}

// String returns nothing secret.
func (c Code) String() string { return "lwa.Code{[redacted]}" }

// GoString returns what String does, so that %#v is harmless too.
func (c Code) GoString() string { return c.String() }

// LogValue returns the redirect URI, and nothing secret.
func (c Code) LogValue() slog.Value {
	return slog.GroupValue(slog.String("redirect_uri", c.RedirectURI))
}

// Exchange exchanges a code for the tokens of the account that it stands for (RFC 6749 section 4.1.3), and returns the refresh token,
// for Credentials.RefreshToken, and a first access token, which holds no refresh token. Credentials need no RefreshToken. Of the options
// TokenURL and HTTPClient count. It takes four seconds at most, or until ctx ends. The error is an *Error, or says that something is
// missing; none repeats a secret. A code is used up even if its answer does not arrive. Accounts does this for many users, with a Store.
func Exchange(ctx context.Context, c Credentials, code Code, o *Options) (refreshToken string, t *Token, err error) {
	if c.ClientID == "" || c.ClientSecret == "" {
		return "", nil, errors.New("lwa: client id and client secret are required")
	}
	c.RefreshToken = ""
	e, err := newEndpoint(c, o.tokenURL(), o.httpClient())
	if err != nil {
		return "", nil, err
	}
	refreshToken, i, err := e.exchange(ctx, code)
	return refreshToken, i.token, err
}

// exchange is Exchange at an endpoint.
func (e *endpoint) exchange(ctx context.Context, code Code) (string, issue, error) {
	if code.Code == "" || len(code.Code) > maxCode || len(code.RedirectURI) > maxCode || len(code.Verifier) > 128 {
		return "", issue{}, errors.New("lwa: no authorization code, or one that is too long")
	}
	ctx, cancel := context.WithTimeout(ctx, codeTimeout)
	defer cancel()
	e.addSecret(code.Code)
	if code.Verifier != "" {
		e.addSecret(code.Verifier)
	}
	asked := time.Now()
	answer, failed := e.redeem(ctx, code)
	if failed != nil {
		return "", issue{}, failed
	}
	return answer.RefreshToken, made(answer, asked), nil
}
