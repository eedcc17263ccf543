package lwa_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

const kept = "Atzr|kept-refresh-token"

// newStore returns a store in a folder of its own, which it has made.
func newStore(t *testing.T) (*lwa.FileStore, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grants", "lwa.json")
	s, err := lwa.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func save(t *testing.T, s lwa.Store, account, token string) {
	t.Helper()
	if err := s.Save(t.Context(), account, lwa.Grant{RefreshToken: token, Seed: "5eed"}); err != nil {
		t.Fatal(err)
	}
}

func wantGrant(t *testing.T, s lwa.Store, account, token string) {
	t.Helper()
	g, err := s.Load(t.Context(), account)
	if token == "" && !errors.Is(err, lwa.ErrNoGrant) || token != "" && (err != nil || g.RefreshToken != token || g.Seed != "5eed") {
		t.Errorf("%s: got %v (%q), %v; want %q", account, g, g.RefreshToken, err, token)
	}
}

func TestFileStore(t *testing.T) {
	s, path := newStore(t)
	wantGrant(t, s, "a", "")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a store that was only opened has a file: %v", err)
	}
	save(t, s, "a", kept)
	save(t, s, "amzn1.ask.account.Ä \u2028\"", "Atzr|2")
	save(t, s, "a", "Atzr|3")
	again, err := lwa.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	wantGrant(t, again, "a", "Atzr|3")
	wantGrant(t, again, "amzn1.ask.account.Ä \u2028\"", "Atzr|2")
	for range 2 {
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	}
	wantGrant(t, again, "a", "")
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700 | fs.ModeDir} {
			if info, err := os.Lstat(name); err != nil || info.Mode() != want {
				t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, want)
			}
		}
	}
	wantFiles(t, path, "lwa.json", "lwa.json.lock")
}

// wantFiles looks for files that were left behind.
func wantFiles(t *testing.T, path string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}
}

// TestFileStoreIsNotWrittenOver leaves alone what it does not understand.
func TestFileStoreIsNotWrittenOver(t *testing.T) {
	good := `{"version":1,"grants":{"a":{"refresh_token":"` + kept + `"}}}`
	for _, tt := range []struct {
		name, text string
		want       lwa.StoreFault
	}{
		{"empty", "", lwa.StoreCorrupt},
		{"cut off", good[:len(good)-3], lwa.StoreCorrupt},
		{"zeros", strings.Repeat("\x00", 512), lwa.StoreCorrupt},
		{"something behind it", good + good, lwa.StoreCorrupt},
		{"another file", `{"grants":{}}`, lwa.StoreCorrupt},
		{"a list", `[]`, lwa.StoreCorrupt},
		{"an unknown property", `{"version":1,"grants":{},"extra":1}`, lwa.StoreCorrupt},
		{"a token with a line break", strings.Replace(good, "kept", `\r\n`, 1), lwa.StoreCorrupt},
		{"no token", `{"version":1,"grants":{"a":{}}}`, lwa.StoreCorrupt},
		{"a token that is none", `{"version":1,"grants":{"a":{"refresh_token":7}}}`, lwa.StoreCorrupt},
		{"a long token", strings.Replace(good, "kept", strings.Repeat("k", 4096), 1), lwa.StoreCorrupt},
		{"an account without a name", strings.Replace(good, `"a"`, `""`, 1), lwa.StoreCorrupt},
		{"large", good + strings.Repeat(" ", 16<<20), lwa.StoreCorrupt},
		{"of tomorrow", `{"version":2,"grants":[]}`, lwa.StoreNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, path := newStore(t)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, opened := lwa.OpenFileStore(path)
			_, loaded := s.Load(t.Context(), "a")
			for what, err := range map[string]error{
				"open": opened, "load": loaded, "save": s.Save(t.Context(), "a", lwa.Grant{RefreshToken: "Atzr|new"}), "delete": s.Delete(t.Context(), "a"),
			} {
				e, ok := errors.AsType[*lwa.StoreError](err)
				if !ok || e.Fault != tt.want || e.Retryable() || !errors.Is(err, &lwa.StoreError{Fault: tt.want}) || e.Path != path {
					t.Errorf("%s: got %v", what, err)
				}
				if strings.Contains(fmt.Sprint(err), kept) {
					t.Errorf("%s: a token is in %v", what, err)
				}
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != tt.text {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
}

// TestFileStoreOpenToOthers refuses a file that others may read, or put another in place of.
func TestFileStoreOpenToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	for name, spoil := range map[string]func(path string) error{
		"readable file":    func(path string) error { return os.Chmod(path, 0o640) },
		"writable folder":  func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"sticky folder":    func(path string) error { return os.Chmod(filepath.Dir(path), 0o777|fs.ModeSticky) },
		"a link":           func(path string) error { return errors.Join(os.Rename(path, path+".x"), os.Symlink(path+".x", path)) },
		"a folder":         func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"folder of groups": func(path string) error { return os.Chmod(filepath.Dir(path), 0o770) },
	} {
		s, path := newStore(t)
		save(t, s, "a", kept)
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		_, opened := lwa.OpenFileStore(path)
		for what, err := range map[string]error{"open": opened, "save": s.Save(t.Context(), "a", lwa.Grant{RefreshToken: "Atzr|new"})} {
			if !errors.Is(err, &lwa.StoreError{Fault: lwa.StoreExposed}) {
				t.Errorf("%s, %s: got %v", name, what, err)
			}
		}
	}
}

func TestFileStoreRefuses(t *testing.T) {
	s, path := newStore(t)
	for _, account := range []string{"", strings.Repeat("a", 513), "a\x00b", "a\nb", "\xff"} {
		if err := s.Save(t.Context(), account, lwa.Grant{RefreshToken: kept}); !errors.Is(err, &lwa.StoreError{Fault: lwa.StoreBadName}) {
			t.Errorf("account %q: got %v", account, err)
		}
		wantGrant(t, s, account, "")
	}
	for _, token := range []string{"", strings.Repeat("a", 4097), "Atzr|a b", "Atzr|\r\n", "Atzr|ü"} {
		err := s.Save(t.Context(), "a", lwa.Grant{RefreshToken: token})
		if !errors.Is(err, &lwa.StoreError{Fault: lwa.StoreBadToken}) || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("token %q: got %v", token, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
	if _, err := lwa.OpenFileStore(filepath.Join(t.TempDir(), "no", "such", "folder")); !errors.Is(err, &lwa.StoreError{Fault: lwa.StoreFailed}) {
		t.Errorf("got %v", err)
	}
	for f := range lwa.StoreBadToken + 2 {
		if named := f >= lwa.StoreFailed && f <= lwa.StoreBadToken; named == strings.HasPrefix(f.String(), "fault ") {
			t.Errorf("fault %d is %q", f, f)
		}
	}
}

// TestFileStoreIsFull takes 10,000 accounts, and no more.
func TestFileStoreIsFull(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"version":1,"grants":{`)
	for i := range 10_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"account %d":{"refresh_token":"%s"}`, i, kept)
	}
	b.WriteString(`}}`)
	s, path := newStore(t)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), "one more", lwa.Grant{RefreshToken: kept}); !errors.Is(err, &lwa.StoreError{Fault: lwa.StoreFull}) {
		t.Errorf("got %v", err)
	}
	save(t, s, "account 0", "Atzr|new")
	wantGrant(t, s, "account 0", "Atzr|new")
	if err := s.Delete(t.Context(), "account 1"); err != nil {
		t.Error(err)
	}
	save(t, s, "one more", kept)
}

// TestFileStoreShared has several stores, as those of several processes, write to one file at once: nothing gets lost, and whoever reads
// meanwhile finds a whole file.
func TestFileStoreShared(t *testing.T) {
	_, path := newStore(t)
	var wg sync.WaitGroup
	for p := range 4 {
		s, err := lwa.OpenFileStore(path)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for i := range 5 {
				saveInTime(t, s, fmt.Sprintf("account %d of %d", i, p))
				if _, err := s.Load(context.Background(), "nobody"); !errors.Is(err, lwa.ErrNoGrant) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if runtime.GOOS == "windows" {
		return // there is no lock between them
	}
	s, err := lwa.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	for p := range 4 {
		for i := range 5 {
			wantGrant(t, s, fmt.Sprintf("account %d of %d", i, p), kept)
		}
	}
	wantFiles(t, path, "lwa.json", "lwa.json.lock")
}

// saveInTime saves a grant. The store waits two seconds for the others, which may not do on a busy machine.
func saveInTime(t *testing.T, s *lwa.FileStore, account string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := s.Save(ctx, account, lwa.Grant{RefreshToken: kept, Seed: "5eed"})
	for e, ok := errors.AsType[*lwa.StoreError](err); ok && e.Retryable() && ctx.Err() == nil; e, ok = errors.AsType[*lwa.StoreError](err) {
		err = s.Save(ctx, account, lwa.Grant{RefreshToken: kept, Seed: "5eed"})
	}
	if err != nil {
		t.Error(err)
	}
}

// TestFileStoreStrays removes what a process has left that died while it wrote, and not what another is writing now.
func TestFileStoreStrays(t *testing.T) {
	_, path := newStore(t)
	old, fresh := filepath.Join(filepath.Dir(path), ".lwa.json.1.new"), filepath.Join(filepath.Dir(path), ".lwa.json.2.new")
	for _, name := range []string{old, fresh} {
		if err := os.WriteFile(name, []byte(kept), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := lwa.OpenFileStore(path); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, path, ".lwa.json.2.new")
}

// TestFileStoreDiskFails leaves the old file when a new one cannot be put in its place.
func TestFileStoreDiskFails(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		// Whoever may write everywhere cannot be kept out by a mode: a folder in place of the lock does it instead.
		s, path := newStore(t)
		if err := os.Mkdir(path+".lock", 0o700); err != nil {
			t.Fatal(err)
		}
		err := s.Save(t.Context(), "a", lwa.Grant{RefreshToken: kept})
		if e, ok := errors.AsType[*lwa.StoreError](err); !ok || e.Fault != lwa.StoreFailed || !e.Retryable() {
			t.Errorf("got %v", err)
		}
		return
	}
	s, path := newStore(t)
	save(t, s, "a", kept)
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	err := s.Save(t.Context(), "a", lwa.Grant{RefreshToken: "Atzr|new"})
	if e, ok := errors.AsType[*lwa.StoreError](err); !ok || e.Fault != lwa.StoreFailed || !e.Retryable() {
		t.Errorf("got %v", err)
	}
	wantGrant(t, s, "a", kept)
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, path, "lwa.json", "lwa.json.lock")
}

func TestGrantsHideTokens(t *testing.T) {
	g := lwa.Grant{RefreshToken: kept, Seed: "5eed"}
	c := lwa.Code{Code: "the-code", RedirectURI: "https://example.com/", Verifier: "the-verifier"}
	text := fmt.Sprintf("%v %+v %#v %v %+v %#v", g, g, g, c, c, c)
	var log capture
	log.logger().Info("x", "grant", g, "code", c)
	text += log.String()
	for _, secret := range []string{kept, "the-code", "the-verifier"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
}
