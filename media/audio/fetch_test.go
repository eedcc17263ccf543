package audio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// web is the transport to servers that are one function, and counts its requests.
type web struct {
	answer func(w http.ResponseWriter, r *http.Request)
	strict bool // AnyURL is not set

	mu       sync.Mutex
	requests []*http.Request
	away     error
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	away := w.away
	w.mu.Unlock()
	if away != nil {
		return nil, away
	}
	rec := httptest.NewRecorder()
	w.answer(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

func (w *web) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

func (w *web) goAway(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = err
}

func newFetcher(t *testing.T, w *web, o audio.FetcherOptions) *audio.Fetcher {
	t.Helper()
	o.HTTPClient, o.AnyURL = &http.Client{Transport: w}, !w.strict
	f, err := audio.NewFetcher(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// fetch opens a URL and returns how many samples it has.
func fetch(t *testing.T, f *audio.Fetcher, url string) (int, error) {
	t.Helper()
	s, err := f.Open(t.Context(), url)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return len(drain(t, s)), nil
}

// versioned answers with a file whose ETag is its number of samples, under a Cache-Control.
func versioned(samples *int, control string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"%d"`, *samples)
		w.Header().Set("ETag", tag)
		if control != "" {
			w.Header().Set("Cache-Control", control)
		}
		w.Header().Set("Content-Type", "text/html") // which is a lie
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(wavFile{samples: *samples}.bytes())
	}
}

const url = "http://prompts.example/welcome?token=secret"

// TestFetcherRefresh asks the server before it has to be asked, and plays what is kept if there is nothing new.
func TestFetcherRefresh(t *testing.T) {
	samples := 100
	w := &web{answer: versioned(&samples, "max-age=3600")}
	f := newFetcher(t, w, audio.FetcherOptions{Stale: time.Hour})
	for i, want := range []struct {
		samples, asked int
		away           error
	}{{100, 1, nil}, {100, 2, nil}, {200, 3, nil}, {200, 4, errTest}} {
		samples = want.samples
		w.goAway(want.away)
		s, err := f.Refresh(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(drain(t, s)); n != samples || w.count() != want.asked {
			t.Errorf("time %d: %d samples, asked %d times", i, n, w.count())
		}
		s.Close()
		if n, err := fetch(t, f, url); err != nil || n != samples || w.count() != want.asked {
			t.Errorf("time %d, opened: %d samples, asked %d times, %v", i, n, w.count(), err)
		}
	}
}

// TestFetcherFreshness asks the server again when, and only when, it has to be asked, with the cache in memory and in a folder.
func TestFetcherFreshness(t *testing.T) {
	for _, place := range []string{"memory", "folder"} {
		for control, want := range map[string]int{ // requests for: at once, 30 s later, 90 s later, after a change
			"max-age=60":                   3,
			"Max-Age = \"60\", public":     3,
			"":                             4,
			"no-cache, max-age=60":         4,
			"no-store":                     4,
			"max-age=99999999999999999999": 1,
		} {
			t.Run(place+" "+control, func(t *testing.T) {
				dir := ""
				if place == "folder" {
					dir = filepath.Join(t.TempDir(), "cache")
				}
				synctest.Test(t, func(t *testing.T) {
					samples := 100
					w := &web{answer: versioned(&samples, control)}
					f := newFetcher(t, w, audio.FetcherOptions{Dir: dir})
					for _, after := range []time.Duration{0, 30 * time.Second, 60 * time.Second, 61 * time.Second} {
						time.Sleep(after)
						if after == 61*time.Second {
							samples = 200
						}
						n, err := fetch(t, f, url)
						if err != nil || n != samples && want != 1 {
							t.Errorf("%d samples, want %d: %v", n, samples, err)
						}
					}
					stats := f.Stats()
					if w.count() != want || stats.Hits != uint64(4-want) {
						t.Errorf("%d requests, want %d: %+v", w.count(), want, stats)
					}
					if control == "no-store" && stats.Files != 0 || control != "no-store" && stats.Files != 1 {
						t.Errorf("%+v", stats)
					}
					if control == "" && (stats.Checked != 2 || stats.Fetched != 2) {
						t.Errorf("%+v", stats)
					}
				})
			})
		}
	}
}

// TestFetcherAge counts the time that a file has spent in caches on the way, and the older way to say how long it is good.
func TestFetcherAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header := map[string]string{}
		w := &web{answer: func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			_, _ = w.Write(wavFile{samples: 9}.bytes())
		}}
		f := newFetcher(t, w, audio.FetcherOptions{})
		for i, c := range []struct {
			header map[string]string
			fresh  time.Duration
		}{
			{map[string]string{"Cache-Control": "max-age=100", "Age": "70"}, 30 * time.Second},
			{map[string]string{"Cache-Control": "max-age=100", "Age": "170"}, 0},
			{map[string]string{"Date": "Mon, 02 Jan 2006 15:04:05 GMT", "Expires": "Mon, 02 Jan 2006 15:05:05 GMT"}, time.Minute},
			{map[string]string{"Expires": "0"}, 0},
			{map[string]string{"Cache-Control": "max-age=100", "Vary": "*"}, 0},
			{map[string]string{"Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT"}, 0},
		} {
			header = c.header
			name := fmt.Sprintf("https://prompts.example/%d", i)
			for _, at := range []time.Duration{0, c.fresh - time.Second, 2 * time.Second} {
				time.Sleep(max(at, 0))
				if _, err := fetch(t, f, name); err != nil {
					t.Fatal(err)
				}
			}
			want := 2
			if c.fresh == 0 {
				want = 3
			}
			if n := w.count(); n != want {
				t.Errorf("%v: %d requests, want %d", c.header, n, want)
			}
			if since := w.requests[len(w.requests)-1].Header.Get("If-Modified-Since"); since != c.header["Last-Modified"] {
				t.Errorf("%v: asked with If-Modified-Since %q", c.header, since)
			}
			w.requests = nil
		}
	})
}

// TestFetcherStale plays what it has while the server is away, for as long as is allowed.
func TestFetcherStale(t *testing.T) {
	for _, c := range []struct {
		control string
		stale   time.Duration
		broken  func(w *web)
		want    bool
	}{
		{"max-age=10", time.Hour, func(w *web) { w.goAway(errors.New("connection refused")) }, true},
		{"max-age=10", time.Hour, func(w *web) { w.answer = status(http.StatusBadGateway) }, true},
		{"max-age=10", time.Hour, func(w *web) { w.answer = status(http.StatusNotFound) }, false},
		{"max-age=10", time.Hour, func(w *web) { w.answer = status(http.StatusForbidden) }, false},
		{"max-age=10", time.Minute, func(w *web) { w.goAway(errors.New("connection refused")) }, false},
		{"max-age=10, must-revalidate", time.Hour, func(w *web) { w.goAway(errors.New("connection refused")) }, false},
		{"max-age=10", 0, func(w *web) { w.goAway(errors.New("connection refused")) }, false},
		{"max-age=10", time.Hour, func(w *web) {
			w.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Under repair</html>") }
		}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			samples := 100
			w := &web{answer: versioned(&samples, c.control)}
			f := newFetcher(t, w, audio.FetcherOptions{Stale: c.stale})
			if _, err := fetch(t, f, url); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			c.broken(w)
			n, err := fetch(t, f, url)
			if (err == nil) != c.want || c.want && n != 100 {
				t.Errorf("%+v: %d samples, %v", c, n, err)
			}
			if err != nil {
				if e, ok := errors.AsType[*audio.FetchError](err); !ok || e.Host != "prompts.example" || strings.Contains(err.Error(), "secret") {
					t.Errorf("%v", err)
				}
			}
			if stats := f.Stats(); c.want && stats.Stale != 1 || !c.want && (stats.Stale != 0 || stats.Failed != 1) {
				t.Errorf("%+v: %+v", c, stats)
			}
		})
	}
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TestFetcherOnce has many ask for one file at once; some give up, and the rest get it.
func TestFetcherOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{answer: func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(time.Second):
				_, _ = w.Write(wavFile{samples: 50}.bytes())
			case <-r.Context().Done():
			}
		}}
		f := newFetcher(t, w, audio.FetcherOptions{CacheBytes: -1})
		var work sync.WaitGroup
		for i := range 20 {
			work.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 0 {
					time.AfterFunc(500*time.Millisecond, cancel)
				}
				s, err := f.Open(ctx, url)
				switch {
				case i%2 == 0 && !errors.Is(err, context.Canceled):
					t.Errorf("%d: %v", i, err)
				case i%2 == 1 && (err != nil || len(drain(t, s)) != 50):
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		work.Wait()
		if w.count() != 1 || f.Stats().Files != 0 {
			t.Errorf("%d requests, %+v", w.count(), f.Stats())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := f.Open(ctx, url); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 300*time.Millisecond {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if r := w.requests[1]; r.Context().Err() == nil {
			t.Error("a fetch goes on that nobody waits for")
		}
	})
}

// TestFetcherLimits ends what takes too long, is too large, goes too far, or is no sound.
func TestFetcherLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		large := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wavFile{samples: 1000}.bytes()) }
		away := func(to string) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
		}
		hops := func(n int) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Referer") != "" {
					w.WriteHeader(http.StatusTeapot)
				} else if n--; n >= 0 {
					http.Redirect(w, r, fmt.Sprintf("/%d", n), http.StatusFound)
				} else {
					_, _ = w.Write(wavFile{samples: 1}.bytes())
				}
			}
		}
		for name, c := range map[string]struct {
			url    string
			answer func(http.ResponseWriter, *http.Request)
			o      audio.FetcherOptions
			want   error
			status int
		}{
			"hangs":               {url: url, answer: hang, o: audio.FetcherOptions{Timeout: 3 * time.Second}, want: context.DeadlineExceeded},
			"too large":           {url: url, answer: large, o: audio.FetcherOptions{MaxBytes: 1000}, want: audio.ErrLimit},
			"no sound":            {url: url, answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, want: audio.ErrFormat},
			"in a circle":         {url: url, answer: away("/welcome"), want: audio.ErrLimit},
			"five redirects":      {url: url, answer: hops(5)},
			"six redirects":       {url: url, answer: hops(6), want: audio.ErrLimit},
			"no redirects":        {url: url, answer: hops(1), o: audio.FetcherOptions{Redirects: -1}, want: audio.ErrLimit},
			"to an open server":   {url: "https://prompts.example/", answer: away("http://prompts.example/x"), want: errAny},
			"to a file":           {url: url, answer: away("file:///etc/passwd"), want: errAny},
			"forbidden":           {url: url, answer: status(http.StatusForbidden), status: http.StatusForbidden},
			"not modified, since": {url: url, answer: status(http.StatusNotModified), status: http.StatusNotModified},
			"no URL":              {url: "welcome.wav", want: errAny},
			"another scheme":      {url: "file:///etc/passwd?secret", want: errAny},
			"not even that":       {url: "http://secret%zz", want: errAny},
		} {
			w := &web{answer: c.answer}
			f := newFetcher(t, w, c.o)
			_, err := f.Open(t.Context(), c.url)
			if c.want == nil && c.status == 0 {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			e, ok := errors.AsType[*audio.FetchError](err)
			if !ok || strings.Contains(err.Error(), "secret") || e.Status != c.status {
				t.Errorf("%s: %v", name, err)
			}
			if c.want != nil && !errors.Is(c.want, errAny) && !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if f.Stats().Files != 0 {
				t.Errorf("%s: it is in the cache", name)
			}
		}
	})
}

var errAny = errors.New("any error")

// TestFetcherURLs has the URLs that a Fetcher takes without AnyURL, asked for and redirected to.
func TestFetcherURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for to, ok := range map[string]bool{
			"https://prompts.example/b": true, "https://PROMPTS.example:443/b": true, "http://prompts.example/b": false,
			"https://prompts.example:8443/b": false, "https://prompts.example:22/b": false, "ftp://prompts.example/b": false,
		} {
			w := &web{strict: true, answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wavFile{samples: 1}.bytes()) }}
			if _, err := newFetcher(t, w, audio.FetcherOptions{}).Open(t.Context(), to); (err == nil) != ok {
				t.Errorf("%s: %v", to, err)
			}
			if got := w.count(); (got > 0) != ok {
				t.Errorf("%s: %d requests", to, got)
			}
		}
		for to, ok := range map[string]bool{
			"/b": true, "https://PROMPTS.example:443/b": true, "https://other.example/b": false, "https://prompts.example.evil.example/b": false,
			"https://prompts.example:8443/b": false, "http://prompts.example/b": false,
		} {
			w := &web{strict: true, answer: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/a" {
					http.Redirect(w, r, to, http.StatusFound)
					return
				}
				_, _ = w.Write(wavFile{samples: 1}.bytes())
			}}
			_, err := newFetcher(t, w, audio.FetcherOptions{}).Open(t.Context(), "https://prompts.example/a")
			if (err == nil) != ok {
				t.Errorf("redirected to %s: %v", to, err)
			}
		}
	})
}

// TestFetcherCacheIsBounded drops what has not been played for longest, and nothing that is being played goes wrong.
func TestFetcherCacheIsBounded(t *testing.T) {
	for _, place := range []string{"memory", "folder"} {
		t.Run(place, func(t *testing.T) {
			samples := 1000 // 2044 bytes
			w := &web{answer: versioned(&samples, "max-age=3600")}
			o := audio.FetcherOptions{CacheBytes: 5 * 2044}
			if place == "folder" {
				o.Dir = t.TempDir()
			}
			f := newFetcher(t, w, o)
			name := func(i int) string { return fmt.Sprintf("https://prompts.example/%d", i) }
			playing, err := f.Open(t.Context(), name(0))
			if err != nil {
				t.Fatal(err)
			}
			again, err := f.Open(t.Context(), name(0)) // from the cache
			if err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				if _, err := fetch(t, f, name(i)); err != nil {
					t.Fatal(err)
				}
				if _, err := fetch(t, f, name(1)); err != nil && i > 0 {
					t.Fatal(err)
				}
			}
			if stats := f.Stats(); stats.Files != 5 || stats.Bytes != 5*2044 || stats.Fetched != 20 || w.count() != 20 {
				t.Errorf("%+v after %d requests", stats, w.count())
			}
			for _, s := range []audio.Source{playing, again} {
				if n := len(drain(t, s)); n != 1000 {
					t.Errorf("%d samples of a file that is in the cache no more", n)
				}
				s.Close()
			}
			samples = 100_000
			if n, err := fetch(t, f, name(100)); n != 100_000 || err != nil || f.Stats().Files != 5 {
				t.Errorf("a file larger than the cache: %d samples, %v, %+v", n, err, f.Stats())
			}
		})
	}
}

// TestFetcherFolder finds again what an earlier Fetcher has left, except what was damaged meanwhile.
func TestFetcherFolder(t *testing.T) {
	dir := t.TempDir()
	samples := 300
	w := &web{answer: versioned(&samples, "max-age=3600")}
	first := newFetcher(t, w, audio.FetcherOptions{Dir: dir})
	for _, name := range []string{"a", "b", "c", "d"} {
		if _, err := fetch(t, first, "https://prompts.example/"+name+"?secret"); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for i, damage := range []func(b []byte) []byte{
		func(b []byte) []byte { return b[:500] },
		func(b []byte) []byte { return append([]byte("{"), b...) },
		func(b []byte) []byte { return append(b[:1024:1024], bytes.Repeat([]byte("x"), len(b)-1024)...) },
	} {
		b, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("secret")) || strings.Contains(files[i], "secret") {
			t.Error("the URL is in the folder")
		}
		if err := os.WriteFile(files[i], damage(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "123.part"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := newFetcher(t, w, audio.FetcherOptions{Dir: dir})
	for _, name := range []string{"a", "b", "c", "d"} {
		if n, err := fetch(t, second, "https://prompts.example/"+name+"?secret"); err != nil || n != 300 {
			t.Errorf("%s: %d samples, %v", name, n, err)
		}
	}
	if stats := second.Stats(); stats.Hits != 1 || stats.Fetched+stats.Checked != 3 || stats.Files != 4 {
		t.Errorf("%+v", stats)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if _, err := audio.NewFetcher(&audio.FetcherOptions{Dir: files[0]}); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestFetcherClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
		f := newFetcher(t, w, audio.FetcherOptions{})
		done := make(chan error)
		go func() {
			_, err := f.Open(t.Context(), url)
			done <- err
		}()
		synctest.Wait()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if _, err := f.Open(t.Context(), url); !errors.Is(err, media.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
