package alexa_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/internal/testutil"
)

const diskSize = 1 << 20

// TestInteropJournalDiskFull says what it has no room for, goes on when there is room again, and loses nothing else, wherever the last line
// that found room was cut off.
func TestInteropJournalDiskFull(t *testing.T) {
	dir := testutil.OwnDisk(t, diskSize)
	if dir == "" {
		return
	}
	whole := 0
	for pad := range len(lineIn + "99") {
		if fullJournal(t, dir, pad) {
			whole++
		}
	}
	if whole != 1 {
		t.Errorf("%d lines lacked nothing but their end, want 1", whole)
	}
}

// lineIn is the line of a call, but for a number of two digits, and its end in place of them.
const lineIn = `{"open":"in ","since":"1970-01-01T00:00:00Z"}` + "\n"

// fullJournal has the disk of dir fill up under a journal, in which pad bytes move the place at which it is full. It reports whether nothing of
// the refused line was missing but its end: then the next line gives it one, and the call is noted after all.
func fullJournal(t *testing.T, dir string, pad int) bool {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprint("calls", pad))
	open := func(j *alexa.FileJournal, id string) error {
		return j.Open(alexa.OpenCall{SessionID: id, Since: time.Unix(0, 0).UTC()})
	}
	j, err := alexa.OpenJournal(path, nil)
	must(t, err)
	before := "before" + strings.Repeat("-", pad)
	must(t, open(j, before))
	noted := []string{"after", before}
	empty := testutil.FillDisk(t, dir, diskSize)
	refused := ""
	for n := 10; err == nil; n++ { // in what is left of the file's last page
		refused = fmt.Sprint("in ", n)
		noted = append(noted, refused)
		err = open(j, refused)
	}
	if closed := j.Closed(before); !errors.Is(err, syscall.ENOSPC) || !errors.Is(closed, syscall.ENOSPC) {
		t.Errorf("no room: %v, %v", err, closed)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	whole := strings.HasSuffix(string(text), strings.TrimSpace(strings.Replace(lineIn, "in ", refused, 1)))
	if !whole {
		noted = noted[:len(noted)-1]
	}
	empty()
	must(t, open(j, "after"))
	must(t, j.Close())
	slices.Sort(noted)
	wantPending(t, openJournal(t, path), noted...)
	return whole
}

// TestInteropJournalDiskFullOpened leaves a journal as it was that is opened while there is no room.
func TestInteropJournalDiskFullOpened(t *testing.T) {
	dir := testutil.OwnDisk(t, diskSize)
	if dir == "" {
		return
	}
	path := filepath.Join(dir, "calls")
	j, err := alexa.OpenJournal(path, nil)
	must(t, err)
	must(t, j.Open(called("before")))
	must(t, j.Close())
	text, err := os.ReadFile(path)
	must(t, err)
	empty := testutil.FillDisk(t, dir, diskSize)
	if _, err := alexa.OpenJournal(path, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("opened without room: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the journal has %d bytes, %v; it had %d", len(now), err, len(text))
	}
	empty()
	wantPending(t, openJournal(t, path), "before")
}
