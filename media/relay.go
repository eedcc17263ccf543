package media

import (
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

// A Leader is a Transcoder to a codec whose decoders go by what they have heard before, such as G.722: it leads them over to the source's own
// packets when those come in that codec, for they would click.
type Leader interface {
	Transcoder
	// Lead is given the payloads of the source, in the codec that the transcoder made, after the last packet that it has transcoded. It changes
	// them in place, by as little as it can, and reports whether it has done what it can: those that follow are sent as they are.
	Lead(payload []byte) (done bool)
}

// A KeyHearer is a Transcoder that can hear the tones of keys (DTMF) in the sound, for a far side that takes telephone events from a source that
// sends none.
type KeyHearer interface {
	Transcoder
	// HearKeys has it hear them from the next packet on, and send each as an event, in the codec that is given, in place of its tone. It is called
	// once at most. If the source tells of keys in another way after all, by signalling, they are heard no more, and none twice.
	HearKeys(events Codec)
}

// RelayOptions are the options of NewRelay; nil is valid.
type RelayOptions struct {
	// Transcode makes a transcoder where two parties have no common codec, also from telephone events to the sound of their tones. Nil means
	// never. Tones of keys become events where a KeyHearer transcodes the sound.
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
	copies   *copying // nil while it is linked
	stop     func()
}

// turns reports whether a lane that is open is to go another way. One that a transcoder is leaving goes on until it has left.
func (l *lane) turns() bool {
	_, linker := l.from.Stream(l.kind).(Linker)
	return linker && l.linked == l.needsCopy() && (l.linked || !l.copies.leads.Load())
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
			l.copies = nil
			return
		}
	}
	c := &copying{from: from.Reader(), to: to, write: to.Write, transcode: l.r.o.Transcode, changed: l.r.changed, done: make(chan struct{})}
	c.sends, c.takes = codecsOf(l.from, l.kind), codecsOf(l.to, l.kind)
	go c.run()
	l.linked, l.copies, l.stop = false, c, c.stop
}

// codecsOf tells which codecs are agreed on with the far side of an endpoint, preferred first.
func codecsOf(e Endpoint, k Kind) func() []Codec {
	return func() []Codec {
		m, _ := e.Plan().Find(k)
		return m.Codecs
	}
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
