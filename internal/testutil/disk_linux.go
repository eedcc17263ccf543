package testutil

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// OwnDisk runs the test with a disk of its own, a tmpfs of so many bytes, for what happens when it is full: a process of its own runs it anew,
// in which OwnDisk returns the disk's folder, which goes with the test. In the first process it returns "" once that has ended, and the test
// has failed if it has there. Where this process may not mount one, that is as for [Need].
func OwnDisk(t *testing.T, size int64) string {
	t.Helper()
	if !own(t, syscall.CLONE_NEWNS, "a disk") {
		return ""
	}
	dir := t.TempDir()
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") // nobody else sees what is mounted
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d", size))
	}
	switch {
	case denied(err):
		lacking(t, "this process may not mount a disk of its own")
	case err != nil:
		t.Fatal("mounting a disk: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error("unmounting the disk: ", err)
		}
	})
	return dir
}

// FillDisk takes what room there is in the folder of a disk of so many bytes, until empty is called.
func FillDisk(t *testing.T, dir string, size int64) (empty func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, size), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal("filling the disk: ", err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}
}
