package testutil_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

func TestNeed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)

	t.Setenv(testutil.InteropEnv, "")
	got := new(fakeTB).run(func(tb testing.TB) { testutil.Need(tb, "there") })
	if got.skipped != "" || got.failed != "" {
		t.Errorf("an installed program: skipped %q, failed %q", got.skipped, got.failed)
	}
	got = new(fakeTB).run(func(tb testing.TB) { testutil.Need(tb, "there", "gone", "away") })
	if !strings.Contains(got.skipped, "gone, away") || strings.Contains(got.skipped, "there") {
		t.Errorf("missing programs: skipped with %q, want both names", got.skipped)
	}

	t.Setenv(testutil.InteropEnv, "1")
	got = new(fakeTB).run(func(tb testing.TB) { testutil.Need(tb, "gone") })
	if !strings.Contains(got.failed, "gone") || got.skipped != "" {
		t.Errorf("with %s=1: failed with %q, skipped with %q; want a failure", testutil.InteropEnv, got.failed, got.skipped)
	}

	t.Setenv(testutil.InteropEnv, "0")
	got = new(fakeTB).run(func(tb testing.TB) { testutil.Need(tb, "there") })
	if !strings.Contains(got.skipped, testutil.InteropEnv) {
		t.Errorf("with %s=0: skipped with %q, want the variable's name", testutil.InteropEnv, got.skipped)
	}
}

func TestCorpora(t *testing.T) {
	t.Setenv(testutil.CorporaEnv, "")
	got := new(fakeTB).run(func(tb testing.TB) { testutil.Corpora(tb) })
	if !strings.Contains(got.skipped, testutil.CorporaEnv) {
		t.Errorf("unset: skipped with %q, want the variable's name", got.skipped)
	}

	dir := t.TempDir()
	t.Setenv(testutil.CorporaEnv, dir)
	if got := testutil.Corpora(t); got != dir {
		t.Errorf("got %q, want %q", got, dir)
	}

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{file, filepath.Join(dir, "none")} {
		t.Setenv(testutil.CorporaEnv, wrong)
		if got := new(fakeTB).run(func(tb testing.TB) { testutil.Corpora(tb) }); got.failed == "" {
			t.Errorf("%s was taken for a folder", wrong)
		}
	}
}

func TestOpenFDs(t *testing.T) {
	before := testutil.OpenFDs(t)
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if got := testutil.OpenFDs(t); got != before+1 {
		t.Errorf("got %d after one was opened, want %d", got, before+1)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := testutil.OpenFDs(t); got != before {
		t.Errorf("got %d after it was closed, want %d", got, before)
	}
}
