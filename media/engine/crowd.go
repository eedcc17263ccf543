package engine

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	maxCrowd   = 64  // calls on one address of a far side's
	crowdTries = 256 // packets of unknown sources that are tried with keys, in a second
)

// crowd is what stands in a table of addresses where several calls have one. It tells them apart by the sources (SSRC) that their
// descriptions name or that their keys have proved, and gives what it does not know to nobody. It stays one when a single call is left:
// what comes of the others' a moment later is not for that. The shard's lock guards the members, and the reader of the table's port, which
// holds it for reading, has the rest for itself. Of the port for RTCP nothing is tried.
type crowd struct {
	members []*transport
	proved  map[uint32]*transport
	tries   int
	since   time.Time
}

// sources are those of a far side, as far as its description tells.
type sources struct {
	named []uint32
	told  bool // each of its streams is named, or has keys in the descriptions that tell it
}

// sourcesOf returns the sources that come one way. A handshake cannot be told from another's.
func (t *terminal) sourcesOf(tr *transport, agreed []media.Section, ways []*transport) *sources {
	all := sources{told: t.dtls == nil}
	for i := range agreed {
		if ways[i] == tr {
			all.named = append(all.named, agreed[i].SSRCs...)
			all.told = all.told && (agreed[i].Security == media.SDES || len(agreed[i].SSRCs) > 0)
		}
	}
	if !all.told && all.named == nil {
		return nil
	}
	return &all
}

// tells notes the sources of the ways that the far side takes.
func (t *terminal) tells(agreed []media.Section, ways []*transport) {
	for i, tr := range ways {
		if slices.Index(ways, tr) != i {
			continue
		}
		home, all := tr.shard(), t.sourcesOf(tr, agreed, ways)
		home.mu.Lock()
		if all.tell() || !tr.sources.tell() {
			tr.sources = all // one of a crowd that is not told of any more goes on by what it said before
		}
		home.mu.Unlock()
	}
}

// holds reports whether an entry of a table is a terminal's, among others or alone.
func (tr *transport) holds(t *terminal) bool {
	if tr.crowd == nil {
		return tr.t == t
	}
	return slices.ContainsFunc(tr.crowd.members, func(m *transport) bool { return m.t == t })
}

// crowdIn makes tr one of several owners of an address, where all can be told apart. s.mu is held.
func (s *shard) crowdIn(table *addrTable, addr netip.AddrPort, tr *transport) bool {
	owner := table.of(addr)
	c := owner.crowd
	if c == nil {
		c = newCrowd(owner)
	}
	if slices.Contains(c.members, tr) {
		return true
	}
	if len(c.members) >= maxCrowd || len(tr.bound) >= maxBound && !s.release(tr) || !c.tellsApart(tr) {
		return false
	}
	c.members = append(c.members, tr)
	table.set(addr, &transport{crowd: c})
	tr.bound = append(tr.bound, addr)
	return true
}

// newCrowd returns the crowd of an address with the call that has had it alone, and what is known of that.
func newCrowd(first *transport) *crowd {
	c := &crowd{members: []*transport{first}, proved: map[uint32]*transport{}}
	for s := range first.t.streams {
		if ssrc, known := s.in.source(); known && first.heard(ssrc) {
			c.proved[ssrc] = first
		}
	}
	return c
}

// tellsApart reports whether a call can be told from all others.
func (c *crowd) tellsApart(tr *transport) bool {
	if !tr.sources.tell() {
		return false
	}
	return !slices.ContainsFunc(c.members, func(m *transport) bool {
		return m.t == tr.t || !m.sources.tell() ||
			slices.ContainsFunc(tr.sources.named, func(ssrc uint32) bool { return m.sources.has(ssrc) || c.proved[ssrc] == m })
	})
}

// tell reports whether the far side's streams can be told by them.
func (s *sources) tell() bool { return s != nil && s.told }

func (s *sources) has(ssrc uint32) bool { return s != nil && slices.Contains(s.named, ssrc) }

// unclaim gives up an address that a refused description named, unless the call had it before.
func (s *shard) unclaim(addr netip.AddrPort, tr *transport, before *sources, had bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tr.sources = before
	if !had {
		tr.bound = slices.DeleteFunc(tr.bound, func(a netip.AddrPort) bool { return a == addr })
		s.unbind(addr, tr)
	}
}

// leftBy takes those out of a crowd that do not use its address any more. s.mu is held.
func (s *shard) leftBy(c *crowd, addr netip.AddrPort) {
	for _, m := range slices.Clone(c.members) {
		if !m.uses(addr) {
			m.bound = slices.DeleteFunc(m.bound, func(a netip.AddrPort) bool { return a == addr })
			s.unbind(addr, m)
		}
	}
}

// part takes a call out, and reports whether nobody is left. The shard's lock is held.
func (c *crowd) part(tr *transport) (empty bool) {
	c.members = slices.DeleteFunc(c.members, func(m *transport) bool { return m == tr })
	for ssrc, m := range c.proved {
		if m == tr {
			delete(c.proved, ssrc)
		}
	}
	return len(c.members) == 0
}

// find returns the call that a packet is for, nil if that is not known. The shard's lock is held for reading.
func (c *crowd) find(w *worker, b []byte) *transport {
	switch {
	case len(b) < rtcpSize || b[0] < 128 || b[0] >= 192:
		return nil
	case isRTCP(b):
		return c.reporter(b)
	case len(b) < rtpHeaderSize:
		return nil
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	tr := c.of(ssrc)
	if tr == nil && c.mayTry(w.now) {
		c.prove(w, b, ssrc)
	}
	return tr
}

// reporter returns the call that an RTCP packet is for, by its sender. Those of a source that is protected and not named come to another
// port too, where nothing proves it: what has been heard of it does.
func (c *crowd) reporter(b []byte) *transport {
	if len(b) < rtcpSize || b[0] < 128 || b[0] >= 192 {
		return nil
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	if tr := c.of(ssrc); tr != nil {
		return tr
	}
	for _, m := range c.members {
		if m.heard(ssrc) {
			return m
		}
	}
	return nil
}

// of returns the call of a source.
func (c *crowd) of(ssrc uint32) *transport {
	if tr := c.proved[ssrc]; tr != nil {
		return tr
	}
	for _, m := range c.members {
		if m.sources.has(ssrc) {
			return m
		}
	}
	return nil
}

// heard reports whether a protected stream of the transport's has this source.
func (tr *transport) heard(ssrc uint32) bool {
	return tr.t.anyStream(func(s *stream) bool {
		last, known := s.in.source()
		return known && last == ssrc && s.way.Load() == tr && s.crypt.Load() != nil
	})
}

// mayTry bounds what is spent on sources that nobody knows.
func (c *crowd) mayTry(now time.Time) bool {
	if now.Sub(c.since) >= time.Second {
		c.since, c.tries = now, 0
	}
	c.tries++
	return c.tries <= crowdTries
}

// prove finds the call whose keys a packet of a new source was made with. The packet itself is lost: it has been used as the proof.
func (c *crowd) prove(w *worker, b []byte, ssrc uint32) {
	for _, m := range c.members {
		table := m.payloads.Load()
		if table == nil {
			continue
		}
		if k := table.of(b).crypt.Load(); k != nil && k.authentic(w, b) {
			if len(c.proved) >= maxCrowd*maxBound {
				clear(c.proved)
			}
			c.proved[ssrc] = m
			return
		}
	}
}
