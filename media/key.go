package media

import (
	"crypto/rand"
	"fmt"
	"log/slog"
)

// A Suite is a crypto suite of SDES as its name stands in an SDP (RFC 4568 section 6.2, RFC 7714 section 14.2).
type Suite string

// The crypto suites that can be agreed.
const (
	AES256GCM Suite = "AEAD_AES_256_GCM"
	AES128GCM Suite = "AEAD_AES_128_GCM"
	AESCM80   Suite = "AES_CM_128_HMAC_SHA1_80"
	AESCM32   Suite = "AES_CM_128_HMAC_SHA1_32"
)

// sizes returns the bytes of master key and master salt; zeros for a suite that is not known.
func (s Suite) sizes() (key, salt int) {
	switch s {
	case AES256GCM:
		return 32, 12
	case AES128GCM:
		return 16, 12
	case AESCM80, AESCM32:
		return 16, 14
	default:
		return 0, 0
	}
}

// A Key is what one side protects its packets with (SDES, RFC 4568). It is a secret: package fmt and a logger show the suite only. The
// zero Key is none.
type Key struct {
	Suite  Suite
	Secret string // master key and master salt, raw, one after the other
	MKI    string // raw; stands in every packet under this key; empty without
}

// NewKey makes a random key. A suite that is not known gives the zero Key.
func NewKey(s Suite) Key {
	key, salt := s.sizes()
	if key == 0 {
		return Key{}
	}
	secret := make([]byte, key+salt)
	_, _ = rand.Read(secret) // it never fails: see its documentation
	return Key{Suite: s, Secret: string(secret)}
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.Secret == "" }

// Split returns the master key and the master salt.
func (k Key) Split() (key, salt []byte) {
	n, _ := k.Suite.sizes()
	n = min(n, len(k.Secret))
	return []byte(k.Secret[:n]), []byte(k.Secret[n:])
}

// Format implements fmt.Formatter, so that no verb shows the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// String returns the suite of k and nothing secret.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	return string(k.Suite)
}

// LogValue shows what String does.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler with what String shows, so that no encoder writes the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
