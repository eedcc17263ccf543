//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package lwa

import "os"

// lockFile locks nothing: it is for the program to see that one process has the file.
func lockFile(*os.File) error { return nil }

// syncFolder does nothing: folders cannot be flushed here.
func syncFolder(string) error { return nil }
