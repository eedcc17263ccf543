package alexa

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"time"

	"github.com/alexacall/alexacall/internal/outbound"
)

// fetch gets the chain at url, which has come out of chainURL, and verifies it.
func (v *Verifier) fetch(ctx context.Context, url string) (*signer, error) {
	data, err := v.download(ctx, url)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // says more than how the transport noticed
		} else if e, ok := errors.AsType[*neturl.Error](err); ok {
			err = e.Err // the URL is in the text already
		}
		return nil, notFetched(url, err)
	}
	return verifyChain(data, v.Roots, time.Now())
}

func (v *Verifier) download(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := v.httpClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxChainBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxChainBytes {
		return nil, fmt.Errorf("more than %d bytes", maxChainBytes)
	}
	return data, nil
}

func (v *Verifier) httpClient() *http.Client {
	c := v.HTTPClient
	if c == nil {
		c = &http.Client{Transport: v.chains.ownTransport(v.newTransport)}
	}
	return outbound.NoRedirects(c)
}

// newTransport returns a transport that keeps no connection, and so no goroutine, when
// a fetch is over: there is one fetch in many months.
func (v *Verifier) newTransport() http.RoundTripper {
	t := &http.Transport{
		DialContext:            v.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: v.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxChainBytes,
	}
	if v.DialContext == nil {
		t.DialContext = dialChainHost
		t.Proxy = http.ProxyFromEnvironment
	}
	return t
}

// dialChainHost connects to the host of the chains or, which the environment has named, to a proxy.
func dialChainHost(ctx context.Context, network, address string) (net.Conn, error) {
	return chainDialer(address).DialContext(ctx, network, address)
}

// chainDialer returns the dialer for an address. A name of the Internet's that resolves to an address of our own network, or of this host,
// is somebody's attempt to reach what only we can; a proxy may well be there.
func chainDialer(address string) *net.Dialer {
	d := &net.Dialer{Timeout: fetchTimeout}
	if address == net.JoinHostPort(chainHost, "443") {
		d.Control = outbound.Control
	}
	return d
}
