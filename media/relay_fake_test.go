package media_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// A switchboard plays an engine that can link its streams. It calls changed under the lock that every method takes, which is what an
// engine may do at its worst.
type switchboard struct {
	t  *testing.T
	mu sync.Mutex

	links   map[*wire]bool // that stand
	made    int
	undone  int
	refuses func(media.Kind) bool // what it does not link; nil: it links all
}

// A wire is one link.
type wire struct {
	from, to *line
	changed  func()
}

func newSwitchboard(t *testing.T) *switchboard {
	return &switchboard{t: t, links: map[*wire]bool{}}
}

// counts returns how many links stand, and how many were made and undone in all.
func (s *switchboard) counts() (stand, made, undone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.links), s.made, s.undone
}

// A branch is one leg of a switchboard.
type branch struct {
	board *switchboard
	plan  media.Plan
	lines [2]line
	asked int // how often for a stream
}

func (s *switchboard) branch(p media.Plan) *branch {
	b := &branch{board: s, plan: p}
	for k := range b.lines {
		b.lines[k].leg, b.lines[k].kind = b, media.Kind(k)
	}
	return b
}

func (b *branch) Plan() media.Plan {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	return b.plan
}

func (b *branch) Stream(k media.Kind) media.Stream {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	b.asked++
	return &b.lines[k]
}

// agree changes what the leg has agreed on with its far side.
func (b *branch) agree(p media.Plan) {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	b.plan = p
	for k := range b.lines {
		b.lines[k].fan.Change()
	}
	for w := range b.board.links {
		if w.from.leg == b || w.to.leg == b {
			w.changed()
		}
	}
}

// arrive plays a packet of the far side.
func (b *branch) arrive(k media.Kind, p *media.Packet) {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	from := &b.lines[k]
	from.fan.Deliver(p)
	for w := range b.board.links {
		if w.from == from {
			_ = w.to.send(p)
		}
	}
}

// sent takes away what was sent to the far side.
func (b *branch) sent(k media.Kind) []media.Packet {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	ps := b.lines[k].out
	b.lines[k].out = nil
	return ps
}

// A line is one stream of a branch.
type line struct {
	leg   *branch
	kind  media.Kind
	fan   media.Fanout
	out   []media.Packet // to the far side
	stats media.Stats
}

func (l *line) Codec() media.Codec {
	l.leg.board.mu.Lock()
	defer l.leg.board.mu.Unlock()
	m, _ := l.leg.plan.Find(l.kind)
	for _, c := range m.Codecs {
		if !c.IsDigits() {
			return c
		}
	}
	return media.Codec{}
}

func (l *line) Reader() *media.Reader { return l.fan.Open() }
func (l *line) Gate(media.Direction)  {}

func (l *line) Stats() media.Stats {
	l.leg.board.mu.Lock()
	defer l.leg.board.mu.Unlock()
	return l.stats
}

func (l *line) Write(p *media.Packet) error {
	l.leg.board.mu.Lock()
	defer l.leg.board.mu.Unlock()
	return l.send(p)
}

func (l *line) send(p *media.Packet) error {
	m, _ := l.leg.plan.Find(l.kind)
	if p.What == media.RTP && !slices.ContainsFunc(m.Codecs, p.Codec.Matches) {
		l.stats.Out.Mismatched++
		return fmt.Errorf("switchboard: %w", media.ErrNoCommonCodec)
	}
	l.stats.Out.Packets++
	q := *p
	q.Payload = bytes.Clone(p.Payload)
	l.out = append(l.out, q)
	return nil
}

// Link implements media.Linker.
func (l *line) Link(to media.Stream, changed func()) (unlink func(), ok bool) {
	s := l.leg.board
	s.mu.Lock()
	defer s.mu.Unlock()
	dst, ok := to.(*line)
	if !ok || dst.leg.board != s || s.refuses != nil && s.refuses(l.kind) {
		return nil, false
	}
	w := &wire{l, dst, changed}
	s.links[w] = true
	s.made++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.links[w] {
			s.t.Error("unlink was called twice")
		}
		delete(s.links, w)
		s.undone++
	}, true
}

// An exchangeTable makes transcoders that change each octet by a table, one for each pair of codecs.
type exchangeTable struct {
	mu     sync.Mutex
	made   []string // "PCMU/8000 to PCMA/8000"
	closed int
	fails  error
}

func (x *exchangeTable) options() *media.RelayOptions {
	return &media.RelayOptions{Transcode: func(from, to media.Codec) (media.Transcoder, error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.fails != nil {
			return nil, x.fails
		}
		x.made = append(x.made, from.String()+" to "+to.String())
		return &exchanger{table: x, to: to}, nil
	}}
}

// counts returns the transcoders made so far and how many of them are closed.
func (x *exchangeTable) counts() (made []string, closed int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.made), x.closed
}

type exchanger struct {
	table  *exchangeTable
	to     media.Codec
	closed bool
	buf    []byte
}

// exchanged is what an octet of sound becomes in another codec.
func exchanged(octet byte, to media.Codec) byte { return octet ^ byte(0x55+to.ClockRate/8000) }

func (x *exchanger) Transcode(p *media.Packet, out func(*media.Packet) error) error {
	if x.closed {
		panic("a closed transcoder is used")
	}
	if p.What == media.Digit {
		return out(p)
	}
	x.buf = x.buf[:0]
	for _, octet := range p.Payload {
		x.buf = append(x.buf, exchanged(octet, x.to))
	}
	q := *p
	q.Codec, q.Payload = &x.to, x.buf
	return out(&q)
}

func (x *exchanger) Close() error {
	if x.closed {
		panic("a transcoder is closed twice")
	}
	x.closed = true
	x.table.mu.Lock()
	defer x.table.mu.Unlock()
	x.table.closed++
	return nil
}
