package lwa_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/internal/testutil"
)

// TestInteropFileStoreDiskFull keeps what is there whole while there is no room for what is new, and leaves nothing else behind.
func TestInteropFileStoreDiskFull(t *testing.T) {
	const size = 1 << 20
	dir := testutil.OwnDisk(t, size)
	if dir == "" {
		return
	}
	path := filepath.Join(dir, "grants", "lwa.json")
	s, err := lwa.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, "a", kept)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	empty := testutil.FillDisk(t, dir, size)
	for _, token := range []string{"Atzr|2", "Atzr|" + strings.Repeat("3", 2000)} {
		err := s.Save(t.Context(), "a", lwa.Grant{RefreshToken: token})
		if e, ok := errors.AsType[*lwa.StoreError](err); !ok || e.Fault != lwa.StoreFailed || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("no room: %v", err)
		}
	}
	again, err := lwa.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	wantGrant(t, again, "a", kept)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file has %d bytes, %v; it had %d", len(after), err, len(before))
	}
	empty()
	save(t, s, "a", "Atzr|4")
	wantGrant(t, again, "a", "Atzr|4")
	if names, _ := filepath.Glob(filepath.Join(dir, "grants", ".*")); len(names) != 0 {
		t.Errorf("%q is left", names)
	}
}
