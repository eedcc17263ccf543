package mediaserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/alexacall/alexacall/media/audio"
)

// MaxPrompt is how many bytes a file has at most that is put into a Folder.
const MaxPrompt = 20 << 20

// A Folder is a PromptStore in a folder of the file system, with a folder in it for each domain, by its name in lower case; "_" is that of
// no domain. Nobody else may read them. Nothing outside is ever touched, whatever a name says and wherever a symbolic link leads. What is
// written has names that begin with a dot until it is whole. A folder belongs to one Folder of one program at a time.
type Folder struct {
	root *os.Root

	placing sync.Mutex // held while a file gets its name
}

// Beginnings of the names of what is being written; each is followed by something random.
const (
	putPrefix    = ".put-"
	recordPrefix = ".rec-"
	saltSize     = 8
)

// OpenFolder opens a folder, which it makes if there is none. Recordings that a program was writing when it died are put in their place: they
// can be played up to there. Close it.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, storeError("open", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, storeError("open", err)
	}
	f := &Folder{root: root}
	if err := f.salvage(); err != nil {
		_ = root.Close()
		return nil, storeError("salvage", err)
	}
	return f, nil
}

// Close closes the folder. What is open stays so; a recording that has not been done by then is put in its place by the next OpenFolder.
func (f *Folder) Close() error { return f.root.Close() }

func storeError(what string, err error) error {
	return fmt.Errorf("mediaserver: prompt store: %s: %w", what, err)
}

// domain opens the folder of a domain.
func (f *Folder) domain(ctx context.Context, domain, name string, create bool) (*os.Root, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	dir, err := domainFolder(domain)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if create {
		if err := f.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return f.root.OpenRoot(dir)
}

// Open opens a file for reading.
func (f *Folder) Open(ctx context.Context, domain, name string) (io.ReadSeekCloser, error) {
	root, err := f.domain(ctx, domain, name, false)
	if err != nil {
		return nil, storeError("open", err)
	}
	defer func() { _ = root.Close() }()
	if err := isFile(root, name); err != nil {
		return nil, storeError("open", err)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, storeError("open", err)
	}
	return file, nil
}

// isFile returns an error if a name is not that of a file. Opening a pipe could take for ever.
func isFile(root *os.Root, name string) error {
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: name, Err: errors.New("not a file")}
	}
	return err
}

// Put adds a file or replaces it, once r has been read to its end. What is larger than MaxPrompt is an audio.ErrLimit.
func (f *Folder) Put(ctx context.Context, domain, name string, r io.Reader) error {
	root, err := f.domain(ctx, domain, name, true)
	if err != nil {
		return storeError("put", err)
	}
	defer func() { _ = root.Close() }()
	temp := putPrefix + rand.Text()
	err = writePrompt(ctx, root, temp, r)
	if err == nil {
		f.placing.Lock()
		defer f.placing.Unlock()
		if err = root.Rename(temp, name); err == nil {
			return nil
		}
	}
	_ = root.Remove(temp)
	return storeError("put", err)
}

func writePrompt(ctx context.Context, root *os.Root, name string, r io.Reader) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(&untilEnd{ctx, r}, MaxPrompt+1))
	if n > MaxPrompt {
		err = fmt.Errorf("%w: more than %d bytes", audio.ErrLimit, MaxPrompt)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// untilEnd reads until a context ends.
type untilEnd struct {
	ctx  context.Context
	from io.Reader
}

func (r *untilEnd) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(b)
}

// Record creates a file that a recording is written to.
func (f *Folder) Record(ctx context.Context, domain, name string) (Recording, error) {
	root, err := f.domain(ctx, domain, name, true)
	if err != nil {
		return nil, storeError("record", err)
	}
	defer func() { _ = root.Close() }()
	r := &folderRecording{of: f, dir: filepath.Base(root.Name()), temp: recordPrefix + strings.ToLower(rand.Text()[:saltSize]) + "-" + name, name: name}
	if r.File, err = root.OpenFile(r.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, storeError("record", err)
	}
	return r, nil
}

// Remove removes a file.
func (f *Folder) Remove(ctx context.Context, domain, name string) error {
	root, err := f.domain(ctx, domain, name, false)
	if err != nil {
		return storeError("remove", err)
	}
	defer func() { _ = root.Close() }()
	if err = isFile(root, name); err == nil {
		err = root.Remove(name)
	}
	if err != nil {
		return storeError("remove", err)
	}
	return nil
}
