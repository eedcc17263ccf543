package jwtauth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

const (
	minBits = 2048
	maxBits = 8192 // a longer one takes its time with every request
	maxPEM  = 64 << 10
)

// ParsePrivateKey reads an RSA key of 2048 to 8192 bits from PEM, as PKCS #1 ("RSA PRIVATE KEY") or PKCS #8 ("PRIVATE KEY"), or fails with
// ErrKey. It takes the first block of either kind.
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrKey, maxPEM)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, fmt.Errorf("%w: it is encrypted", ErrKey)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		private, ok := key.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%w: it is not RSA", ErrKey)
		}
		return private, checkKey(&private.PublicKey)
	}
	return nil, fmt.Errorf("%w: no private key in PEM", ErrKey)
}

// ParsePublicKeys reads one RSA key or several, of 2048 to 8192 bits each, from PEM: as SubjectPublicKeyInfo ("PUBLIC KEY") or PKCS #1 ("RSA
// PUBLIC KEY"). It fails with ErrKey if there is none, or another kind of block.
func ParsePublicKeys(text []byte) ([]*rsa.PublicKey, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrKey, maxPEM)
	}
	var keys []*rsa.PublicKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		key, err := parsePublicKey(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no public key in PEM", ErrKey)
	}
	return keys, nil
}

func parsePublicKey(block *pem.Block) (*rsa.PublicKey, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		// Most of all a private key, which is not to be where public ones are.
		return nil, fmt.Errorf("%w: a block of PEM that is no public key", ErrKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: it is not RSA", ErrKey)
	}
	return public, checkKey(public)
}

func checkKey(k *rsa.PublicKey) error {
	if k == nil || k.N == nil || k.N.BitLen() < minBits || k.N.BitLen() > maxBits {
		return fmt.Errorf("%w: it has not %d to %d bits", ErrKey, minBits, maxBits)
	}
	return nil
}
