package jwtauth

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken  = 8 << 10 // bytes
	maxDomain = 255     // bytes
	maxKeys   = 8       // of a domain that are tried
	skew      = time.Minute
)

// A Verifier verifies tokens.
type Verifier struct {
	// Keys returns the public keys of a domain, of which the first eight are tried. None: the domain is not known. It is asked for what a
	// token claims to be of, before anything has been verified. Its error fails the verification as it is.
	Keys func(ctx context.Context, domain string) ([]*rsa.PublicKey, error)
	// Skew is by how much the clocks may differ. 0: 60 s; negative: not at all.
	Skew time.Duration
}

// Verify returns what a token says, after it has verified that it is signed with a key of the domain that it says it is of, that it is
// valid now and not for more than MaxLife, and that it is of domain; empty: of any.
func (v *Verifier) Verify(ctx context.Context, token, domain string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrToken, maxToken)
	}
	now, leeway := time.Now(), max(v.Skew, 0)
	if v.Skew == 0 {
		leeway = skew
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithStrictDecoding(), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithTimeFunc(func() time.Time { return now }),
	)
	var said wireClaims
	var failed error
	_, err := parser.ParseWithClaims(token, &said, func(t *jwt.Token) (any, error) {
		var keys jwt.VerificationKeySet
		keys, failed = v.keys(ctx, t, said.domain())
		return keys, failed
	})
	switch {
	case failed != nil:
		return nil, failed
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return nil, fmt.Errorf("%w: %w", ErrTime, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	case said.ExpiresAt.Sub(now) > MaxLife+leeway, said.IssuedAt != nil && said.ExpiresAt.Sub(said.IssuedAt.Time) > MaxLife:
		return nil, fmt.Errorf("%w: it is valid for more than %v", ErrTime, MaxLife)
	case domain != "" && said.domain() != domain:
		return nil, ErrDomain
	}
	return said.claims()
}

// keys returns what a token of a domain may be signed with.
func (v *Verifier) keys(ctx context.Context, t *jwt.Token, domain string) (jwt.VerificationKeySet, error) {
	var set jwt.VerificationKeySet
	if _, ok := t.Header["crit"]; ok {
		return set, fmt.Errorf("%w: its header has an extension that must be understood", ErrToken) // RFC 7515 section 4.1.11
	}
	if domain == "" || len(domain) > maxDomain {
		return set, fmt.Errorf("%w: it names no domain", ErrToken)
	}
	keys, err := v.Keys(ctx, domain)
	if err != nil {
		return set, fmt.Errorf("jwtauth: keys: %w", err)
	}
	for _, k := range keys[:min(len(keys), maxKeys)] {
		if err := checkKey(k); err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, k)
	}
	if len(set.Keys) == 0 {
		return set, fmt.Errorf("%w: it is of a domain without keys", ErrToken)
	}
	return set, nil
}
