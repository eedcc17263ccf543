package alexa

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	maxChains    = 16              // kept; Amazon uses one at a time
	maxFetches   = 8               // under way at a time, for different URLs
	fetchTimeout = 2 * time.Second // for one chain, waiting for a place included
)

// chains keeps verified chains by URL and fetches missing ones. The zero value is
// ready. Only verified chains get in, so nobody can push out Amazon's with his own.
type chains struct {
	mu      sync.Mutex
	kept    map[string]*keptChain
	fetches map[string]*chainFetch // under way
	uses    uint64                 // counts uses, to tell the least recent
	places  chan struct{}          // taken by fetches; made with the first

	transportOnce sync.Once
	transport     http.RoundTripper
}

type keptChain struct {
	signer *signer
	used   uint64
}

// A chainFetch is one fetch that any number of requests wait for. It runs on the
// goroutine of the request that came first.
type chainFetch struct {
	done   chan struct{} // closed when the others are set
	signer *signer
	err    error
	left   bool // the first request's context ended: the result says nothing
}

func (c *chains) ownTransport(build func() http.RoundTripper) http.RoundTripper {
	c.transportOnce.Do(func() { c.transport = build() })
	return c.transport
}

// key returns the key of the chain at url, from memory while its certificates are in
// date, otherwise by fetch.
func (c *chains) key(ctx context.Context, url string, fetch func(context.Context, string) (*signer, error)) (*rsa.PublicKey, error) {
	for {
		s, f, first := c.find(url, time.Now())
		if s != nil {
			return s.key, nil
		}
		if first {
			c.run(ctx, url, f, fetch)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, notFetched(url, context.Cause(ctx))
		}
		if f.err == nil {
			return f.signer.key, nil
		}
		if first || !f.left {
			return nil, f.err
		}
		// The one who fetched has left: one of those who still wait takes his place.
	}
}

// keptKey returns the key of the chain at url if it is in memory and in date, otherwise nil.
func (c *chains) keptKey(url string) *rsa.PublicKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kept[url]; k != nil && k.signer.validAt(time.Now()) {
		return k.signer.key
	}
	return nil
}

// find returns the signer kept for url; or else the fetch to wait for, and whether the
// caller has to run it.
func (c *chains) find(url string, now time.Time) (s *signer, f *chainFetch, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kept[url]; k != nil {
		if k.signer.validAt(now) {
			c.uses++
			k.used = c.uses
			return k.signer, nil, false
		}
		delete(c.kept, url)
	}
	if f := c.fetches[url]; f != nil {
		return nil, f, false
	}
	if c.fetches == nil {
		c.kept = make(map[string]*keptChain)
		c.fetches = make(map[string]*chainFetch)
		c.places = make(chan struct{}, maxFetches)
	}
	f = &chainFetch{done: make(chan struct{})}
	c.fetches[url] = f
	return nil, f, true
}

// run runs f, which find has returned as the caller's to run.
func (c *chains) run(ctx context.Context, url string, f *chainFetch, fetch func(context.Context, string) (*signer, error)) {
	limited, cancel := context.WithTimeoutCause(ctx, fetchTimeout, errFetchTimeout)
	defer cancel()
	select {
	case c.places <- struct{}{}:
		f.signer, f.err = fetch(limited, url)
		<-c.places
	case <-limited.Done():
		f.err = notFetched(url, context.Cause(limited))
	}
	f.left = f.err != nil && ctx.Err() != nil

	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.fetches, url)
	if f.err == nil {
		c.keep(url, f.signer)
	}
	close(f.done)
}

func notFetched(url string, err error) error {
	return &VerifyError{Reason: ReasonChainFetch, Text: url, Err: err}
}

var errFetchTimeout = errors.New("no answer within 2 s")

// keep stores a signer, in place of the least recently used one when there are many.
// Called with c.mu held.
func (c *chains) keep(url string, s *signer) {
	if len(c.kept) >= maxChains {
		oldest := ""
		for u, k := range c.kept {
			if oldest == "" || k.used < c.kept[oldest].used {
				oldest = u
			}
		}
		delete(c.kept, oldest)
	}
	c.uses++
	c.kept[url] = &keptChain{signer: s, used: c.uses}
}
