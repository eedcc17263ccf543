package testutil

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// InteropEnv is the environment variable that, set to 1, makes a missing program a failure. CI sets
// it after it has installed the programs, so that no interop test is skipped there unseen.
const InteropEnv = "ALEXACALL_INTEROP"

// CorporaEnv is the environment variable that names the folder of third-party test data.
const CorporaEnv = "ALEXACALL_CORPORA"

// Need skips the test unless every named program is found on the path. Where [InteropEnv] is 1 it
// fails the test instead.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return
	}
	list := strings.Join(missing, ", ")
	if os.Getenv(InteropEnv) == "1" {
		t.Fatalf("not installed: %s (%s=1 asks for every peer)", list, InteropEnv)
	}
	t.Skipf("not installed: %s", list)
}

// Corpora returns the folder of third-party test data that [CorporaEnv] names. It skips the test
// where the variable is unset, and fails it where the variable names no folder.
func Corpora(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(CorporaEnv)
	if dir == "" {
		t.Skipf("no third-party test data: %s is not set", CorporaEnv)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatalf("%s: %v", CorporaEnv, err)
	}
	if !info.IsDir() {
		t.Fatalf("%s: %s is not a folder", CorporaEnv, dir)
	}
	return dir
}
