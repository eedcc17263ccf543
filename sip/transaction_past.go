package sip

import (
	"time"
)

// past keeps what is over for as long as messages of it may be repeated: 64*T1 from when it was added. One timer and one queue do for
// all of it, so that a hundred thousand finished transactions cost neither goroutines nor timers. What can be packed is, unless it was asked
// for: then somebody has it, who may change it. It is used under the lock of its owner.
type past[V interface{ pack(*packer) }] struct {
	loose     map[mark]V
	packed    packed
	queue     []leaving // oldest first, since all stay for as long
	since     time.Time // that times in queue are counted from
	timer     *time.Timer
	unpack    func([]byte) V
	forgotten func(other mark) // called for each entry that leaves, with what was added beside it; may be nil
}

// leaving says when an entry is forgotten. There is no pointer in it.
type leaving struct {
	key, other mark
	at         time.Duration
}

// sweepEvery is how long forgetting waits at the least, so that it is done for many at a time.
const sweepEvery = time.Second

// add keeps v under a key. sweep is called later, without the lock.
func (p *past[V]) add(key, other mark, v V, sweep func()) {
	if p.loose == nil {
		p.loose, p.since = map[mark]V{}, time.Now()
	}
	p.packed.take(key)
	p.loose[key] = v
	p.rest(key)
	p.queue = append(p.queue, leaving{key, other, time.Since(p.since) + giveUp})
	if p.timer == nil {
		p.timer = time.AfterFunc(giveUp, sweep)
	}
}

// rest packs an entry, if that can be done, which nobody has any more.
func (p *past[V]) rest(key mark) {
	v, there := p.loose[key]
	if !there {
		return
	}
	w := &p.packed.packer
	w.reset()
	if v.pack(w); !w.unable {
		p.packed.add(key, time.Since(p.since)+giveUp)
		delete(p.loose, key)
	}
}

// find returns an entry, which may be changed; or the zero value.
func (p *past[V]) find(key mark) V {
	if text, there := p.packed.take(key); there {
		p.loose[key] = p.unpack(text)
	}
	return p.loose[key]
}

func (p *past[V]) len() int { return len(p.loose) + len(p.packed.places) }

// sweep forgets what has had its time.
func (p *past[V]) sweep() {
	if p.timer == nil {
		return // closed
	}
	now := time.Since(p.since)
	for len(p.queue) > 0 && p.queue[0].at <= now {
		gone := p.queue[0]
		p.queue = p.queue[1:]
		before := p.len()
		p.packed.take(gone.key)
		delete(p.loose, gone.key)
		if p.forgotten != nil && p.len() < before {
			p.forgotten(gone.other)
		}
	}
	p.packed.drop(now)
	if len(p.queue) > 0 {
		p.timer.Reset(max(p.queue[0].at-now, sweepEvery))
		return
	}
	p.clear() // a map does not get smaller
}

// sweep forgets what has had its time.
func (t *transactions) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered.sweep()
	t.settled.sweep()
}

func (p *past[V]) close() {
	stopTimer(p.timer)
	p.clear()
}

func (p *past[V]) clear() { p.loose, p.packed, p.queue, p.timer = nil, packed{}, nil, nil }

// spent is what is kept of a request of a far side's that has its final response.
type spent struct {
	text []byte // the response, to repeat it; nil for one to an INVITE that went out: its call repeats a 2xx, and a refusal has its ACK
	way  conn   // that the response took
	tag  string // of our To, for the response to a CANCEL that comes too late
}

func (p *spent) pack(w *packer) {
	w.bytes(p.text)
	w.way(p.way)
	w.string(p.tag)
}

func unpackSpent(u *unpacker) *spent {
	return &spent{text: u.bytes(), way: u.way(), tag: u.string()}
}

// repeated takes a repetition of the request, which may have come over another connection.
func (p *spent) repeated(from conn) {
	if !p.way.alive() {
		p.way = from
	}
	if p.text != nil {
		_ = p.way.write(p.text)
	}
}
