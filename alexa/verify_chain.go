package alexa

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/peertext"
)

const (
	chainSAN      = "echo-api.amazon.com" // the name that a signing certificate carries
	maxChainBytes = 64 << 10              // of a PEM file
	maxChainCerts = 8                     // in it; Amazon's has four
	minKeyBits    = 2048                  // of the leaf's RSA key
	maxKeyBits    = 8192
)

// A signer is the verified leaf of a chain.
type signer struct {
	key                 *rsa.PublicKey
	notBefore, notAfter time.Time // of the leaf and of all above it
}

func (s *signer) validAt(now time.Time) bool {
	return s != nil && !now.Before(s.notBefore) && !now.After(s.notAfter)
}

// verifyChain checks a PEM file with the leaf first: the leaf is in date, carries
// Amazon's name and leads to one of roots by way of the others.
func verifyChain(data []byte, roots *x509.CertPool, now time.Time) (*signer, error) {
	certs, err := parseChain(data)
	if err != nil {
		return nil, err
	}
	leaf := certs[0]
	// Verify below finds this too, but verifiers of other systems do not all say so alike.
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil, clockError(leaf, now)
	}
	isName := func(s string) bool { return strings.EqualFold(s, chainSAN) }
	if !slices.ContainsFunc(leaf.DNSNames, isName) {
		return nil, refuse(ReasonChain, "its names do not include "+chainSAN)
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refuse(ReasonChain, "its key is not RSA")
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, refuse(ReasonChain, fmt.Sprintf("its key has %d bits", bits))
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   now,
		// Amazon's rules do not speak of the extended key usage, and the certificate
		// signs no TLS handshake.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
			return nil, clockError(e.Cert, now)
		}
		return nil, &VerifyError{Reason: ReasonChain, Text: "it leads to no trusted authority", Err: err}
	}
	return longestLived(key, paths), nil
}

// longestLived returns the signer with the dates of the path that stays valid longest.
func longestLived(key *rsa.PublicKey, paths [][]*x509.Certificate) *signer {
	var best *signer
	for _, path := range paths {
		s := &signer{key: key, notBefore: path[0].NotBefore, notAfter: path[0].NotAfter}
		for _, c := range path[1:] {
			if c.NotBefore.After(s.notBefore) {
				s.notBefore = c.NotBefore
			}
			if c.NotAfter.Before(s.notAfter) {
				s.notAfter = c.NotAfter
			}
		}
		if best == nil || s.notAfter.After(best.notAfter) {
			best = s
		}
	}
	return best
}

func clockError(c *x509.Certificate, now time.Time) error {
	const day = time.DateOnly
	return refuse(ReasonClock, fmt.Sprintf(
		"certificate %q is valid from %s to %s and this host's clock says %s: the certificate is out of date, or the clock is wrong",
		peertext.Printable(c.Subject.CommonName, 64), c.NotBefore.Format(day), c.NotAfter.Format(day), now.UTC().Format(day)))
}

func parseChain(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			return nil, refuse(ReasonChain, "the file holds more than certificates")
		}
		if len(certs) == maxChainCerts {
			return nil, refuse(ReasonChain, fmt.Sprintf("the file holds more than %d certificates", maxChainCerts))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &VerifyError{Reason: ReasonChain, Text: "malformed", Err: err}
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, refuse(ReasonChain, "the file holds none")
	}
	return certs, nil
}
