package media

import (
	"errors"
	"slices"
	"sync"
)

// A Transcoder turns packets of one codec into packets of another. It is used by one goroutine.
type Transcoder interface {
	// Transcode hands what p becomes to out, in order. The packets alias the transcoder's buffer until out returns.
	Transcode(p *Packet, out func(*Packet) error) error
	Close() error
}

// RelayOptions are the options of NewRelay; nil is valid.
type RelayOptions struct {
	// Transcode makes a transcoder where two parties have no common codec. Nil means never.
	Transcode func(from, to Codec) (Transcoder, error)
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

// needsCopy reports whether packets may have to pass through a transcoder: one side can send what the other does not take.
func (l *lane) needsCopy() bool {
	if l.r.o.Transcode == nil {
		return false
	}
	sent, okFrom := l.from.Plan().Find(l.kind)
	taken, okTo := l.to.Plan().Find(l.kind)
	return okFrom && okTo && slices.ContainsFunc(sent.Codecs, func(c Codec) bool { return !c.IsDigits() && !hasCodec(taken.Codecs, c) })
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
	c := &copying{from: from.Reader(), to: to, transcode: l.r.o.Transcode, changed: l.r.changed, done: make(chan struct{})}
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
	transcode func(from, to Codec) (Transcoder, error)
	changed   func()
	done      chan struct{}

	using          Transcoder
	source, target Codec // of using
	start          bool  // the next packet follows on a transcoder's and has to be joined to it
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
	if p.What != RTP || p.Codec == nil {
		_ = c.to.Write(p)
		return
	}
	if c.using != nil && *p.Codec == c.source && c.to.Codec() == c.target {
		_ = c.using.Transcode(p, c.to.Write)
		return
	}
	c.drop()
	p.Start = p.Start || c.start
	err := c.to.Write(p)
	c.start = false
	target := c.to.Codec()
	if !errors.Is(err, ErrNoCommonCodec) || c.transcode == nil || target == (Codec{}) {
		return
	}
	t, err := c.transcode(*p.Codec, target)
	if err != nil {
		return
	}
	c.using, c.source, c.target = t, *p.Codec, target
	p.Start = true
	_ = t.Transcode(p, c.to.Write)
}

func (c *copying) drop() {
	if c.using != nil {
		_ = c.using.Close()
		c.using, c.start = nil, true
	}
}
