package audio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	shelfHead   = 1 << 10 // bytes before the file: what is known of it
	shelfEnding = ".sound"
	shelfPart   = ".part" // of a file that is being written
	maxShelf    = 100_000 // files
)

// shelf is the cache of a Fetcher, in memory or in a folder. Its methods are safe for concurrent use. What goes wrong with a folder loses a
// file, which is fetched again.
type shelf struct {
	dir  string // empty: memory
	most int64  // bytes

	mu    sync.Mutex
	items map[string]*shelved
	bytes int64
	uses  uint64
}

// shelved is a file of a shelf.
type shelved struct {
	about
	size int64
	data []byte // in memory
	used uint64 // of shelf.uses, when it was opened last
}

func newShelf(dir string, most int64) (*shelf, error) {
	s := &shelf{dir: dir, most: most, items: make(map[string]*shelved)}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return s, s.load()
}

// load takes what an earlier Fetcher has left in the folder.
func (s *shelf) load() error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range files {
		key, ours := strings.CutSuffix(e.Name(), shelfEnding)
		if strings.HasSuffix(e.Name(), shelfPart) {
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		}
		if !ours || !e.Type().IsRegular() || len(s.items) >= maxShelf {
			continue
		}
		it, err := readShelved(s.name(key))
		if err != nil {
			_ = os.Remove(s.name(key))
			continue
		}
		s.items[key] = it
		s.bytes += it.size
	}
	s.trim()
	return nil
}

func (s *shelf) name(key string) string { return filepath.Join(s.dir, key+shelfEnding) }

// readShelved reads what is known of a file.
func readShelved(name string) (*shelved, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	var head [shelfHead]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	it := &shelved{size: info.Size() - shelfHead}
	return it, json.Unmarshal(bytes.TrimRight(head[:], " \n"), &it.about)
}

func (a about) head() ([]byte, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if len(b) >= shelfHead {
		return nil, errors.New("too much to be known of a file")
	}
	return append(append(b, bytes.Repeat([]byte{' '}, shelfHead-1-len(b))...), '\n'), nil
}

// find returns what is known of a file.
func (s *shelf) find(key string) (about, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.items[key]; it != nil {
		return it.about, true
	}
	return about{}, false
}

// shelvedFile reads a file of the folder from behind its head.
type shelvedFile struct {
	*io.SectionReader
	io.Closer
}

// open opens a file, which stays readable when it is dropped.
func (s *shelf) open(key string) (io.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.items[key]
	if it == nil {
		return nil, os.ErrNotExist
	}
	s.uses++
	it.used = s.uses
	if s.dir == "" {
		return readsBytes(it.data), nil
	}
	f, err := os.Open(s.name(key))
	if err != nil {
		s.remove(key)
		return nil, err
	}
	return shelvedFile{io.NewSectionReader(f, shelfHead, it.size), f}, nil
}

// put keeps a file, in place of what was there, if there is room for it.
func (s *shelf) put(key string, a about, data []byte) {
	it := &shelved{about: a, size: int64(len(data))}
	if it.size > s.most {
		s.drop(key)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(key)
	if s.dir == "" {
		it.data = data
	} else if s.write(key, a, data) != nil {
		return
	}
	s.uses++
	it.used = s.uses
	s.items[key] = it
	s.bytes += it.size
	s.trim()
}

// write has a file in the folder whole or not at all.
func (s *shelf) write(key string, a about, data []byte) error {
	head, err := a.head()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "*"+shelfPart)
	if err != nil {
		return err
	}
	_, err = f.Write(head)
	if err == nil {
		_, err = f.Write(data)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.name(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// renew takes what is new to be known of a file.
func (s *shelf) renew(key string, a about) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.items[key]
	if it == nil {
		return
	}
	it.about = a
	if s.dir != "" && s.rewrite(key, a) != nil {
		s.remove(key)
	}
}

func (s *shelf) rewrite(key string, a about) error {
	head, err := a.head()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.name(key), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("audio: %w", err)
	}
	_, err = f.WriteAt(head, 0)
	return errors.Join(err, f.Close())
}

func (s *shelf) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(key)
}

// remove drops a file. s.mu is held.
func (s *shelf) remove(key string) {
	it := s.items[key]
	if it == nil {
		return
	}
	delete(s.items, key)
	s.bytes -= it.size
	if s.dir != "" {
		_ = os.Remove(s.name(key))
	}
}

// trim drops what has not been used for longest until the rest fits. s.mu is held.
func (s *shelf) trim() {
	for s.bytes > s.most || len(s.items) > maxShelf {
		oldest, used := "", uint64(0)
		for key, it := range s.items {
			if oldest == "" || it.used < used {
				oldest, used = key, it.used
			}
		}
		s.remove(oldest)
	}
}

func (s *shelf) size() (files int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.items), s.bytes
}
