package forward

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// MaxBody is the limit of an event and of the answer to it, in bytes.
const MaxBody = 256 << 10

const (
	headerTime      = "Alexacall-Time"
	headerNonce     = "Alexacall-Nonce"
	headerSignature = "Alexacall-Signature"

	version = "alexacall-forward-1\n"

	minKey   = 32 // bytes
	maxKey   = 4096
	maxNonce = 64
)

// A Key is what Forwarder and Receiver share. It prints and logs as "(key)". The zero Key is none.
type Key struct{ secret string }

// NewKey returns the key with these bytes, as they are: at least 32, so that nobody guesses it.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < minKey || len(secret) > maxKey {
		return Key{}, fmt.Errorf("forward: a key of %d bytes, want %d to %d", len(secret), minKey, maxKey)
	}
	return Key{string(secret)}, nil
}

// IsZero reports whether k is none.
func (k Key) IsZero() bool { return k.secret == "" }

// Format implements fmt.Formatter: no verb shows the key.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(key)") }

// LogValue implements slog.LogValuer.
func (Key) LogValue() slog.Value { return slog.StringValue("(key)") }

var errNoKey = errors.New("forward: no key")

// sum is the signature of an event.
func (k Key) sum(unix, nonce string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(k.secret))
	_, _ = io.WriteString(mac, version+unix+"\n"+nonce+"\n") // a hash takes everything
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}
