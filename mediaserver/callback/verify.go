package callback

import (
	"context"
	"crypto/rsa"
	"net/http"

	"github.com/alexacall/alexacall/internal/jwtauth"
)

// Verify verifies that a callback was signed for this very body by the holder of one of the keys, and for a domain; empty: any. A request that
// comes again is verified again: who must not act on it twice goes by its Idempotency-Key, as Handler does.
func Verify(r *http.Request, body []byte, domain string, keys ...*rsa.PublicKey) error {
	_, err := verify(r, body, domain, func(context.Context, string) ([]*rsa.PublicKey, error) { return keys, nil })
	return err
}

func verify(r *http.Request, body []byte, domain string, keys func(context.Context, string) ([]*rsa.PublicKey, error)) (*jwtauth.Claims, error) {
	token, err := jwtauth.Bearer(r.Header)
	if err != nil {
		return nil, err
	}
	v := jwtauth.Verifier{Keys: keys}
	claims, err := v.Verify(r.Context(), token, domain)
	if err != nil {
		return nil, err
	}
	return claims, claims.CheckBody(body)
}
