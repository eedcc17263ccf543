//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lwa

import (
	"os"
	"syscall"
)

// lockFile locks a file for this process, or fails at once. Closing the file ends the lock.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// syncFolder has a rename in a folder survive the loss of power.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
