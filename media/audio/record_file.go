package audio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
)

// A RecordFile is what a Recorder writes to: an *os.File, or whatever does as one. It is written from its beginning, by one goroutine, in
// pieces of about 250 ms; WriteAt changes the sizes in the head of a WAV file. Where it has a method Sync() error, that is called before
// Close; where it has Truncate(int64) error, half of what could not be written whole is cut off with it.
type RecordFile interface {
	io.Writer
	io.WriterAt
	io.Closer
}

// CreateRecordFile creates a file in the folder dir that nobody else may read or write. A name that leads out of dir is refused, and one
// that is there already is an fs.ErrExist: a recording is never written over.
func CreateRecordFile(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audio: create recording: %w", err)
	}
	defer func() { _ = root.Close() }() // the file stays open
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audio: create recording: %w", err)
	}
	return f, nil
}

// diskFull is ERROR_DISK_FULL of Windows.
const diskFull = 112

// noSpace reports whether err says that the disk, or what its owner may have of it, is full.
func noSpace(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	return runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(diskFull))
}

// recordOut is a file as far as it is written, and what goes into it next. Nothing is written after an error.
type recordOut struct {
	file  RecordFile
	limit int64  // of size
	size  int64  // of the file, without next
	next  []byte // not yet in the file
	err   error  // the first
}

// pieceBytes is how much is written at a time at most, so that a long silence takes no memory.
const pieceBytes = 64 << 10

// room returns how many bytes may still be put in.
func (o *recordOut) room() int64 { return o.limit - o.size - int64(len(o.next)) }

// flush writes what is next.
func (o *recordOut) flush() {
	if o.err != nil || len(o.next) == 0 {
		return
	}
	n, err := o.file.Write(o.next)
	if err == nil && n < len(o.next) {
		err = io.ErrShortWrite
	}
	o.size += int64(max(n, 0))
	o.next = o.next[:0]
	o.err = err
}

// patch changes what has been written. It is tried after an error too: what is there already takes no space.
func (o *recordOut) patch(b []byte, at int64) {
	if _, err := o.file.WriteAt(b, at); err != nil && o.err == nil {
		o.err = err
	}
}

// cut makes the file end at size, if it can.
func (o *recordOut) cut(size int64) {
	if f, ok := o.file.(interface{ Truncate(int64) error }); ok && size < o.size && f.Truncate(size) == nil {
		o.size = size
	}
}

// close puts all on the disk.
func (o *recordOut) close() {
	var err error
	if f, ok := o.file.(interface{ Sync() error }); ok {
		err = f.Sync()
	}
	if err = errors.Join(err, o.file.Close()); o.err == nil {
		o.err = err
	}
}
