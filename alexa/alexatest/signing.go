package alexatest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

const (
	chainHost = "s3.amazonaws.com"
	chainPath = "/echo.api/"
	leafName  = "echo-api.amazon.com"
)

// ChainFault says what is wrong with the certificate chain that an event is signed with. Its URL is always of the right form.
type ChainFault uint8

const (
	// ChainGood is the chain of every ordinary event.
	ChainGood ChainFault = iota
	// ChainExpired has a leaf whose validity has ended.
	ChainExpired
	// ChainWrongName has a leaf that does not name echo-api.amazon.com.
	ChainWrongName
	// ChainUntrusted leads to a root that is not in [Cloud.Roots].
	ChainUntrusted
)

// authority is a root with an intermediate below it.
type authority struct {
	root, inter       *x509.Certificate
	interKey          *ecdsa.PrivateKey
	rootPEM, interPEM []byte
}

// signer holds the cloud's certificates and signs events as Amazon's page "Host a Custom Skill as a Web Service" has it: RSA
// PKCS #1 v1.5 with SHA-256 over the raw body; the chain is a PEM bundle, leaf first.
type signer struct {
	ca      *authority
	key     *rsa.PrivateKey
	serial  string
	bundles map[string][]byte // by path
	tls     tls.Certificate   // for s3.amazonaws.com
}

func newSigner(now time.Time) (*signer, error) {
	ca, err := newAuthority("alexatest Root CA", now)
	if err != nil {
		return nil, err
	}
	foreign, err := newAuthority("alexatest Foreign Root CA", now)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	s := &signer{ca: ca, key: key, serial: randomHex(4), bundles: make(map[string][]byte)}
	from, to := now.Add(-time.Hour), now.AddDate(1, 0, 0)
	for _, v := range []struct {
		fault    ChainFault
		by       *authority
		name     string
		from, to time.Time
	}{
		{ChainGood, ca, leafName, from, to},
		{ChainExpired, ca, leafName, now.AddDate(-1, 0, 0), now.Add(-time.Minute)},
		{ChainWrongName, ca, "echo-api.example.com", from, to},
		{ChainUntrusted, foreign, leafName, from, to},
	} {
		der, err := v.by.issue(v.name, &key.PublicKey, v.from, v.to)
		if err != nil {
			return nil, err
		}
		s.bundles[s.chainFile(v.fault)] = append(pemCertificate(der), v.by.interPEM...)
	}
	tlsKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := ca.issue(chainHost, &tlsKey.PublicKey, from, to)
	if err != nil {
		return nil, err
	}
	s.tls = tls.Certificate{Certificate: [][]byte{der, ca.inter.Raw}, PrivateKey: tlsKey}
	return s, nil
}

func (s *signer) chainFile(f ChainFault) string {
	return fmt.Sprintf("%secho-api-cert-%s-%d.pem", chainPath, s.serial, f)
}

func (s *signer) chainURL(f ChainFault) string { return "https://" + chainHost + s.chainFile(f) }

// sign returns the value of the header Signature-256.
func (s *signer) sign(body []byte) (string, error) {
	sum := sha256.Sum256(body)
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

func (s *signer) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.ca.root)
	return pool
}

func newAuthority(name string, now time.Time) (*authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	interKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rootT := caTemplate(name, now)
	root, err := makeCertificate(rootT, rootT, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	inter, err := makeCertificate(caTemplate(name+" 1B", now), root, &interKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	return &authority{
		root: root, inter: inter, interKey: interKey,
		rootPEM: pemCertificate(root.Raw), interPEM: pemCertificate(inter.Raw),
	}, nil
}

// issue returns the DER of a server certificate.
func (a *authority) issue(dnsName string, pub any, from, to time.Time) ([]byte, error) {
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{CommonName: dnsName},
		DNSNames:     []string{dnsName},
		NotBefore:    from,
		NotAfter:     to,
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := makeCertificate(t, a.inter, pub, a.interKey)
	if err != nil {
		return nil, err
	}
	return cert.Raw, nil
}

func caTemplate(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: name, Organization: []string{"alexatest"}},
		NotBefore:             now.Add(-2 * 365 * 24 * time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func makeCertificate(t, parent *x509.Certificate, pub any, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newSerial() *big.Int { return new(big.Int).SetBytes(randomBytes(16)) }

func pemCertificate(der []byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return b.Bytes()
}
