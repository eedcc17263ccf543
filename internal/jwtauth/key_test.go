package jwtauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"

	"github.com/alexacall/alexacall/internal/jwtauth"
)

func publicPEM(t testing.TB, k any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestKeysFromPEM(t *testing.T) {
	key := keys()[0]
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2046, 1), E: 65537}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	spki, pkcs1 := publicPEM(t, &key.PublicKey), block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey))

	for name, text := range map[string][]byte{
		"PKCS #1":           block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"PKCS #8":           block("PRIVATE KEY", pkcs8),
		"behind its public": append(spki, block("PRIVATE KEY", pkcs8)...),
	} {
		if got, err := jwtauth.ParsePrivateKey(text); err != nil || !got.Equal(key) {
			t.Errorf("private, %s: %v", name, err)
		}
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "a public one": spki, "encrypted": block("ENCRYPTED PRIVATE KEY", pkcs8), "damaged": block("PRIVATE KEY", pkcs8[1:]),
		"too much": append(make([]byte, 64<<10), block("PRIVATE KEY", pkcs8)...),
	} {
		if _, err := jwtauth.ParsePrivateKey(text); !errors.Is(err, jwtauth.ErrKey) {
			t.Errorf("private, %s: %v", name, err)
		}
	}

	got, err := jwtauth.ParsePublicKeys(append(spki, pkcs1...))
	if err != nil || len(got) != 2 || !got[0].Equal(&key.PublicKey) || !got[1].Equal(&key.PublicKey) {
		t.Errorf("two public ones: %v, %v", got, err)
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "a private one": block("PRIVATE KEY", pkcs8), "not RSA": publicPEM(t, &elliptical.PublicKey), "2047 bits": publicPEM(t, short),
		"too much": append(make([]byte, 64<<10), spki...), "one of two damaged": append(spki, block("PUBLIC KEY", pkcs8)...),
	} {
		if _, err := jwtauth.ParsePublicKeys(text); !errors.Is(err, jwtauth.ErrKey) {
			t.Errorf("public, %s: %v", name, err)
		}
	}
}
