package lwa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// A Store keeps grants, so that a refresh token which has replaced another survives a restart. OpenFileStore returns one in a file. Its
// methods may be called from any number of goroutines, those of one account one after another.
type Store interface {
	// Load returns the grant of an account, or ErrNoGrant.
	Load(ctx context.Context, account string) (Grant, error)

	// Save keeps the grant of an account in place of what was there, and returns when it would survive the loss of power.
	Save(ctx context.Context, account string, g Grant) error

	// Delete forgets the grant of an account. One that is not there is no error.
	Delete(ctx context.Context, account string) error
}

// A Grant is what a Store keeps of an account. Formatting it shows nothing.
type Grant struct {
	RefreshToken string

	// Seed tells which configured refresh token this one goes back to: NewSource prefers Credentials.RefreshToken when it is another,
	// for then the operator has put a new one there. Empty: none.
	Seed string
}

// String returns nothing secret.
func (g Grant) String() string { return "lwa.Grant{[redacted]}" }

// GoString returns what String does, so that %#v is harmless too.
func (g Grant) GoString() string { return g.String() }

// LogValue returns nothing secret.
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// ErrNoGrant is the error of an account that has given no grant, or whose grant was forgotten.
var ErrNoGrant error = noGrant{}

type noGrant struct{}

func (noGrant) Error() string   { return "lwa: no grant for this account" }
func (noGrant) Retryable() bool { return false }

// seedOf names a refresh token without giving it away.
func seedOf(refreshToken string) string {
	if refreshToken == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(refreshToken))
	return hex.EncodeToString(sum[:16])
}

const (
	maxToken   = 4096 // bytes; Amazon documents 2,048
	maxAccount = 512  // bytes of an account's name
)

// checkToken refuses what is no token: it goes into a header, a form or a file.
func checkToken(what, s string) error {
	if s == "" || len(s) > maxToken {
		return fmt.Errorf("%s of %d bytes", what, len(s))
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' { // RFC 6749 appendix A.12, without the space
			return fmt.Errorf("%s has a character that none may have", what)
		}
	}
	return nil
}
