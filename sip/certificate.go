package sip

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// A Certificate is a certificate with its key, in files that are read again when they have been renewed. Its Get and GetClient go into
// the tls.Config of Options.TLS; connections that stand keep what they began with. Make one with LoadCertificate. It is safe for
// concurrent use.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a certificate chain and its key from files in PEM form. They may be one file.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again, for the handshakes that come. Where they cannot be read, or do not belong together because only one of
// them has been renewed yet, it returns an error and what was read before stands.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("sip: certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// Get is for tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// GetClient is for tls.Config.GetClientCertificate. It shows the certificate to whoever asks for one, whichever authorities that names:
// many name none, or not all.
func (c *Certificate) GetClient(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
