package mediaserver

import (
	"context"
	"errors"
	"io"
)

// ErrName is in the chain of the error for a file name that no prompt store takes.
var ErrName = errors.New("no name for a prompt file")

// A PromptStore keeps the prompts and recordings of domains. Both are in one folder: what was recorded can be played. A name is 1 to 128 of
// A-Z a-z 0-9 . _ - that neither begins nor ends with a dot and, up to the first one, is no device of Windows (CON, COM1); any other is
// refused with ErrName. What is not there is an fs.ErrNotExist. Its methods are safe for concurrent use.
type PromptStore interface {
	// Open opens a file for reading.
	Open(ctx context.Context, domain, name string) (io.ReadSeekCloser, error)
	// Put adds a file or replaces it, once r has been read to its end without an error.
	Put(ctx context.Context, domain, name string, r io.Reader) error
	// Record creates a file that a recording is written to while it lasts. It is not there under its name before Done, unless the program
	// dies meanwhile. It never replaces another: the name that it has got in the end is that of Done.
	Record(ctx context.Context, domain, name string) (Recording, error)
	// Remove removes a file.
	Remove(ctx context.Context, domain, name string) error
}

// A Recording is a file of a PromptStore that is being written: an audio.RecordFile, which the recorder closes.
type Recording interface {
	io.Writer
	io.WriterAt
	io.Closer
	// Done puts the file in its place after Close, and returns the name that it has got there.
	Done() (name string, err error)
	// Discard removes it instead.
	Discard() error
}
