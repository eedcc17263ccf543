package callback

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexacall/alexacall/mediaserver/wire"
)

// Why a fallback is not stored.
var (
	ErrNumber  = errors.New("callback: no number that a fallback can be stored for")
	ErrExpired = errors.New("callback: the fallback has expired before it is stored")
	ErrNoRoom  = errors.New("callback: no room for more fallbacks")
)

// A FallbackStore keeps commands for when the application cannot be reached, by domain and called number. A number is 1 to 64 of
// A-Z a-z 0-9 + - . _ * #; any other is refused with ErrNumber. What is not there, or is there no more, is an fs.ErrNotExist. Its methods are
// safe for concurrent use.
type FallbackStore interface {
	// List returns the numbers of a domain in their order.
	List(ctx context.Context, domain string) ([]string, error)
	// Get returns a fallback with its TTL. It is the caller's.
	Get(ctx context.Context, domain, number string) (*wire.Fallback, error)
	// Put adds a fallback or replaces it.
	Put(ctx context.Context, domain, number string, f *wire.Fallback) error
	// Delete removes a fallback.
	Delete(ctx context.Context, domain, number string) error
}

const (
	maxNumber    = 64      // bytes
	memoryMost   = 10_000  // fallbacks of a domain
	memoryBytes  = 8 << 20 // of the fallbacks of a domain
	numberOthers = "+-._*#"
)

// CheckNumber fails with ErrNumber for what no store takes.
func CheckNumber(number string) error {
	ok := len(number) >= 1 && len(number) <= maxNumber
	for _, r := range number {
		letter := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		ok = ok && (letter || strings.ContainsRune(numberOthers, r))
	}
	if !ok {
		return ErrNumber
	}
	return nil
}

// Memory is a FallbackStore in memory: 10,000 fallbacks for each domain, or 8 MiB. The zero value is empty.
type Memory struct {
	mu      sync.Mutex
	domains map[string]*shelf
}

// shelf is what there is for a domain.
type shelf struct {
	items map[string]stored
	bytes int
}

// stored is a fallback in the form in which it came, so that nobody else can change it.
type stored struct {
	json    []byte
	expires time.Time
}

var _ FallbackStore = (*Memory)(nil)

// List implements FallbackStore.
func (m *Memory) List(_ context.Context, domain string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.domains[domain]
	if s == nil {
		return nil, nil
	}
	s.sweep()
	return slices.Sorted(maps.Keys(s.items)), nil
}

// Get implements FallbackStore.
func (m *Memory) Get(_ context.Context, domain, number string) (*wire.Fallback, error) {
	it, err := m.get(domain, number)
	if err != nil {
		return nil, err
	}
	f, _, err := wire.ParseFallback(it.json)
	if err != nil {
		return nil, err
	}
	f.TTL = time.Until(it.expires)
	return f, nil
}

func (m *Memory) get(domain, number string) (stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.domains[domain]; s != nil {
		if it, ok := s.items[number]; ok && time.Now().Before(it.expires) {
			return it, nil
		}
	}
	return stored{}, fmt.Errorf("callback: fallback: %w", fs.ErrNotExist)
}

// Put implements FallbackStore. It fails with ErrExpired or ErrNoRoom, or for a fallback that package wire does not write.
func (m *Memory) Put(_ context.Context, domain, number string, f *wire.Fallback) error {
	if err := CheckNumber(number); err != nil {
		return err
	}
	now := time.Now()
	it := stored{expires: f.Expires(now)}
	if !it.expires.After(now) {
		return ErrExpired
	}
	var err error
	if it.json, err = wire.AppendFallback(nil, f); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.domains == nil {
		m.domains = map[string]*shelf{}
	}
	s := m.domains[domain]
	if s == nil {
		s = &shelf{items: map[string]stored{}}
		m.domains[domain] = s
	}
	if !s.put(number, it) {
		return ErrNoRoom
	}
	return nil
}

// Delete implements FallbackStore.
func (m *Memory) Delete(_ context.Context, domain, number string) error {
	if _, err := m.get(domain, number); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.domains[domain].drop(number)
	return nil
}

func (s *shelf) put(number string, it stored) bool {
	old, there := s.items[number]
	full := func() bool {
		return !there && len(s.items) >= memoryMost || s.bytes-len(old.json)+len(it.json) > memoryBytes
	}
	if full() {
		s.sweep()
		old, there = s.items[number]
	}
	if full() {
		return false
	}
	s.drop(number)
	s.items[number] = it
	s.bytes += len(it.json)
	return true
}

func (s *shelf) drop(number string) {
	s.bytes -= len(s.items[number].json)
	delete(s.items, number)
}

// sweep forgets what has expired.
func (s *shelf) sweep() {
	now := time.Now()
	for number, it := range s.items {
		if !now.Before(it.expires) {
			s.drop(number)
		}
	}
}
