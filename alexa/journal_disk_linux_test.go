package alexa_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/internal/testutil"
)

// TestInteropJournalDiskFull says what it has no room for, goes on when there is room again, and loses nothing else. One that is opened
// while there is none is as it was.
func TestInteropJournalDiskFull(t *testing.T) {
	const size = 1 << 20
	dir := testutil.OwnDisk(t, size)
	if dir == "" {
		return
	}
	path, ballast := filepath.Join(dir, "calls"), filepath.Join(dir, "ballast")
	fill := func() {
		if err := os.WriteFile(ballast, make([]byte, size), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal("filling the disk: ", err)
		}
	}
	j, err := alexa.OpenJournal(path, nil)
	must(t, err)
	must(t, j.Open(called("before")))
	noted := []string{"after", "before"}
	fill()
	for n := 0; err == nil; n++ { // in what is left of the file's last page
		id := fmt.Sprint("in ", n)
		if err = j.Open(called(id)); err == nil {
			noted = append(noted, id)
		}
	}
	if closed := j.Closed("before"); !errors.Is(err, syscall.ENOSPC) || !errors.Is(closed, syscall.ENOSPC) {
		t.Errorf("no room: %v, %v", err, closed)
	}
	must(t, os.Remove(ballast))
	must(t, j.Open(called("after")))
	must(t, j.Close())

	text, err := os.ReadFile(path)
	must(t, err)
	fill()
	if _, err := alexa.OpenJournal(path, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("opened without room: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the journal has %d bytes, %v; it had %d", len(now), err, len(text))
	}
	must(t, os.Remove(ballast))
	slices.Sort(noted)
	wantPending(t, openJournal(t, path), noted...)
}
