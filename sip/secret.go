package sip

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
)

// The hash algorithms of digest authentication that we ask for (RFC 8760).
const (
	algorithmMD5    = "MD5"
	algorithmSHA256 = "SHA-256"
)

var errHash = errors.New("sip: not a hash in hexadecimal digits")

// A Secret is what a user proves that it knows: a password, or its hashes. It is made with Password or Hashes, and is written nowhere: all
// printing and logging shows that it is one. The zero Secret is nobody's.
type Secret struct {
	in *knowledge // a pointer, since package fmt has a verb that prints a value in spite of its methods
}

// knowledge is what a secret is.
type knowledge struct {
	password string
	set      bool   // password is it, though it be empty
	md5      string // A1 (RFC 7616 section 3.4.2), hashed, in lower case
	sha256   string
}

// Password returns the secret that is a password.
func Password(password string) Secret { return Secret{&knowledge{password: password, set: true}} }

// Hashes returns the secret of whom only "user:realm:password" is known, hashed with MD5, SHA-256 or both, in hexadecimal digits: what
// databases of users hold as HA1. An empty one is not known. Users without a hash for an algorithm of Options.Algorithms cannot use that.
func Hashes(md5Sum, sha256Sum string) (Secret, error) {
	k := &knowledge{md5: strings.ToLower(md5Sum), sha256: strings.ToLower(sha256Sum)}
	if k.md5 == "" && k.sha256 == "" || !isHash(k.md5, md5.Size) || !isHash(k.sha256, sha256.Size) {
		return Secret{}, errHash
	}
	return Secret{k}, nil
}

func isHash(s string, size int) bool {
	b, err := hex.DecodeString(s)
	return s == "" || err == nil && len(b) == size
}

// hashOf returns the hash of an algorithm, or nil.
func hashOf(algorithm string) hash.Hash {
	switch algorithm {
	case algorithmMD5:
		return md5.New()
	case algorithmSHA256:
		return sha256.New()
	}
	return nil
}

// hashed returns the hash of the parts with colons between them, in hexadecimal digits.
func hashed(h hash.Hash, parts ...string) string {
	h.Reset()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}

// a1 returns the hash of what the user proves to know; empty if it is not known for the algorithm.
func (s Secret) a1(algorithm, user, realm string) string {
	switch k := s.in; {
	case k == nil:
		return ""
	case k.set:
		return hashed(hashOf(algorithm), user, realm, k.password)
	case algorithm == algorithmMD5:
		return k.md5
	default:
		return k.sha256
	}
}

// String returns no part of the secret.
func (Secret) String() string { return "[secret]" }

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
