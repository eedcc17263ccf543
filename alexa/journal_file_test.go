package alexa_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// openJournal opens a journal that is closed at the end of the test.
func openJournal(t *testing.T, path string) *alexa.FileJournal {
	t.Helper()
	j, err := alexa.OpenJournal(path, nil)
	must(t, err)
	t.Cleanup(func() { must(t, j.Close()) })
	return j
}

// called is a call of which only the id matters.
func called(id string) alexa.OpenCall { return alexa.OpenCall{SessionID: id, Since: time.Now()} }

// wantPending checks which calls are open.
func wantPending(t *testing.T, j alexa.Journal, want ...string) {
	t.Helper()
	calls, err := j.Pending()
	must(t, err)
	got := []string{}
	for _, c := range calls {
		got = append(got, c.SessionID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("open: %q, want %q", got, want)
	}
}

func TestJournalSurvives(t *testing.T) {
	for _, o := range []*alexa.JournalOptions{nil, {Sync: true}} {
		path := filepath.Join(t.TempDir(), "calls")
		j, err := alexa.OpenJournal(path, o)
		must(t, err)
		must(t, j.Open(called("a")))
		must(t, j.Open(alexa.OpenCall{SessionID: "b", Origin: alexa.Origin{Endpoint: alexa.EndpointEU, User: "u"}, Since: time.Now()}))
		must(t, j.Open(called("c \"<\u2028>\\")))
		must(t, j.Open(called("a")))
		must(t, j.Closed("a"))
		must(t, j.Closed("nobody's"))
		wantPending(t, j, "b", "c \"<\u2028>\\")
		must(t, j.Close())
		must(t, j.Close())
		if err := j.Open(called("d")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		j = openJournal(t, path)
		wantPending(t, j, "b", "c \"<\u2028>\\")
		calls, _ := j.Pending()
		if c := calls[0]; c.SessionID != "b" || c.Origin != (alexa.Origin{Endpoint: alexa.EndpointEU, User: "u"}) || c.Since.IsZero() {
			t.Errorf("the oldest call is %+v", c)
		}
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		for _, id := range []string{"", "x\n{}", strings.Repeat("x", alexa.MaxSessionID+1)} {
			if j.Open(called(id)) == nil {
				t.Errorf("the id %q was taken", id)
			}
		}
		if j.Open(alexa.OpenCall{SessionID: "e", Origin: alexa.Origin{User: strings.Repeat("x", 5000)}}) == nil {
			t.Error("a line of 5,000 bytes was taken")
		}
	}
}

// TestJournalOfOtherLives reads what a process may leave behind that died, or a person.
func TestJournalOfOtherLives(t *testing.T) {
	line := func(id string) string { return `{"open":"` + id + `"}` + "\n" }
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"empty":              {"", nil},
		"cut off":            {line("a") + `{"open":"b`, []string{"a"}},
		"cut off at the end": {line("a") + `{"open":"b"}`, []string{"a"}},
		"closed, cut off":    {line("a") + `{"closed":"a"`, []string{"a"}},
		"cut off, gone on":   {line("a") + `{"ope` + "\n" + line("b"), []string{"a", "b"}},
		"not ours":           {"\n\x00\xff\n[]\n{}\nnull\n" + line("a") + `{"open":7}` + "\n" + line("b"), []string{"a", "b"}},
		"a long line":        {line("a") + line(strings.Repeat("x", 100_000)) + line("b"), []string{"a", "b"}},
		"a bad id":           {line(`x\n`) + line("a"), []string{"a"}},
		"closed twice":       {line("a") + line("b") + `{"closed":"b"}` + "\n" + `{"closed":"b"}` + "\n", []string{"a"}},
		"opened twice":       {line("a") + line("a") + `{"closed":"a"}` + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "calls")
			must(t, os.WriteFile(path, []byte(tt.text), 0o644))
			j := openJournal(t, path)
			wantPending(t, j, tt.want...)
			must(t, j.Open(called("z")))
			must(t, j.Close())
			wantPending(t, openJournal(t, path), append(tt.want, "z")...)
			info, err := os.Stat(path)
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v", info.Mode())
			}
		})
	}
}

// TestJournalIsBounded makes many calls, many at a time.
func TestJournalIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls")
	j := openJournal(t, path)
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for n := range 1000 {
				id := fmt.Sprint("call ", w, " ", n)
				if err := errors.Join(j.Open(called(id)), j.Closed(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	text, err := os.ReadFile(path)
	must(t, err)
	if n := strings.Count(string(text), "\n"); n > 1010 {
		t.Errorf("%d lines for no call", n)
	}
	wantPending(t, j)
	for n := range 10_000 {
		must(t, j.Open(called(fmt.Sprint(n))))
	}
	if err := j.Open(called("one more")); !errors.Is(err, alexa.ErrJournalFull) {
		t.Errorf("10,001 calls: %v", err)
	}
	must(t, j.Open(called("7"))) // is there
	must(t, j.Closed("7"))
	must(t, j.Open(called("one more")))
	if calls, _ := j.Pending(); len(calls) != 10_000 {
		t.Errorf("%d calls are open", len(calls))
	}
}

// TestJournalFails cannot be opened, or not be written anew.
func TestJournalFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "calls")
	j := openJournal(t, path)
	if _, err := alexa.OpenJournal(path, nil); !errors.Is(err, alexa.ErrJournalBusy) {
		t.Errorf("by two at a time: %v", err)
	}
	must(t, j.Open(called("a")))
	if _, err := alexa.OpenJournal(filepath.Join(dir, "none", "calls"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("where there is no folder: %v", err)
	}
	if _, err := alexa.OpenJournal(dir, nil); err == nil {
		t.Error("a folder was opened")
	}
	must(t, os.Mkdir(path+".new", 0o700)) // in the way of the new file
	failed := 0
	for n := range 3000 {
		id := fmt.Sprint(n)
		if err := errors.Join(j.Open(called(id)), j.Closed(id)); err != nil {
			failed++
		}
	}
	if failed == 0 || failed > 10 {
		t.Errorf("%d calls were told that the file is not written anew, want few", failed)
	}
	must(t, os.RemoveAll(path+".new"))
	wantPending(t, j, "a")
	must(t, j.Close())
	wantPending(t, openJournal(t, path), "a")
}
