package engine

import "github.com/alexacall/alexacall/media"

// Stream implements media.Endpoint.
func (t *terminal) Stream(k media.Kind) media.Stream { return t.stream(k) }

// stream returns the stream of a kind, which it makes if need be.
func (t *terminal) stream(k media.Kind) *stream {
	if k == media.Audio {
		return t.sound
	}
	if s := t.pictures.Load(); s != nil {
		return s
	}
	t.streamMu.Lock()
	defer t.streamMu.Unlock()
	s := t.pictures.Load()
	if s == nil {
		s = newStream(t, media.Video)
		s.out.ssrc.Store(t.freshSSRC(0)) // one key protects both: two streams under one number would share its key stream
		s.out.repairSSRC = t.freshSSRC(s.out.ssrc.Load())
		if t.over.Load() {
			s.fan.Close()
		}
		t.pictures.Store(s)
	}
	return s
}

// streams yields the streams that there are.
func (t *terminal) streams(yield func(*stream) bool) {
	if s := t.pictures.Load(); yield(t.sound) && s != nil {
		yield(s)
	}
}

// anyStream reports whether what is asked is so of one of the streams that there are.
func (t *terminal) anyStream(is func(*stream) bool) bool {
	for s := range t.streams {
		if is(s) {
			return true
		}
	}
	return false
}

// endStreams tells the readers that nothing comes any more, those of a stream that is made later too, and whoever writes that nothing goes out.
func (t *terminal) endStreams() {
	t.streamMu.Lock()
	defer t.streamMu.Unlock()
	t.over.Store(true)
	for s := range t.streams {
		s.fan.Close()
	}
}

// tellLinks tells relays that codecs have changed.
func (t *terminal) tellLinks() {
	t.streamMu.Lock()
	defer t.streamMu.Unlock()
	for _, l := range t.links {
		if l.changed != nil {
			l.changed()
		}
	}
}

func (t *terminal) watch(l *link) {
	t.streamMu.Lock()
	defer t.streamMu.Unlock()
	t.links = append(t.links, l)
}

func (t *terminal) unwatch(l *link) {
	t.streamMu.Lock()
	defer t.streamMu.Unlock()
	for i := range t.links {
		if t.links[i] == l {
			t.links = append(t.links[:i:i], t.links[i+1:]...)
			return
		}
	}
}
