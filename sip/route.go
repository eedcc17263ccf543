package sip

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	shunFor    = time.Minute // an address that has failed is tried after the others of its host
	maxShunned = 1024        // addresses that are remembered for that
)

var errNoWay = errors.New("sip: no address of the far side's is left")

// route is the ways to a host, the best first, of those that have not been tried.
type route struct {
	transport *transport
	left      []wayKey
}

// more reports whether there are ways left.
func (r *route) more() bool { return r != nil && len(r.left) > 0 }

// leave leaves a way out.
func (r *route) leave(key wayKey) {
	if r != nil {
		r.left = slices.DeleteFunc(r.left, func(k wayKey) bool { return k == key })
	}
}

// next returns the next way that can be had (RFC 3263 section 4.3).
func (r *route) next(ctx context.Context) (conn, error) {
	err := errNoWay
	for r.more() && ctx.Err() == nil {
		key := r.left[0]
		r.left = r.left[1:]
		var way conn
		if way, err = r.dial(ctx, key); err == nil {
			return way, nil
		}
		r.transport.shunned.add(key, shunFor, time.Now())
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, err
}

func (r *route) dial(ctx context.Context, key wayKey) (conn, error) {
	if key.network == networkUDP {
		return r.transport.connect(ctx, key) // which waits for nothing
	}
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	return r.transport.connect(ctx, key)
}

// leads reports whether one of the ways that are left leads to an address, over a transport.
func (r *route) leads(network string, to netip.Addr) bool {
	for _, key := range r.left {
		if key.network == network && key.to.Addr() == to {
			return true
		}
	}
	return false
}

// shunned are ways that have failed a while ago. It is safe for concurrent use.
type shunned struct {
	mu    sync.Mutex
	until map[wayKey]time.Time
}

// add takes note of a failure.
func (s *shunned) add(key wayKey, d time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.until) >= maxShunned {
		for key, until := range s.until {
			if !now.Before(until) {
				delete(s.until, key)
			}
		}
	}
	if s.until == nil {
		s.until = map[wayKey]time.Time{}
	}
	if len(s.until) < maxShunned {
		s.until[key] = now.Add(d)
	}
}

// has reports whether a way has failed not long ago.
func (s *shunned) has(key wayKey, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.until[key])
}

// last returns keys with those behind that have failed not long ago.
func (s *shunned) last(keys []wayKey, now time.Time) []wayKey {
	var good, bad []wayKey
	for _, key := range keys {
		if s.has(key, now) {
			bad = append(bad, key)
		} else {
			good = append(good, key)
		}
	}
	return append(good, bad...)
}
