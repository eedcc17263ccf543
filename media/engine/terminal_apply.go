package engine

import (
	"slices"

	"github.com/alexacall/alexacall/media"
)

// apply makes the packet path follow what was agreed: first the keys, so that nothing goes out without them, then the ways and the
// payload types, then the directions. t.mu is held.
func (t *terminal) apply() error {
	agreed := t.neg.Sections()
	ways := t.ways(agreed)
	open, tables := [2]media.Direction{}, map[*transport]*payloads{t.transport: newPayloads()}
	if t.second != nil {
		tables[t.second] = newPayloads()
	}
	for i := range agreed {
		s, way := &agreed[i], ways[i]
		stream := t.stream(s.Kind)
		if err := stream.secure(s); err != nil {
			return err
		}
		open[s.Kind] = s.Dir
		tables[way].take(stream, s.In, extraID(s))
		tables[way].takeRepairs(stream, s.RepairIn)
		tables[way].record(way, s)
		stream.way.Store(way)
		stream.out.formats.Store(newOutbound(stream, s.Out, s.RepairOut, extraID(s)))
		stream.agree(s)
	}
	for way, table := range tables {
		table.finish(way)
		way.payloads.Store(table)
	}
	for s := range t.streams {
		s.dir.Store(uint32(open[s.kind]))
		if !slices.ContainsFunc(agreed, func(a media.Section) bool { return a.Kind == s.kind }) {
			s.out.formats.Store(newOutbound(s, nil, nil, 0))
			s.agree(&media.Section{})
		}
	}
	t.tell()
	if len(agreed) == 0 {
		return nil
	}
	return t.connect(agreed, ways)
}

// tell tells readers and relays of another plan.
func (t *terminal) tell() {
	if before := t.agreed.Swap(new(t.neg)); before == nil {
		t.tellLinks() // a relay may stand since before there was an agreement
	} else if !before.Agreed().EqualButDirections(t.neg.Agreed()) {
		for s := range t.streams {
			s.fan.Change()
		}
		t.tellLinks()
	}
}

// finish makes the table one that packets may be looked up in, which does not change any more.
func (t *payloads) finish(way *transport) {
	switch m := way.t; {
	case t.main() != nil:
	case way == m.second:
		t.streams[media.Video] = m.stream(media.Video)
	default: // nothing is agreed on
		t.streams[media.Audio] = m.sound
	}
	if len(t.rest) > 0 {
		t.rest = way.t.engine.shelves.payloads.like(t.rest, slices.Equal[[]payload])
	}
}

// take adds the formats that a stream may receive.
func (t *payloads) take(s *stream, fs []media.Format, extra uint8) {
	t.streams[s.kind] = s
	t.rest = slices.Grow(t.rest, max(0, len(fs)-1))
	for _, f := range fs {
		one := payload{codec: s.codec(f.Codec), kind: s.kind, number: f.Number, extra: extra}
		if f.Codec.IsDigits() {
			one.what = media.Digit
		}
		t.add(one)
	}
}

// takeRepairs adds what is sent again of them.
func (t *payloads) takeRepairs(s *stream, repairs []media.Repair) {
	for _, r := range repairs {
		if of := t.find(r.Of); of != nil {
			t.add(payload{codec: of.codec, kind: s.kind, number: r.Number, repair: true, extra: of.extra})
		}
	}
}

// record lets packets be recorded by their numbers on a transport, where the far side wants to know when they come.
func (t *payloads) record(way *transport, s *media.Section) {
	id := s.Ext[media.TransportSeq]
	if id == 0 || !s.Feedback.Has(media.TransportCC) {
		return
	}
	r := new(recorder)
	if before := way.payloads.Load(); before != nil && before.recording != nil {
		r = before.recording.recorder // it goes on
	}
	t.recording = &recording{r, id}
}

// secure installs the keys of a section. Those of DTLS come with its handshake.
func (s *stream) secure(section *media.Section) error {
	switch {
	case s.t.crypt != nil:
		return nil
	case section.Security != media.SDES:
		s.crypt.Store(nil)
		return nil
	case s.sdes == nil:
		s.sdes = new(crypt)
	}
	if err := s.sdes.agree(section.KeyIn, section.KeyOut); err != nil {
		return err
	}
	s.crypt.Store(s.sdes)
	return nil
}

// mainOf returns the index of the section whose transport the others may share: that of sound, where there is one.
func mainOf(agreed []media.Section) int {
	return max(0, slices.IndexFunc(agreed, func(s media.Section) bool { return s.Kind == media.Audio }))
}

// ways returns the transport of each section. There is one ICE agent and one DTLS association, so with these there is one way; else
// video has its own where the far side does not describe the same for both. Video that is alone stays where it is.
func (t *terminal) ways(agreed []media.Section) []*transport {
	all := make([]*transport, len(agreed))
	for i := range agreed {
		switch s := &agreed[i]; {
		case t.policy.ICE || t.dtls != nil || s.Kind == media.Audio:
			all[i] = t.transport
		case i == mainOf(agreed):
			all[i] = t.stream(media.Video).way.Load()
		case s.Shared:
			all[i] = t.transport
		default:
			if t.second == nil {
				t.second = newTransport(t, t.transport.shard())
			}
			all[i] = t.second
		}
	}
	return all
}
