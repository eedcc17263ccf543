// Package calltest is what the tests of calls have in common, whatever the protocol: a media engine without sockets, how two engines agree,
// and how to wait for a leg. Only tests import it.
//
// # Usage
//
// An [Engine] goes where a program has its engine of media/engine. Its terminals really negotiate, and nothing but what a test writes to
// [Terminal.Peer] arrives at them, so that whole calls run under fake time (testing/synctest).
//
// # Concurrency
//
// Engines and terminals are safe for concurrent use. They start no goroutine.
//
// # Limitations
//
// There is no connectivity to gain or to lose: a description names addresses and keys that nobody uses, and a call's media fail only where
// the test calls Failed of [Terminal.Options].
package calltest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alexacall/alexacall/media"
)

const (
	defaultAddr = "192.0.2.1"
	port        = 40000
	fingerprint = "sha-256 0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0"
)

// An Engine opens terminals without sockets. The zero Engine is ready for use.
type Engine struct {
	Addr    string      // what descriptions name; "192.0.2.1" if empty. Not to be changed after the first Open.
	Full    atomic.Bool // whether Open fails, with an ErrFull
	NoPorts atomic.Bool // whether there is room for a call and none for its answer: Answer fails, with an ErrFull

	mu   sync.Mutex
	ever uint64 // terminals so far
	last *Terminal
	open []*Terminal
}

var _ media.Engine = (*Engine)(nil)

// Open implements media.Engine.
func (e *Engine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	if e.Full.Load() {
		return nil, fmt.Errorf("calltest: no room: %w", media.ErrFull)
	}
	addr := e.Addr
	if addr == "" {
		addr = defaultAddr
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ever++
	t := &Terminal{engine: e, policy: p, ice: 1, local: session(media.Local{
		ID: e.ever, Addr: addr, Port: port, RTCPPort: port + 1, SSRC: 1234, VideoSSRC: 1235, CNAME: "ours",
		Fingerprint: fingerprint, Candidates: []string{fmt.Sprintf("1 1 udp 2130706431 %s %d typ host", addr, port)},
		Keys: p.NewKeys(), VideoKeys: p.NewKeys(),
	}, 1)}
	if o != nil {
		t.Options = *o
	}
	near, far := media.Pipe(p.Plan())
	t.pipe, t.near, t.Peer = near, agreed{near, t}, agreed{far, t}
	e.open, e.last = append(e.open, t), t
	return t, nil
}

// Terminals returns those that are open, oldest first.
func (e *Engine) Terminals() []*Terminal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.open)
}

// Only returns the one terminal that is open; the test fails if it is not one.
func (e *Engine) Only(t testing.TB) *Terminal {
	t.Helper()
	open := e.Terminals()
	if len(open) != 1 {
		t.Fatalf("%d terminals are open, want one", len(open))
	}
	return open[0]
}

// Last returns the terminal that was opened last, which may be closed; the test fails if there was none.
func (e *Engine) Last(t testing.TB) *Terminal {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		t.Fatal("no terminal was opened")
	}
	return e.last
}

func (e *Engine) forget(t *Terminal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open = slices.DeleteFunc(e.open, func(have *Terminal) bool { return have == t })
}
