package jwtauth

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const signedFor = 5 * time.Minute

// A Signer signs tokens.
type Signer struct {
	Key   *rsa.PrivateKey
	KeyID string        // tells the keys of one who changes them apart; empty: none
	Life  time.Duration // how long a token is valid, at most MaxLife; 0: 5 min
}

// Sign returns a token that says c, valid from now on. Issued and Expires of c are not looked at. It fails with ErrKey, or for claims that
// Verify would refuse.
func (s *Signer) Sign(c *Claims) (string, error) {
	life := s.Life
	if life == 0 {
		life = signedFor
	}
	switch {
	case s.Key == nil:
		return "", fmt.Errorf("%w: there is none", ErrKey)
	case c.Domain == "":
		return "", fmt.Errorf("%w: it would have none", ErrDomain)
	case c.Body != nil && len(c.Body) != sha256.Size:
		return "", fmt.Errorf("%w: it is no SHA-256", ErrBody)
	case life < time.Second || life > MaxLife:
		return "", fmt.Errorf("%w: it would be valid for %v", ErrTime, life)
	}
	if err := checkKey(&s.Key.PublicKey); err != nil {
		return "", err
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, &wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: c.Domain, ID: c.ID, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
		Domain: c.Domain, Body: hex.EncodeToString(c.Body),
	})
	if s.KeyID != "" {
		token.Header["kid"] = s.KeyID
	}
	return token.SignedString(s.Key)
}
