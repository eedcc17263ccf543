package jwtauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Why a token or a key is refused; one of them is in the chain of an error, unless it is that of Verifier.Keys.
var (
	ErrToken  = errors.New("jwtauth: no valid token") // missing, malformed, of another algorithm, or not signed with a key of its domain
	ErrTime   = errors.New("jwtauth: token not valid at this time")
	ErrDomain = errors.New("jwtauth: token of another domain")
	ErrBody   = errors.New("jwtauth: body is not the signed one")
	ErrKey    = errors.New("jwtauth: no usable key")
)

// MaxLife is how long a token may be valid from when it was issued.
const MaxLife = time.Hour

// Claims are what a token says.
type Claims struct {
	Domain          string // the tenant; required
	ID              string // of the token, or of what it was made for, which may be sent more than once
	Body            []byte // the SHA-256 of the body that it was signed for, see Hash; nil: it says nothing of a body
	Issued, Expires time.Time
}

// Hash returns what Claims.Body has for a body.
func Hash(body []byte) []byte {
	sum := sha256.Sum256(body)
	return sum[:]
}

// CheckBody fails with ErrBody unless the token was signed for this body.
func (c *Claims) CheckBody(body []byte) error { return c.CheckSum(Hash(body)) }

// CheckSum fails with ErrBody unless the token was signed for a body with this SHA-256.
func (c *Claims) CheckSum(sum []byte) error {
	if c.Body == nil {
		return fmt.Errorf("%w: the token is of none", ErrBody)
	}
	if subtle.ConstantTimeCompare(c.Body, sum) != 1 {
		return ErrBody
	}
	return nil
}

// Bearer returns the token of a request's Authorization (RFC 6750 section 2.1), or fails with ErrToken.
func Bearer(h http.Header) (string, error) {
	fields := h.Values("Authorization")
	if len(fields) != 1 {
		return "", fmt.Errorf("%w: Authorization is there %d times", ErrToken, len(fields))
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", fmt.Errorf("%w: the scheme of Authorization is not Bearer", ErrToken)
	}
	return strings.Trim(token, " "), nil
}

// wireClaims is the body of a token.
type wireClaims struct {
	jwt.RegisteredClaims
	Domain string `json:"domain,omitempty"`
	Body   string `json:"payload_hash,omitempty"`
}

// domain returns whose token it says it is.
func (w *wireClaims) domain() string {
	switch {
	case w.Domain != "":
		return w.Domain
	case w.Issuer != "":
		return w.Issuer
	}
	return w.Subject
}

// claims returns what a token says that is valid at its time.
func (w *wireClaims) claims() (*Claims, error) {
	c := &Claims{Domain: w.domain(), ID: w.ID, Expires: w.ExpiresAt.Time}
	if w.IssuedAt != nil {
		c.Issued = w.IssuedAt.Time
	}
	if w.Body == "" {
		return c, nil
	}
	sum, err := hex.DecodeString(w.Body)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("%w: payload_hash is no SHA-256 in hexadecimal", ErrToken)
	}
	c.Body = sum
	return c, nil
}
