package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/internal/jwtauth"
)

const (
	ours   = "customer.prod-eu-north-1.iotcomms.example"
	theirs = "other.prod-eu-north-1.iotcomms.example"
)

// long is too long a name for a domain.
var long = strings.Repeat("a", 256)

// keys are of ours, of ours after a change, and of theirs.
var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	k := make([]*rsa.PrivateKey, 3)
	for i := range k {
		var err error
		if k[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return k
})

func verifier() *jwtauth.Verifier {
	return &jwtauth.Verifier{Keys: func(_ context.Context, domain string) ([]*rsa.PublicKey, error) {
		switch domain {
		case ours, long:
			return []*rsa.PublicKey{&keys()[0].PublicKey, &keys()[1].PublicKey}, nil
		case theirs:
			return []*rsa.PublicKey{&keys()[2].PublicKey}, nil
		}
		return nil, nil
	}}
}

// object is a JSON object.
type object = map[string]any

func segment(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// forge signs a token of any header and claims, by hand.
func forge(t testing.TB, key *rsa.PrivateKey, header, claims string) string {
	t.Helper()
	text := header + "." + claims
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestSignedIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := []byte(`{"event":"ringing"}`)
		for i, key := range keys()[:2] {
			s := &jwtauth.Signer{Key: key, KeyID: "k"}
			token, err := s.Sign(&jwtauth.Claims{Domain: ours, ID: "id-1", Body: jwtauth.Hash(body)})
			if err != nil {
				t.Fatal(err)
			}
			c, err := verifier().Verify(t.Context(), token, ours)
			if err != nil {
				t.Fatalf("key %d of the domain: %v", i, err)
			}
			now := time.Now().Truncate(time.Second)
			if c.Domain != ours || c.ID != "id-1" || !c.Issued.Equal(now) || !c.Expires.Equal(now.Add(5*time.Minute)) {
				t.Errorf("claims are %+v", c)
			}
			if err := c.CheckBody(body); err != nil {
				t.Error("the signed body:", err)
			}
			if err := c.CheckBody([]byte(`{"event":"failed"}`)); !errors.Is(err, jwtauth.ErrBody) {
				t.Error("another body:", err)
			}
			if _, err := verifier().Verify(t.Context(), token, ""); err != nil {
				t.Error("where any domain will do:", err)
			}
		}
	})
}

// TestVerify has one token for each rule; what is not named is as it should be.
func TestVerify(t *testing.T) {
	rs256 := object{"alg": "RS256", "typ": "JWT"}
	hash := hex.EncodeToString(jwtauth.Hash(nil))
	for _, c := range []struct {
		name   string
		header object // nil: rs256
		claims object // "exp", "iat", "nbf" are seconds from now
		key    int
		domain string // of the path; empty: ours
		want   error
	}{
		{name: "iss", claims: object{"iss": ours, "exp": 60}},
		{name: "sub", claims: object{"sub": ours, "exp": 60}},
		{name: "domain, before iss and sub", claims: object{"domain": ours, "iss": "app", "sub": "app", "exp": 60}},
		{name: "iss, before sub", claims: object{"iss": ours, "sub": "user", "exp": 60}},
		{name: "second key", claims: object{"iss": ours, "exp": 60}, key: 1},
		{name: "an audience", claims: object{"iss": ours, "aud": "api", "exp": 60}},
		{name: "an hour", claims: object{"iss": ours, "iat": 0, "exp": 3600}},
		{name: "an hour, by a clock ahead", claims: object{"iss": ours, "iat": 59, "exp": 3659}},
		{name: "expired within the skew", claims: object{"iss": ours, "exp": -59}},
		{name: "body", claims: object{"iss": ours, "exp": 60, "payload_hash": hash}},

		{name: "no domain", claims: object{"exp": 60}, want: jwtauth.ErrToken},
		{name: "unknown domain", claims: object{"iss": "nobody.example", "exp": 60}, want: jwtauth.ErrToken},
		{name: "key of another domain", claims: object{"iss": ours, "exp": 60}, key: 2, want: jwtauth.ErrToken},
		{name: "long domain", claims: object{"iss": long, "exp": 60}, domain: long, want: jwtauth.ErrToken},
		{name: "domain of another kind", claims: object{"iss": 1, "exp": 60}, want: jwtauth.ErrToken},
		{name: "another's path", claims: object{"iss": ours, "exp": 60}, domain: theirs, want: jwtauth.ErrDomain},
		{name: "another's token", claims: object{"iss": theirs, "exp": 60}, key: 2, want: jwtauth.ErrDomain},
		{name: "domain overrides", claims: object{"domain": theirs, "iss": ours, "exp": 60}, key: 2, want: jwtauth.ErrDomain},
		{name: "domain in other letters", claims: object{"iss": ours, "exp": 60}, domain: strings.ToUpper(ours), want: jwtauth.ErrDomain},

		{name: "no expiry", claims: object{"iss": ours, "iat": 0}, want: jwtauth.ErrTime},
		{name: "expired", claims: object{"iss": ours, "exp": -61}, want: jwtauth.ErrTime},
		{name: "more than an hour", claims: object{"iss": ours, "exp": 3661}, want: jwtauth.ErrTime},
		{name: "more than an hour by itself", claims: object{"iss": ours, "iat": -10, "exp": 3591}, want: jwtauth.ErrTime},
		{name: "issued in the future", claims: object{"iss": ours, "iat": 61, "exp": 120}, want: jwtauth.ErrTime},
		{name: "not yet", claims: object{"iss": ours, "nbf": 61, "exp": 120}, want: jwtauth.ErrTime},
		{name: "expiry of another kind", claims: object{"iss": ours, "exp": "soon"}, want: jwtauth.ErrToken},
		{name: "expiry beyond measure", claims: object{"iss": ours, "exp": 1e300}, want: jwtauth.ErrTime},

		{name: "no hash", claims: object{"iss": ours, "exp": 60, "payload_hash": "zz"}, want: jwtauth.ErrToken},
		{name: "short hash", claims: object{"iss": ours, "exp": 60, "payload_hash": hash[2:]}, want: jwtauth.ErrToken},

		{name: "RS384", header: object{"alg": "RS384"}, claims: object{"iss": ours, "exp": 60}, want: jwtauth.ErrToken},
		{name: "PS256", header: object{"alg": "PS256"}, claims: object{"iss": ours, "exp": 60}, want: jwtauth.ErrToken},
		{name: "none", header: object{"alg": "none"}, claims: object{"iss": ours, "exp": 60}, want: jwtauth.ErrToken},
		{name: "no algorithm", header: object{}, claims: object{"iss": ours, "exp": 60}, want: jwtauth.ErrToken},
		{name: "crit", header: object{"alg": "RS256", "crit": []string{"b64"}, "b64": false}, claims: object{"iss": ours, "exp": 60}, want: jwtauth.ErrToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, name := range []string{"exp", "iat", "nbf"} {
					if s, ok := c.claims[name].(int); ok {
						c.claims[name] = time.Now().Unix() + int64(s)
					}
				}
				header, domain := c.header, c.domain
				if header == nil {
					header = rs256
				}
				if domain == "" {
					domain = ours
				}
				token := forge(t, keys()[c.key], segment(t, header), segment(t, c.claims))
				got, err := verifier().Verify(t.Context(), token, domain)
				if !errors.Is(err, c.want) || (got == nil) != (c.want != nil) {
					t.Errorf("got %+v, %v, want %v", got, err, c.want)
				}
			})
		})
	}
}

// TestForgedTokens are of no signature of ours.
func TestForgedTokens(t *testing.T) {
	header, claims := segment(t, object{"alg": "RS256"}), segment(t, object{"iss": ours, "exp": time.Now().Unix() + 60})
	good := forge(t, keys()[0], header, claims)
	if _, err := verifier().Verify(t.Context(), good, ours); err != nil {
		t.Fatal(err)
	}
	signature := good[strings.LastIndexByte(good, '.'):]
	// The public key, which is no secret, as the key of an HMAC.
	hs256 := segment(t, object{"alg": "HS256"}) + "." + claims
	mac := hmac.New(sha256.New, publicPEM(t, &keys()[0].PublicKey))
	mac.Write([]byte(hs256))
	for name, token := range map[string]string{
		"empty":               "",
		"words":               "not a token",
		"HMAC by public key":  hs256 + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"no signature":        header + "." + claims + ".",
		"two segments":        header + "." + claims,
		"four segments":       good + ".",
		"other claims":        header + "." + segment(t, object{"iss": ours, "exp": time.Now().Unix() + 61}) + signature,
		"cut":                 good[:len(good)-1],
		"loose last bits":     good[:len(good)-1] + string(good[len(good)-1]+1),
		"padded":              good + "==",
		"claims null":         forge(t, keys()[0], header, segment(t, nil)),
		"header null":         forge(t, keys()[0], segment(t, nil), claims),
		"claims of a list":    forge(t, keys()[0], header, segment(t, []int{1})),
		"more than its limit": forge(t, keys()[0], header, segment(t, object{"iss": ours, "exp": time.Now().Unix() + 60, "x": strings.Repeat("x", 8<<10)})),
	} {
		if c, err := verifier().Verify(t.Context(), token, ours); !errors.Is(err, jwtauth.ErrToken) {
			t.Errorf("%s: got %+v, %v", name, c, err)
		}
	}
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256} {
		token, err := jwt.NewWithClaims(method, jwt.MapClaims{"iss": ours, "exp": time.Now().Unix() + 60}).SignedString(keys()[0])
		if err != nil {
			t.Fatal(err)
		}
		if c, err := verifier().Verify(t.Context(), token, ours); !errors.Is(err, jwtauth.ErrToken) {
			t.Errorf("%s, well signed: got %+v, %v", method.Alg(), c, err)
		}
	}
}

func TestVerifierOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jwtauth.Signer{Key: keys()[0], Life: 10 * time.Second}
		token, err := s.Sign(&jwtauth.Claims{Domain: ours})
		if err != nil {
			t.Fatal(err)
		}
		c, err := verifier().Verify(t.Context(), token, ours)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CheckBody(nil); !errors.Is(err, jwtauth.ErrBody) {
			t.Error("the body of a token that has none:", err)
		}
		time.Sleep(11 * time.Second)
		strict := verifier()
		strict.Skew = -1
		if _, err := strict.Verify(t.Context(), token, ours); !errors.Is(err, jwtauth.ErrTime) {
			t.Error("expired, without skew:", err)
		}
		strict.Skew = 2 * time.Second
		if _, err := strict.Verify(t.Context(), token, ours); err != nil {
			t.Error("expired, within a skew of one's own:", err)
		}

		lost := errors.New("the database does not answer")
		failing := &jwtauth.Verifier{Keys: func(context.Context, string) ([]*rsa.PublicKey, error) { return nil, lost }}
		if _, err := failing.Verify(t.Context(), token, ours); !errors.Is(err, lost) || errors.Is(err, jwtauth.ErrToken) {
			t.Error("keys that cannot be had:", err)
		}
		short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
		weak := &jwtauth.Verifier{Keys: func(context.Context, string) ([]*rsa.PublicKey, error) { return []*rsa.PublicKey{short}, nil }}
		if _, err := weak.Verify(t.Context(), token, ours); !errors.Is(err, jwtauth.ErrKey) {
			t.Error("a key of 1024 bits:", err)
		}
	})
}

func TestSignRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		signer jwtauth.Signer
		claims jwtauth.Claims
		want   error
	}{
		"no key":    {claims: jwtauth.Claims{Domain: ours}, want: jwtauth.ErrKey},
		"no domain": {signer: jwtauth.Signer{Key: keys()[0]}, want: jwtauth.ErrDomain},
		"too long":  {signer: jwtauth.Signer{Key: keys()[0], Life: jwtauth.MaxLife + 1}, claims: jwtauth.Claims{Domain: ours}, want: jwtauth.ErrTime},
		"no time":   {signer: jwtauth.Signer{Key: keys()[0], Life: -1}, claims: jwtauth.Claims{Domain: ours}, want: jwtauth.ErrTime},
		"no hash":   {signer: jwtauth.Signer{Key: keys()[0]}, claims: jwtauth.Claims{Domain: ours, Body: []byte("body")}, want: jwtauth.ErrBody},
	} {
		if token, err := c.signer.Sign(&c.claims); !errors.Is(err, c.want) {
			t.Errorf("%s: got %q, %v", name, token, err)
		}
	}
}

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
		ok     bool
	}{
		{[]string{"Bearer a.b.c"}, "a.b.c", true},
		{[]string{"bearer  a.b.c "}, "a.b.c", true},
		{[]string{"Basic a"}, "", false},
		{[]string{"Bearer"}, "", true}, // an empty token, which no Verify takes
		{[]string{"Bearer a", "Bearer b"}, "", false},
		{nil, "", false},
	} {
		got, err := jwtauth.Bearer(http.Header{"Authorization": c.fields})
		if got != c.want || (err == nil) != c.ok || err != nil && !errors.Is(err, jwtauth.ErrToken) {
			t.Errorf("%q: got %q, %v", c.fields, got, err)
		}
	}
}
