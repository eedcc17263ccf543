package testutil_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestInteropOwnDisk has a disk that takes so many bytes and no more.
func TestInteropOwnDisk(t *testing.T) {
	const size = 64 << 10
	dir := testutil.OwnDisk(t, size)
	if dir == "" {
		return
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil || int64(disk.Blocks)*disk.Bsize != size {
		t.Errorf("%d blocks of %d, %v", disk.Blocks, disk.Bsize, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file+"2", []byte{1}, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v for one byte more, want %v", err, syscall.ENOSPC)
	}
}
