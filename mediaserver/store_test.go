package mediaserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media/audio"
)

const testDomain = "example.com"

func newFolder(t testing.TB) (f *Folder, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "prompts")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, dir
}

func putFile(t testing.TB, f *Folder, domain, name, data string) {
	t.Helper()
	if err := f.Put(t.Context(), domain, name, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

// getFile returns what is in a file, or the error.
func getFile(t testing.TB, f *Folder, domain, name string) string {
	t.Helper()
	r, err := f.Open(t.Context(), domain, name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "nothing"
		}
		return err.Error()
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// recordAs records a file as a recorder does, and returns the name that it has got.
func recordAs(t testing.TB, f *Folder, name, data string) string {
	t.Helper()
	r, err := f.Record(t.Context(), testDomain, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	before := len(getFile(t, f, testDomain, name))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(getFile(t, f, testDomain, name)) != before {
		t.Errorf("%s is there already", name)
	}
	got, err := r.Done()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Done(); err == nil {
		t.Error("done twice")
	}
	return got
}

func TestFolder(t *testing.T) {
	f, dir := newFolder(t)
	if got := getFile(t, f, testDomain, "a.wav"); got != "nothing" {
		t.Error(got)
	}
	putFile(t, f, testDomain, "a.wav", "one")
	putFile(t, f, "", "a.wav", "two")
	putFile(t, f, "EXAMPLE.com", "a.wav", "three")
	if got := getFile(t, f, testDomain, "a.wav") + getFile(t, f, "", "a.wav") + getFile(t, f, "example.org", "a.wav"); got != "threetwonothing" {
		t.Error(got)
	}
	if err := f.Remove(t.Context(), testDomain, "a.wav"); err != nil {
		t.Error(err)
	}
	if err := f.Remove(t.Context(), testDomain, "a.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errSlow)
	if _, err := f.Open(gone, "", "a.wav"); !errors.Is(err, errSlow) {
		t.Error(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		info, _ := d.Info()
		if want := fs.FileMode(0o600); info.Mode().Perm()&^want != 0 && !d.IsDir() || d.IsDir() && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFolderPut leaves what was there until the new file is whole, and nothing else.
func TestFolderPut(t *testing.T) {
	f, dir := newFolder(t)
	putFile(t, f, testDomain, "a", "old")
	broken := errors.New("broken")
	if err := f.Put(t.Context(), testDomain, "a", io.MultiReader(strings.NewReader("new"), iotestErr{broken})); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := f.Put(t.Context(), testDomain, "a", io.LimitReader(zeros{}, MaxPrompt+1)); !errors.Is(err, audio.ErrLimit) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := f.Put(ctx, testDomain, "a", readerFunc(func([]byte) (int, error) { cancel(); return 1, nil })); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := getFile(t, f, testDomain, "a"); got != "old" {
		t.Error(got)
	}
	if err := f.Put(t.Context(), testDomain, "b", io.LimitReader(zeros{}, MaxPrompt)); err != nil {
		t.Error(err)
	}
	if got := storedFiles(t, dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

// storedFiles returns what is in the folder of the domain.
func storedFiles(t testing.TB, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(dir, testDomain))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestFolderRecordings never replaces a file.
func TestFolderRecordings(t *testing.T) {
	f, dir := newFolder(t)
	putFile(t, f, testDomain, "a.wav", "prompt")
	long := strings.Repeat("x", mostName-4) + ".wav"
	for _, tt := range [][2]string{
		{"a.wav", "a-2.wav"},
		{"a.wav", "a-3.wav"},
		{"b", "b"},
		{"b", "b-2"},
		{"c.d.wav", "c.d.wav"},
		{"c.d.wav", "c.d-2.wav"},
		{long, long},
		{long, long[:mostName-6] + "-2.wav"},
		{"a-2.wav", "a-2-2.wav"},
	} {
		if got := recordAs(t, f, tt[0], "as "+tt[1]); got != tt[1] {
			t.Errorf("%s got the name %s, want %s", tt[0], got, tt[1])
		}
		if got := getFile(t, f, testDomain, tt[1]); got != "as "+tt[1] {
			t.Errorf("%s: %s", tt[1], got)
		}
	}
	if got := getFile(t, f, testDomain, "a.wav"); got != "prompt" {
		t.Error(got)
	}
	for range mostNumbers + 5 {
		if got := recordAs(t, f, "many", "x"); checkName(got) != nil {
			t.Errorf("a name %s", got)
		}
	}
	r, err := f.Record(t.Context(), testDomain, "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), r.Discard(), r.Discard()); err != nil {
		t.Error(err)
	}
	if got := storedFiles(t, dir); slices.Contains(got, "d") || strings.HasPrefix(got[0], ".") || len(got) != 10+mostNumbers+5 {
		t.Errorf("%d files: %v", len(got), got)
	}
}

// TestFaultRecordingDeleted is an operator's rm while a recording goes on.
func TestFaultRecordingDeleted(t *testing.T) {
	f, dir := newFolder(t)
	r, err := f.Record(t.Context(), testDomain, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, testDomain, storedFiles(t, dir)[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	r.Close()
	if name, err := r.Done(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q, %v", name, err)
	}
	if err := r.Discard(); err != nil {
		t.Error(err)
	}
	if got := storedFiles(t, dir); len(got) != 0 {
		t.Error(got)
	}
}

// TestFaultRecordingSalvaged has a program die while it records, and while a file is put.
func TestFaultRecordingSalvaged(t *testing.T) {
	f, dir := newFolder(t)
	putFile(t, f, testDomain, "a.wav", "prompt")
	for _, name := range []string{"a.wav", "b.wav", "empty.wav"} {
		r, err := f.Record(t.Context(), testDomain, name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "empty.wav" {
			if _, err := r.Write([]byte("recorded " + name)); err != nil {
				t.Fatal(err)
			}
		}
		defer r.Close()
	}
	at := filepath.Join(dir, testDomain)
	for _, name := range []string{putPrefix + "ABC", recordPrefix + "x", recordPrefix + "01234567-..", ".mine"} {
		if err := os.WriteFile(filepath.Join(at, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "not a domain"), 0o700), os.Symlink("/etc", filepath.Join(dir, "etc"))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	again, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := getFile(t, again, testDomain, "a.wav") + getFile(t, again, testDomain, "a-2.wav") + getFile(t, again, testDomain, "b.wav"); got != "promptrecorded a.wavrecorded b.wav" {
		t.Error(got)
	}
	if got, want := storedFiles(t, dir), []string{".mine", recordPrefix + "01234567-..", recordPrefix + "x", "a-2.wav", "a.wav", "b.wav"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// traversals are names that no store takes.
func traversals() []string {
	return []string{
		"", ".", "..", "../a", "a/b", `a\b`, `..\a`, "/etc/passwd", "a\x00b", "a%2fb", "..%2f", ".hidden", "a.", "a ", " a", "a\n", "\u00e4", "a\u202e", "a:b",
		"CON", "con.wav", "Nul", "aux.x.y", "COM1", "lpt9.ogg", "~", "a*", strings.Repeat("a", mostName+1),
	}
}

// TestFaultTraversal refuses every name that could mean something else than a file of the domain.
func TestFaultTraversal(t *testing.T) {
	f, dir := newFolder(t)
	putFile(t, f, testDomain, "a", "x")
	for _, bad := range traversals() {
		for _, in := range [][2]string{{testDomain, bad}, {bad, "a"}} {
			if in[0] == "" || len(in[0]) > mostName {
				continue // that is no domain, and this may be one
			}
			_, opens := f.Open(t.Context(), in[0], in[1])
			_, records := f.Record(t.Context(), in[0], in[1])
			for _, err := range []error{opens, records, f.Put(t.Context(), in[0], in[1], bytes.NewReader(nil)), f.Remove(t.Context(), in[0], in[1])} {
				if !errors.Is(err, ErrName) {
					t.Errorf("domain %q, name %q: %v", in[0], in[1], err)
				}
			}
		}
	}
	for _, good := range []string{"a", "A-1_2.wav", "-", "_", "console", "com10", "a..b", strings.Repeat("a", mostName)} {
		if err := checkName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if all, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

// TestFaultSymlink follows no link out of the folder of the domain, be it its own.
func TestFaultSymlink(t *testing.T) {
	f, dir := newFolder(t)
	putFile(t, f, testDomain, "a", "mine")
	putFile(t, f, "other", "secret", "theirs")
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, testDomain)
	for name, to := range map[string]string{"l1": outside, "l2": "../other/secret", "l3": "a", "l4": "."} {
		if err := os.Symlink(to, filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"l1", "l2", "l4"} {
		if r, err := f.Open(t.Context(), testDomain, name); err == nil {
			r.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if got := getFile(t, f, testDomain, "l3"); got != "mine" {
		t.Error(got)
	}
	putFile(t, f, testDomain, "l1", "new") // takes the place of the link
	if got, err := os.ReadFile(outside); err != nil || string(got) != "secret" {
		t.Errorf("%s, %v", got, err)
	}
	if got := recordAs(t, f, "l2", "x"); got != "l2-2" {
		t.Error(got)
	}
}

// FuzzName checks that what a store takes for a name is one, on every system, and stays one with a number.
func FuzzName(f *testing.F) {
	for _, name := range append(traversals(), "a.wav", "a.b.c", "x.averyveryverylongextension", "com0.") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		dir, err := domainFolder(name)
		if err == nil && dir != noDomain && (!filepath.IsLocal(dir) || strings.ContainsAny(dir, `/\:`) || strings.ToLower(dir) != dir) {
			t.Errorf("domain %q: %q", name, dir)
		}
		if checkName(name) != nil {
			return
		}
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\:\x00") || name[0] == '.' || len(name) > mostName || filepath.Base(name) != name {
			t.Errorf("%q was taken", name)
		}
		for _, with := range []string{"-2", "-99", "-abcdefghijklmnopqrstuvwxyz"} {
			got := numbered(name, with)
			if err := checkName(got); err != nil || got == name || !strings.Contains(got, with) {
				t.Errorf("%q is numbered %q: %v", name, got, err)
			}
		}
	})
}
