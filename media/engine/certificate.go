package engine

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "crypto/sha1" // the algorithms of fingerprints
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificate is the engine's own, self-signed: the far side knows it by its fingerprint.
type certificate struct {
	tls         tls.Certificate
	fingerprint string // as in a=fingerprint
}

const certificateLife = 5 * 365 * 24 * time.Hour

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "alexacall"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	sum := sha256.Sum256(der)
	return &certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: "sha-256 " + colons(sum[:]),
	}, nil
}

// colons writes a hash as "AB:CD:..." (RFC 8122 section 5).
func colons(sum []byte) string {
	var b strings.Builder
	for i, x := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", x)
	}
	return b.String()
}

var errFingerprint = errors.New("engine: certificate is not the one of the description")

// checkFingerprint compares a certificate with an a=fingerprint value.
func checkFingerprint(want string, der []byte) error {
	algorithm, text, _ := strings.Cut(strings.TrimSpace(want), " ")
	var h crypto.Hash
	switch strings.ToLower(algorithm) {
	case "sha-1":
		h = crypto.SHA1
	case "sha-256":
		h = crypto.SHA256
	case "sha-384":
		h = crypto.SHA384
	case "sha-512":
		h = crypto.SHA512
	default:
		return fmt.Errorf("%w: unknown hash %q", errFingerprint, algorithm)
	}
	sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil {
		return fmt.Errorf("%w: %w", errFingerprint, err)
	}
	hash := h.New()
	hash.Write(der)
	if !bytes.Equal(hash.Sum(nil), sum) {
		return errFingerprint
	}
	return nil
}

// randomText returns n characters that nobody can guess, 5 bits each.
func randomText(n int) string { return (rand.Text() + rand.Text())[:n] }
