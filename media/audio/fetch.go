package audio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	neturl "net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
)

// FetcherOptions are the options of NewFetcher; nil and every zero field are valid.
type FetcherOptions struct {
	// HTTPClient makes the requests; nil: one that connects to no address but the Internet's (RFC 6890) and uses no proxy. Of a client that is
	// given, the transport decides where it connects to; redirects are followed as AnyURL and Redirects say.
	HTTPClient *http.Client
	Private    bool          // the Fetcher's own client may connect to addresses of private networks, and of this host
	AnyURL     bool          // a URL may also be of http, name any port, and be redirected to another host
	MaxBytes   int64         // of a file; 0: 16 MiB
	Timeout    time.Duration // of a fetch with all redirects; 0: 10 s
	Redirects  int           // that are followed at most; 0: 5; negative: none

	Dir        string // folder that the cache is in, of one Fetcher alone; it is made if there is none. Empty: memory
	CacheBytes int64  // of all files in the cache; what has not been played for longest goes. 0: 64 MiB; negative: no cache
	// Stale is how long ago a server may have said that a file is up to date for it to be played while the server is away, or fails. A file
	// whose server forbids that (must-revalidate) is not. 0: none is.
	Stale time.Duration
}

// Defaults of FetcherOptions.
const (
	fetchBytes     = 16 << 20
	fetchTimeout   = 10 * time.Second
	fetchRedirects = 5
	cacheBytes     = 64 << 20
	fetchHeader    = 64 << 10 // bytes of a response's header; a client of the user's has its own limit
)

// FetcherStats are the totals of a Fetcher.
type FetcherStats struct {
	Hits    uint64 // from the cache, without a request
	Checked uint64 // from the cache, after the server said that nothing has changed
	Fetched uint64
	Stale   uint64 // from the cache, because the server was away
	Failed  uint64
	Files   int // in the cache now
	Bytes   int64
}

// A FetchError says why a file could not be fetched. It does not repeat the URL, which may be a secret. It wraps ErrLimit, a *SourceError
// if what came is no sound, or what the connection met with.
type FetchError struct {
	Host   string // empty if the URL has none
	Status int    // of the answer; 0: none, or 200
	Err    error
}

// Error implements error.
func (e *FetchError) Error() string {
	s := "audio: fetch"
	if e.Host != "" {
		s += " from " + e.Host
	}
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns what is wrong.
func (e *FetchError) Unwrap() error { return e.Err }

// A Fetcher opens sources by HTTP, and keeps what it has fetched for as long as the server allows (RFC 9111). Its methods are safe for
// concurrent use; a file that several ask for at once is fetched once.
type Fetcher struct {
	o      FetcherOptions
	client *http.Client
	own    *http.Transport // nil: the client is the user's
	cache  *shelf

	ctx  context.Context // of all requests
	end  context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	flights map[string]*flight

	hits, checked, fetched, stale, failed atomic.Uint64
}

// NewFetcher returns a Fetcher. The error is of the cache's folder. Close it.
func NewFetcher(o *FetcherOptions) (*Fetcher, error) {
	f := &Fetcher{flights: make(map[string]*flight)}
	if o != nil {
		f.o = *o
	}
	f.o.MaxBytes = cmp.Or(f.o.MaxBytes, fetchBytes)
	f.o.Timeout = cmp.Or(f.o.Timeout, fetchTimeout)
	f.o.Redirects = cmp.Or(f.o.Redirects, fetchRedirects)
	f.o.CacheBytes = cmp.Or(f.o.CacheBytes, cacheBytes)
	var err error
	if f.cache, err = newShelf(f.o.Dir, max(f.o.CacheBytes, 0)); err != nil {
		return nil, fmt.Errorf("audio: cache of fetched files: %w", err)
	}
	f.makeClient()
	f.ctx, f.end = context.WithCancel(context.Background())
	return f, nil
}

// Open returns the sound of a URL, which is of https at port 443 unless FetcherOptions.AnyURL is set. What it is the first bytes decide, as in
// NewSource. The error is a *FetchError, the cause of ctx if that ends, or media.ErrClosed. A source that was opened stays good when the cache
// gives it up, and after Close.
func (f *Fetcher) Open(ctx context.Context, url string) (Source, error) {
	return f.openURL(ctx, url, false)
}

// Refresh is Open that asks the server whether there is something new, also where that is not due. If the server is away, Stale counts.
func (f *Fetcher) Refresh(ctx context.Context, url string) (Source, error) {
	return f.openURL(ctx, url, true)
}

func (f *Fetcher) openURL(ctx context.Context, url string, anew bool) (Source, error) {
	u, err := neturl.Parse(url)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, &FetchError{Err: errors.New("not an absolute http or https URL")}
	}
	if err := f.allowed(u); err != nil {
		return nil, &FetchError{Host: u.Hostname(), Err: err}
	}
	u.Fragment, u.RawFragment = "", ""
	sum := sha256.Sum256([]byte(u.String()))
	key := hex.EncodeToString(sum[:])
	if it, ok := f.cache.find(key); ok && !anew && time.Now().Before(it.Until) {
		if s, err := f.open(key); err == nil {
			f.hits.Add(1)
			return s, nil
		}
	}
	s, err := f.share(ctx, key, u)
	if errors.Is(err, os.ErrNotExist) { // the cache has given it up meanwhile
		s, err = f.share(ctx, key, u)
	}
	if err != nil {
		f.failed.Add(1)
	}
	return s, err
}

// open opens what the cache has.
func (f *Fetcher) open(key string) (Source, error) {
	r, err := f.cache.open(key)
	if err != nil {
		return nil, err
	}
	s, err := NewSource(r)
	if err != nil { // it was sound once
		f.cache.drop(key)
	}
	return s, err
}

// flight is a fetch that some wait for.
type flight struct {
	cancel  context.CancelFunc
	waiting int // guarded by the Fetcher's lock
	done    chan struct{}

	// What came of it; nil and no error: it is in the cache.
	data []byte
	err  error
}

// share waits for a fetch of a file, which it begins if there is none.
func (f *Fetcher) share(ctx context.Context, key string, u *neturl.URL) (Source, error) {
	fl, err := f.board(key, u)
	if err != nil {
		return nil, err
	}
	defer f.leave(key, fl)
	select {
	case <-fl.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	switch {
	case fl.err != nil:
		return nil, fl.err
	case fl.data != nil:
		return NewSource(readsBytes(fl.data))
	}
	s, err := f.open(key)
	if err != nil {
		return nil, &FetchError{Host: u.Hostname(), Err: err}
	}
	return s, nil
}

func (f *Fetcher) board(key string, u *neturl.URL) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return nil, media.ErrClosed
	}
	fl := f.flights[key]
	if fl == nil {
		ctx, cancel := context.WithTimeout(f.ctx, f.o.Timeout)
		fl = &flight{cancel: cancel, done: make(chan struct{})}
		f.flights[key] = fl
		f.work.Go(func() {
			defer cancel()
			fl.data, fl.err = f.fetch(ctx, key, u)
			f.land(key, fl)
		})
	}
	fl.waiting++
	return fl, nil
}

// land ends a flight: who comes later looks into the cache first.
func (f *Fetcher) land(key string, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flights[key] == fl {
		delete(f.flights, key)
	}
	close(fl.done)
}

// leave gives a flight up that nobody waits for any more.
func (f *Fetcher) leave(key string, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting > 0 {
		return
	}
	fl.cancel()
	if f.flights[key] == fl {
		delete(f.flights, key)
	}
}

// Stats returns the totals.
func (f *Fetcher) Stats() FetcherStats {
	s := FetcherStats{
		Hits: f.hits.Load(), Checked: f.checked.Load(), Fetched: f.fetched.Load(), Stale: f.stale.Load(), Failed: f.failed.Load(),
	}
	s.Files, s.Bytes = f.cache.size()
	return s
}

// Close ends all fetches, whose Open returns an error, and waits for them. What is in a folder stays there. It is idempotent.
func (f *Fetcher) Close() error {
	f.mu.Lock()
	f.end()
	f.mu.Unlock()
	f.work.Wait()
	if f.own != nil {
		f.own.CloseIdleConnections()
	}
	return nil
}
