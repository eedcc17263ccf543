package lwa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

const (
	maxStoreFile = 16 << 20              // bytes
	maxAccounts  = 10_000                // in one file
	lockPause    = 20 * time.Millisecond // before another process's lock is looked at again
	lockTimeout  = 2 * time.Second       // for a lock, where the context does not end before
	tempSuffix   = ".new"                // of a file that is being written
	strayAfter   = 10 * time.Minute      // a file of that name belongs to a process that died
	fileMode     = fs.FileMode(0o600)    // of the store
	badFileModes = fs.FileMode(0o077)    // bits that let others at the tokens
	badDirModes  = fs.FileMode(0o022)    // bits that let others put another file in its place
)

// A StoreFault says what is wrong with a FileStore.
type StoreFault uint8

// The faults of a FileStore.
const (
	StoreFailed   StoreFault = iota + 1 // the file system reports an error, such as a full disk
	StoreCorrupt                        // the file is not what a FileStore writes; it is left as it is
	StoreNewer                          // a newer version of this package has written it; it is left as it is
	StoreExposed                        // others may read the file, or put another in its place
	StoreFull                           // it has 10,000 accounts, or 16 MB
	StoreBadName                        // an account's name is empty, or has more than 512 bytes or a control character
	StoreBadToken                       // a refresh token is none
)

// String returns the fault in words.
func (f StoreFault) String() string {
	switch f {
	case StoreFailed:
		return "failed"
	case StoreCorrupt:
		return "corrupt"
	case StoreNewer:
		return "of a newer version"
	case StoreExposed:
		return "open to others"
	case StoreFull:
		return "full"
	case StoreBadName:
		return "cannot name an account so"
	case StoreBadToken:
		return "cannot keep such a token"
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// A StoreError says why a FileStore cannot be used. It holds no token.
type StoreError struct {
	Fault StoreFault
	Path  string
	Err   error // what exactly was found
}

// Error returns the facts in one line.
func (e *StoreError) Error() string {
	return "lwa: store of grants " + e.Path + ": " + e.Fault.String() + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *StoreError) Unwrap() error { return e.Err }

// Is reports whether target is a *StoreError with the same Fault, as in errors.Is(err, &lwa.StoreError{Fault: lwa.StoreCorrupt}).
func (e *StoreError) Is(target error) bool {
	t, ok := target.(*StoreError)
	return ok && t.Fault == e.Fault
}

// Retryable reports whether the same may succeed later without a person's help: after an error of the file system.
func (e *StoreError) Retryable() bool { return e.Fault == StoreFailed }

// A FileStore is a Store in one file, of mode 0600. Every change writes the whole file anew beside the old one, flushes it to the disk
// and puts it in place by a rename, so that a crash leaves either the old grants or the new. What the file holds is looked at before
// every change: one that is corrupt, or of a newer version, is never written over. It is safe for concurrent use.
//
// The folder, which is made with mode 0700 if only it is missing, must be writable by nobody but its owner (a sticky bit, as /tmp has
// it, does not do); the file must be an ordinary one that nobody else can read. On Windows, where modes say nothing, this is the
// administrator's to see to.
//
// Two processes may have the same file: a change is made under a lock on path+".lock" where the system has such locks, so none gets
// lost. But an account should be refreshed by one process only. A Source whose refresh token is refused looks whether another process
// has saved a newer one; between the two there may be a second without a token.
type FileStore struct {
	path string
	mu   sync.Mutex // one change at a time in this process
}

var _ Store = (*FileStore)(nil)

// OpenFileStore returns the store in a file, which need not exist yet. It checks folder and file, so that what is wrong with them shows
// at start. The error is a *StoreError.
func OpenFileStore(path string) (*FileStore, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &StoreError{StoreFailed, path, err}
	}
	s := &FileStore{path: abs}
	if err := os.Mkdir(filepath.Dir(abs), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, s.fault(StoreFailed, err)
	}
	if err := s.checkFolder(); err != nil {
		return nil, err
	}
	if _, err := s.read(); err != nil {
		return nil, err
	}
	s.removeStrays()
	return s, nil
}

// Load implements Store. The error is ErrNoGrant, a *StoreError, or ctx's.
func (s *FileStore) Load(ctx context.Context, account string) (Grant, error) {
	if err := ctx.Err(); err != nil {
		return Grant{}, context.Cause(ctx)
	}
	grants, err := s.read()
	if err != nil {
		return Grant{}, err
	}
	g, ok := grants[account]
	if !ok {
		return Grant{}, ErrNoGrant
	}
	return g, nil
}

// Save implements Store. The error is a *StoreError, or ctx's.
func (s *FileStore) Save(ctx context.Context, account string, g Grant) error {
	if err := checkAccount(account); err != nil {
		return s.fault(StoreBadName, err)
	}
	if err := checkToken("refresh token", g.RefreshToken); err != nil {
		return s.fault(StoreBadToken, err)
	}
	return s.change(ctx, func(grants map[string]Grant) bool {
		had := grants[account]
		grants[account] = g
		return had != g
	})
}

// Delete implements Store. The error is a *StoreError, or ctx's.
func (s *FileStore) Delete(ctx context.Context, account string) error {
	return s.change(ctx, func(grants map[string]Grant) bool {
		_, had := grants[account]
		delete(grants, account)
		return had
	})
}

// change reads the file, lets f change what is in it, and writes it if f reports a change.
func (s *FileStore) change(ctx context.Context, f func(map[string]Grant) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	grants, err := s.read()
	if err != nil {
		return err
	}
	if !f(grants) {
		return nil
	}
	if len(grants) > maxAccounts {
		return s.fault(StoreFull, fmt.Errorf("%d accounts", len(grants)))
	}
	return s.write(grants)
}

// lock keeps other processes from changing the file.
func (s *FileStore) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	f, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, s.fault(StoreFailed, err)
	}
	pause := time.NewTicker(lockPause)
	defer pause.Stop()
	for {
		err := lockFile(f)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, s.fault(StoreFailed, fmt.Errorf("another process has the lock: %w", err))
		}
	}
}

// read returns what is in the file; an empty map if there is none.
func (s *FileStore) read() (map[string]Grant, error) {
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Grant{}, nil
	}
	switch {
	case err != nil:
		return nil, s.fault(StoreFailed, err)
	case !info.Mode().IsRegular():
		return nil, s.fault(StoreExposed, fmt.Errorf("it is no ordinary file but %v", info.Mode()))
	case runtime.GOOS != "windows" && info.Mode()&badFileModes != 0:
		return nil, s.fault(StoreExposed, fmt.Errorf("its mode is %v, want %v", info.Mode(), fileMode))
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, s.fault(StoreFailed, err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxStoreFile+1))
	if err != nil {
		return nil, s.fault(StoreFailed, err)
	}
	grants, fault, err := parseStore(data)
	if err != nil {
		return nil, s.fault(fault, err)
	}
	return grants, nil
}

// write puts a new file in place of the old one.
func (s *FileStore) write(grants map[string]Grant) error {
	data, err := formatStore(grants)
	if err != nil {
		return s.fault(StoreFailed, err)
	}
	if len(data) > maxStoreFile {
		return s.fault(StoreFull, fmt.Errorf("%d bytes", len(data)))
	}
	if err := s.checkFolder(); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".*"+tempSuffix) // of mode 0600
	if err != nil {
		return s.fault(StoreFailed, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return s.fault(StoreFailed, err)
	}
	if err := syncFolder(filepath.Dir(s.path)); err != nil {
		return s.fault(StoreFailed, err)
	}
	return nil
}

// checkFolder sees to it that nobody else can put a file in place of ours.
func (s *FileStore) checkFolder() error {
	info, err := os.Stat(filepath.Dir(s.path))
	switch {
	case err != nil:
		return s.fault(StoreFailed, err)
	case !info.IsDir():
		return s.fault(StoreFailed, errors.New("its folder is no folder"))
	case runtime.GOOS != "windows" && info.Mode()&badDirModes != 0:
		return s.fault(StoreExposed, fmt.Errorf("the mode of its folder is %v", info.Mode()))
	}
	return nil
}

// removeStrays removes what processes have left that died while they were writing.
func (s *FileStore) removeStrays() {
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".*"+tempSuffix)) // a bad pattern finds none
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > strayAfter {
			_ = os.Remove(name)
		}
	}
}

func (s *FileStore) fault(f StoreFault, err error) *StoreError { return &StoreError{f, s.path, err} }
