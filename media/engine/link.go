package engine

import (
	"sync"

	"github.com/alexacall/alexacall/media"
)

// link forwards what arrives on one stream straight to another one of the same engine, in the reader.
type link struct {
	from    *stream
	to      *stream
	changed func()

	mu    sync.Mutex
	fresh bool // what comes next begins a source: nothing was forwarded yet, or an injected packet
	dead  bool
	sets  *parameterSets // of pictures; nil: of sound
}

// Link implements media.Linker.
func (s *stream) Link(to media.Stream, changed func()) (unlink func(), ok bool) {
	dst, ok := to.(*stream)
	if !ok || dst.t.engine != s.t.engine {
		return nil, false
	}
	l := &link{from: s, to: dst, changed: changed, fresh: true}
	if s.kind == media.Video {
		l.sets = new(parameterSets)
	}
	if !s.link.CompareAndSwap(nil, l) {
		return nil, false
	}
	s.t.watch(l)
	dst.t.watch(l)
	s.askKeyFrame() // who sees it from here on needs one to begin with
	return func() {
		s.t.unwatch(l)
		dst.t.unwatch(l)
		s.link.CompareAndSwap(l, nil)
		l.mu.Lock()
		l.dead = true
		l.mu.Unlock()
		dst.cap(0) // it was that of who is no longer there
	}, true
}

// forward sends p on. It is rewritten in room, where it lies, so this comes after everything else that reads it.
func (l *link) forward(w *worker, p *media.Packet, room []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return
	}
	p.Start = p.Start || l.fresh
	l.fresh = room == nil
	if room == nil {
		_ = l.to.out.write(l.to, p) // injected: it lies in no datagram
		return
	}
	if l.sets != nil {
		if units := l.sets.before(l.from, p, w.now); units != nil {
			l.to.out.precede(l.to, w, p, units)
		}
	}
	if l.to.out.forward(l.to, w, p, room) {
		l.from.askKeyFrame() // what came before is lost to who sees it from here on
	}
}
