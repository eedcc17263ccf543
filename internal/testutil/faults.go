package testutil

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CheckFaults holds a table of faults against the tests that there are: each row is a fault and the names of the tests that cover it, apart
// by spaces, at least one. The tests are looked for in folders, relative to the package's own, which is one of them always.
func CheckFaults(t testing.TB, table [][2]string, folders ...string) {
	t.Helper()
	there := map[string]bool{}
	for _, folder := range append([]string{"."}, folders...) {
		names, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no tests in %q: %v", folder, err)
		}
		for _, name := range names {
			addTests(t, there, name)
		}
	}
	for _, row := range table {
		fault, tests := row[0], strings.Fields(row[1])
		if len(tests) == 0 {
			t.Errorf("%s: no test", fault)
		}
		for _, name := range tests {
			if !there[name] {
				t.Errorf("%s: no %s", fault, name)
			}
		}
	}
}

// addTests adds the tests of a file.
func addTests(t testing.TB, there map[string]bool, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f, ok := strings.CutPrefix(line, "func Test"); ok {
			f, _, _ = strings.Cut(f, "(")
			there["Test"+f] = true
		}
	}
}
