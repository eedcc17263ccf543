package testutil

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// InteropEnv is the environment variable that, set to 1, makes a missing program a failure. CI sets
// it after it has installed the programs, so that no interop test is skipped there unseen. Set to 0,
// every program counts as missing.
const InteropEnv = "ALEXACALL_INTEROP"

// CorporaEnv is the environment variable that names the folder of third-party test data.
const CorporaEnv = "ALEXACALL_CORPORA"

// Need skips the test unless every named program is found on the path. Where [InteropEnv] is 1 it
// fails the test instead.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	skipUnwanted(t)
	var none []string
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			none = append(none, name)
		}
	}
	if len(none) > 0 {
		missing(t, strings.Join(none, ", "))
	}
}

// skipUnwanted skips a test of peers that nobody asks for.
func skipUnwanted(t testing.TB) {
	t.Helper()
	if os.Getenv(InteropEnv) == "0" {
		t.Skipf("peers are not asked for: %s=0", InteropEnv)
	}
}

func missing(t testing.TB, list string) {
	t.Helper()
	lacking(t, "not installed: "+list)
}

// lacking is for a test that lacks something on this machine.
func lacking(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(InteropEnv) == "1" {
		t.Fatalf("%s (%s=1 asks for every peer)", what, InteropEnv)
	}
	t.Skipf("%s", what)
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

// Python is Debian's interpreter: the first on the path may be another one, which has none of Debian's modules.
const Python = "/usr/bin/python3"

// NeedGStreamer is Need for elements of GStreamer, from Python.
func NeedGStreamer(t testing.TB, elements ...string) {
	t.Helper()
	skipUnwanted(t)
	const find = `
import gi, sys
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
print(", ".join(name for name in sys.argv[1:] if not Gst.ElementFactory.find(name)))`
	none, err := exec.CommandContext(t.Context(), Python, append([]string{"-c", find}, elements...)...).Output()
	if list := strings.TrimSpace(string(none)); err != nil || list != "" {
		missing(t, "GStreamer "+list)
	}
}

// NeedPython is Need for modules of [Python].
func NeedPython(t testing.TB, modules ...string) {
	t.Helper()
	skipUnwanted(t)
	for _, name := range modules {
		if err := exec.CommandContext(t.Context(), Python, "-c", "import "+name).Run(); err != nil {
			missing(t, "Python with "+name)
		}
	}
}
