//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package alexa

import (
	"os"
	"syscall"
)

// lockFile locks a file for this process. The lock ends with the process, however that ends.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
