package engine

// course is what an RTP packet meets on its way through the engine.
type course struct {
	tr         *transport
	table      *payloads
	in, out    *stream
	link       *link
	open, seal *crypt
	way        *transport
}

// fetch finds the owners of a batch, and brings from memory what its packets are going to need. With a thousand calls hardly any of that is
// in the processor's caches, and each thing only tells where the next one is: a packet alone waits for one after the other, a batch waits
// for all of a kind together. But for the owners nothing depends on it. s.mu is held for reading.
func (s *shard) fetch(w *worker, n int) {
	all := w.courses[:n]
	for i := range all {
		all[i] = course{tr: s.remotes.of(w.in.from[i])}
	}
	for i := range all {
		if c := &all[i]; c.tr != nil {
			c.table = c.tr.payloads.Load()
		}
	}
	for i := range all {
		if c := &all[i]; c.table != nil {
			c.in = c.table.stream(&c.table.first)
		}
	}
	for i := range all {
		if c := &all[i]; c.in != nil {
			c.link, c.open = c.in.link.Load(), c.in.crypt.Load()
		}
	}
	for i := range all {
		if c := &all[i]; c.link != nil {
			c.out = c.link.to
		}
	}
	for i := range all {
		if c := &all[i]; c.out != nil {
			c.way, c.seal = c.out.way.Load(), c.out.crypt.Load()
			_ = c.out.out.formats.Load()
		}
	}
	for i := range all {
		if c := &all[i]; c.way != nil {
			_, _, _ = c.way.far.Load(), c.open.ready(), c.seal.ready()
		}
	}
}
