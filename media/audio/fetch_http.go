package audio

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/outbound"
)

func (f *Fetcher) makeClient() {
	var c http.Client
	if f.o.HTTPClient != nil {
		c = *f.o.HTTPClient
	} else {
		d := &net.Dialer{}
		if !f.o.Private {
			d.Control = outbound.Control
		}
		f.own = &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    f.o.Timeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: fetchHeader,
			IdleConnTimeout:        time.Minute,
		}
		c.Transport = f.own
	}
	c.CheckRedirect = f.redirect
	f.client = &c
}

// allowed says what is wrong with a URL that somebody else has chosen: other schemes and ports reach services that are not meant for it.
func (f *Fetcher) allowed(u *neturl.URL) error {
	if f.o.AnyURL || u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") {
		return nil
	}
	return errors.New("not https at port 443, and FetcherOptions.AnyURL is not set")
}

// redirect says whether one is followed: not from a protected server to an open one, and without telling where from.
func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > max(f.o.Redirects, 0) {
		return fmt.Errorf("%d redirects: %w", len(via), ErrLimit)
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("redirect from https to " + r.URL.Scheme)
	}
	if err := f.allowed(r.URL); err != nil {
		return err
	}
	if !f.o.AnyURL && !strings.EqualFold(r.URL.Hostname(), via[0].URL.Hostname()) {
		return errors.New("redirect to another host, and FetcherOptions.AnyURL is not set")
	}
	r.Header.Del("Referer") // may be a secret
	return nil
}

// fetch gets a file. Nil data without an error: what the cache has is to be played.
func (f *Fetcher) fetch(ctx context.Context, key string, u *neturl.URL) ([]byte, error) {
	old, kept := f.cache.find(key)
	data, a, err := f.get(ctx, u, old, kept)
	if err != nil {
		if kept && f.mayBeStale(old, err) {
			f.stale.Add(1)
			return nil, nil
		}
		if kept && (err.Status == http.StatusNotFound || err.Status == http.StatusGone) {
			f.cache.drop(key)
		}
		return nil, err
	}
	if data == nil {
		f.checked.Add(1)
		f.cache.renew(key, a)
		return nil, nil
	}
	f.fetched.Add(1)
	if a.never {
		f.cache.drop(key)
		return data, nil
	}
	f.cache.put(key, a, data)
	return data, nil
}

// mayBeStale reports whether a file is played though its server could not say that it is up to date (RFC 9111 section 4.2.4).
func (f *Fetcher) mayBeStale(old about, err *FetchError) bool {
	away := err.Status == 0 || err.Status >= 500 || err.Status == http.StatusRequestTimeout || err.Status == http.StatusTooManyRequests
	return away && !old.Strict && time.Since(old.Checked) <= f.o.Stale
}

// get asks a server for a file, or whether the one that we have is up to date: nil data.
func (f *Fetcher) get(ctx context.Context, u *neturl.URL, old about, kept bool) ([]byte, about, *FetchError) {
	fail := func(err error) ([]byte, about, *FetchError) {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // says more than how the transport noticed
		} else if e, ok := errors.AsType[*neturl.Error](err); ok {
			err = e.Err // without the URL
		}
		return nil, about{}, &FetchError{Host: u.Hostname(), Err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fail(err)
	}
	r.Header.Set("Accept", "audio/*, application/ogg, */*;q=0.1")
	r.Header.Set("Accept-Encoding", "identity")
	if kept {
		old.ask(r.Header)
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && kept:
		return nil, old.renewed(resp.Header, time.Now()), nil
	case resp.StatusCode != http.StatusOK:
		return nil, about{}, &FetchError{Host: u.Hostname(), Status: resp.StatusCode}
	case resp.ContentLength > f.o.MaxBytes:
		return fail(fmt.Errorf("%d bytes: %w", resp.ContentLength, ErrLimit))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, f.o.MaxBytes+1))
	if err == nil && int64(len(data)) > f.o.MaxBytes {
		err = fmt.Errorf("more than %d bytes: %w", f.o.MaxBytes, ErrLimit)
	}
	if err == nil {
		_, err = NewSource(readsBytes(data)) // what is no sound is not worth a place in the cache
	}
	if err != nil {
		return fail(err)
	}
	return data, aboutOf(resp.Header, time.Now()), nil
}

// readsBytes reads what is in memory.
func readsBytes(b []byte) io.Reader { return bytes.NewReader(b) }

// about is what a server has said of a file.
type about struct {
	ETag, Modified string    // to ask whether it has changed
	Checked        time.Time // when the server said so
	Until          time.Time // until when it need not be asked again
	Strict         bool      // it has to be asked then, and may not be done without
	never          bool      // not to be kept
}

const (
	maxValidator = 256 // bytes of an ETag, or a date
	maxFresh     = 365 * 24 * time.Hour
)

// aboutOf takes what the header of an answer says (RFC 9111 sections 4.2 and 5.2.2).
func aboutOf(h http.Header, now time.Time) about {
	a := about{ETag: short(h.Get("ETag")), Modified: short(h.Get("Last-Modified")), Checked: now, Until: now}
	c := cacheControl(h)
	_, a.never = c["no-store"]
	a.never = a.never || strings.Contains(h.Get("Vary"), "*")
	_, a.Strict = c["must-revalidate"]
	if _, ask := c["no-cache"]; ask {
		return a
	}
	fresh := time.Duration(0)
	if age, ok := seconds(c["max-age"]); ok {
		fresh = age
	} else if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		date, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			date = now
		}
		fresh = expires.Sub(date)
	}
	if age, ok := seconds(h.Get("Age")); ok {
		fresh -= age
	}
	a.Until = now.Add(min(max(fresh, 0), maxFresh))
	return a
}

// renewed is what is known of a file that has not changed: what the answer does not name stays (RFC 9111 section 4.3.4).
func (a about) renewed(h http.Header, now time.Time) about {
	b := aboutOf(h, now)
	if b.ETag == "" {
		b.ETag = a.ETag
	}
	if b.Modified == "" {
		b.Modified = a.Modified
	}
	if len(h.Values("Cache-Control")) == 0 {
		b.Strict = a.Strict
		if h.Get("Expires") == "" {
			b.Until = now.Add(a.Until.Sub(a.Checked))
		}
	}
	return b
}

// ask makes a request one that is about whether the file has changed.
func (a about) ask(h http.Header) {
	if a.ETag != "" {
		h.Set("If-None-Match", a.ETag)
	}
	if a.Modified != "" {
		h.Set("If-Modified-Since", a.Modified)
	}
}

func short(s string) string {
	if len(s) > maxValidator {
		return ""
	}
	return s
}

// cacheControl returns the directives by name, in small letters.
func cacheControl(h http.Header) map[string]string {
	all := make(map[string]string)
	for d := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		all[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return all
}

// seconds reads a delta (RFC 9111 section 1.2.2).
func seconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // of which n is the most
		return 0, false
	}
	return time.Duration(min(n, uint64(maxFresh/time.Second))) * time.Second, true
}
