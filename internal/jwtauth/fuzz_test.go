package jwtauth_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/jwtauth"
)

// FuzzVerify has any header and claims signed with a key of ours, which gets what is behind the signature read too, and any token that is
// not signed. What is taken is of the domain and of this time, and what is not signed is never taken.
func FuzzVerify(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"` + ours + `","exp":1}`, `{"exp":1e400}`, `{"exp":-0.5,"iat":1e18}`, `null`, `[]`, `{"aud":[1]}`, `{"exp":"1"}`, `{"payload_hash":"00"}`,
	} {
		f.Add(`{"alg":"RS256"}`, seed, "")
	}
	f.Add(`{"alg":"RS256"}`, `{"iss":"`+ours+`","exp":$now,"iat":$now.5,"payload_hash":"","jti":"$now"}`, "")
	f.Add(`{"alg":"RS256"}`, `{"EXP":$now9,"domain":"","sub":"`+ours+`"}`, "")
	f.Add(`{"alg":"none"}`, `{}`, "")
	f.Add(`{"alg":"HS256","crit":[]}`, `{}`, "e30.e30.e30")
	f.Fuzz(func(t *testing.T, header, claims, token string) {
		before := time.Now()
		b64 := base64.RawURLEncoding
		claims = strings.ReplaceAll(claims, "$now", strconv.FormatInt(before.Unix(), 10)) // so that chance finds valid ones
		signed := forge(t, keys()[0], b64.EncodeToString([]byte(header)), b64.EncodeToString([]byte(claims)))
		c, err := verifier().Verify(t.Context(), signed, ours)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v, %v", c, err)
		}
		if err == nil {
			now := time.Now()
			if c.Domain != ours || c.Expires.Before(before.Add(-time.Minute-time.Second)) || c.Expires.After(now.Add(jwtauth.MaxLife+time.Minute)) {
				t.Errorf("taken: %+v", c)
			}
		}
		if c, err := verifier().Verify(t.Context(), token, ""); err == nil {
			t.Errorf("%q is taken as %+v", token, c)
		}
	})
}
