package media

import (
	"errors"
	"slices"
	"sync"
)

// A Transcoder turns packets of one codec into packets of another. It is used by one goroutine.
type Transcoder interface {
	// Transcode hands what p becomes to out, in order. The packets alias the transcoder's buffer until out returns. It gets all packets of the
	// source that have a number, in the order in which they come: its digits too, and its comfort noise (RFC 3389).
	Transcode(p *Packet, out func(*Packet) error) error
	Close() error
}

// RelayOptions are the options of NewRelay; nil is valid.
type RelayOptions struct {
	// Transcode makes a transcoder where two parties have no common codec, also from telephone events to the sound of their tones. Nil means
	// never.
	Transcode func(from, to Codec) (Transcoder, error)
	// Also are codecs that Transcode makes of what it knows, and the other way round, preferred first: who joins two parties offers them, and
	// answers with them, where one has none of the other's.
	Also []Codec
}

// A Relay carries every kind of media between two endpoints, both ways. Where their engine can link the streams there is no goroutine
// and no copy; else one goroutine a direction copies. It follows changes of codec.
type Relay struct {
	a, b Endpoint
	o    RelayOptions

	mu    sync.Mutex // held while the ways are laid out
	lanes []*lane

	state  sync.Mutex // below everything: guards closed and the counting of work
	closed bool
	work   sync.WaitGroup
}

// NewRelay begins to relay between a and b until Close. It fails with ErrNoCommonCodec if both have agreed with their far sides, have
// no audio codec in common, and o does not transcode.
func NewRelay(a, b Endpoint, o *RelayOptions) (*Relay, error) {
	r := &Relay{a: a, b: b}
	if o != nil {
		r.o = *o
	}
	if r.o.Transcode == nil && !alike(a.Plan(), b.Plan(), Audio) {
		return nil, ErrNoCommonCodec
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range [...]Kind{Audio, Video} {
		r.lanes = append(r.lanes, &lane{r: r, kind: k, from: a, to: b}, &lane{r: r, kind: k, from: b, to: a})
	}
	for _, l := range r.lanes {
		l.open()
	}
	return r, nil
}

// Close stops relaying and waits for its goroutines. Both endpoints stay as they are.
func (r *Relay) Close() error {
	r.state.Lock()
	r.closed = true
	r.state.Unlock()
	r.mu.Lock()
	for _, l := range r.lanes {
		l.shut()
	}
	r.mu.Unlock()
	r.work.Wait()
	return nil
}

// changed is called by an engine, perhaps under its locks, or by a copying lane, so it only starts the work.
func (r *Relay) changed() {
	r.state.Lock()
	defer r.state.Unlock()
	if !r.closed {
		r.work.Go(r.follow)
	}
}

// follow lays a lane anew where a change of codec wants another way.
func (r *Relay) follow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Lock()
	closed := r.closed
	r.state.Unlock()
	if closed {
		return
	}
	for _, l := range r.lanes {
		if l.stop == nil || l.turns() {
			l.shut()
			l.open()
		}
	}
}

// lane carries one kind one way.
type lane struct {
	r        *Relay
	kind     Kind
	from, to Endpoint
	linked   bool
	stop     func()
}

// turns reports whether a lane that is open is to go another way.
func (l *lane) turns() bool {
	_, linker := l.from.Stream(l.kind).(Linker)
	return linker && l.linked == l.needsCopy()
}

// needsCopy reports whether packets may have to pass through a transcoder: one side can send what the other does not take. Events of one clock
// are those of another.
func (l *lane) needsCopy() bool {
	if l.r.o.Transcode == nil {
		return false
	}
	sent, okFrom := l.from.Plan().Find(l.kind)
	taken, okTo := l.to.Plan().Find(l.kind)
	return okFrom && okTo && slices.ContainsFunc(sent.Codecs, func(c Codec) bool {
		if c.IsDigits() {
			return !slices.ContainsFunc(taken.Codecs, Codec.IsDigits)
		}
		return !hasCodec(taken.Codecs, c)
	})
}

// waits reports whether nothing can pass so far, and the engine that links the sound will tell when that changes: of a kind that neither
// side has agreed on. A stream that is never used is not even made then.
func (l *lane) waits() bool {
	sound := slices.ContainsFunc(l.r.lanes, func(o *lane) bool { return o.kind == Audio && o.from == l.from && o.linked })
	_, sent := l.from.Plan().Find(l.kind)
	_, taken := l.to.Plan().Find(l.kind)
	return l.kind != Audio && sound && !sent && !taken
}

func (l *lane) open() {
	if l.waits() {
		return
	}
	from, to := l.from.Stream(l.kind), l.to.Stream(l.kind)
	if engine, ok := from.(Linker); ok && !l.needsCopy() {
		if l.stop, l.linked = engine.Link(to, l.r.changed); l.linked {
			return
		}
	}
	c := &copying{from: from.Reader(), to: to, write: to.Write, transcode: l.r.o.Transcode, changed: l.r.changed, done: make(chan struct{})}
	c.takes = func() []Codec {
		taken, _ := l.to.Plan().Find(l.kind)
		return taken.Codecs
	}
	go c.run()
	l.linked, l.stop = false, c.stop
}

func (l *lane) shut() {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// alike reports whether two parties have a sound or picture codec in common, as far as is known.
func alike(p, q Plan, k Kind) bool {
	a, okA := p.Find(k)
	b, okB := q.Find(k)
	if !okA || !okB {
		return p == nil || q == nil || k != Audio
	}
	for _, c := range a.Codecs {
		if _, ok := findCodec(b.Codecs, c); ok && !c.IsDigits() {
			return true
		}
	}
	return false
}

// copying is a lane with a goroutine of its own, which stop ends and joins.
type copying struct {
	from      *Reader
	to        Stream
	write     func(*Packet) error // of to
	takes     func() []Codec      // what the far side takes, preferred first
	transcode func(from, to Codec) (Transcoder, error)
	changed   func()
	done      chan struct{}

	using         Transcoder
	source, first Codec // of using: what it takes; and what the far side liked best when it was made
	start         bool  // the next packet follows on a transcoder's and has to be joined to it

	keys              Transcoder // of events to their tones, where sound passes as it is
	keysOf, keysFirst Codec
	spoken            bool // sound has passed since the last event
	mute              int  // packets of sound that give way to a tone yet: some devices send it beside an event
}

func (c *copying) stop() {
	_ = c.from.Close()
	<-c.done
}

// maxPayload is more than a datagram on any usual path carries.
const maxPayload = 2048

func (c *copying) run() {
	defer close(c.done)
	defer c.drop()
	defer c.dropKeys()
	buf := make([]byte, maxPayload)
	for {
		var p Packet
		switch err := c.from.Read(buf, &p); {
		case err == nil:
			c.forward(&p)
		case errors.Is(err, ErrChanged):
			c.drop()
			c.changed()
		default:
			return
		}
	}
}

// forward writes p as it is or, if the far side does not take its codec, transcoded. What cannot be sent is counted by the stream.
func (c *copying) forward(p *Packet) {
	if p.What != RTP && p.What != Digit || p.Codec == nil {
		_ = c.to.Write(p)
		return
	}
	if c.using != nil && c.to.Codec() == c.first && (p.What == Digit || *p.Codec == c.source || p.Codec.isNoise()) {
		_ = c.using.Transcode(p, c.write)
		return
	}
	c.drop()
	if p.What == RTP && c.mute > 0 {
		c.mute--
		c.start = true
		return
	}
	c.spoken = c.spoken || p.What == RTP
	p.Start = p.Start || c.start
	err := c.to.Write(p)
	c.start = false
	switch {
	case c.transcode == nil || p.Codec.isNoise() || !errors.Is(err, ErrNoCommonCodec):
	case p.What == Digit:
		c.press(p)
	default:
		if c.using = c.find(*p.Codec); c.using != nil {
			c.source, c.first = *p.Codec, c.to.Codec()
			p.Start = true
			_ = c.using.Transcode(p, c.write)
		}
	}
}

// keyMutes is how many packets of sound without one of an event tell that its end was lost.
const keyMutes = 5

// press sends the tone of a key in place of its event.
func (c *copying) press(p *Packet) {
	if first := c.to.Codec(); c.keys == nil || c.keysOf != *p.Codec || c.keysFirst != first {
		c.dropKeys()
		c.keys, c.keysOf, c.keysFirst = c.find(*p.Codec), *p.Codec, first
	}
	if c.keys == nil || len(p.Payload) < 2 {
		return
	}
	p.Start = p.Start || c.spoken // its numbers are not those of the sound
	c.spoken, c.start, c.mute = false, true, keyMutes
	if p.Payload[1]&0x80 != 0 { // its end (RFC 4733 section 2.3)
		c.mute = 0
	}
	_ = c.keys.Transcode(p, c.write)
}

// find makes a transcoder to the first codec that can be made of another; nil: there is none.
func (c *copying) find(source Codec) Transcoder {
	for _, target := range c.takes() {
		if target.IsDigits() || target.isNoise() {
			continue
		}
		if t, err := c.transcode(source, target); err == nil {
			return t
		}
	}
	return nil
}

func (c *copying) drop() {
	if c.using != nil {
		_ = c.using.Close()
		c.using, c.start = nil, true
	}
}

func (c *copying) dropKeys() {
	if c.keys != nil {
		_ = c.keys.Close()
		c.keys = nil
	}
}
