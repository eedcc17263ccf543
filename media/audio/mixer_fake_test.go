package audio_test

import (
	"sync"

	"github.com/alexacall/alexacall/media"
)

// leg is a stream whose far side is the test.
type leg struct {
	fan media.Fanout

	mu      sync.Mutex
	codec   media.Codec
	written []media.Packet
	refuses error
}

func (l *leg) Codec() media.Codec {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.codec
}

func (l *leg) Reader() *media.Reader { return l.fan.Open() }

func (l *leg) Write(p *media.Packet) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuses != nil {
		return l.refuses
	}
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	l.written = append(l.written, q)
	return nil
}

func (*leg) Gate(media.Direction) {}
func (*leg) Stats() media.Stats   { return media.Stats{} }

// takes changes what the far side takes.
func (l *leg) takes(c media.Codec) {
	l.mu.Lock()
	l.codec = c
	l.mu.Unlock()
	l.fan.Change()
}

// sent returns what has been written since it was last asked.
func (l *leg) sent() []media.Packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.written
	l.written = nil
	return all
}

// ear is a stream that takes everything and keeps nothing; what is delivered to it comes from a test.
type ear struct {
	fan   media.Fanout
	codec media.Codec
}

func (s *ear) Codec() media.Codec      { return s.codec }
func (s *ear) Reader() *media.Reader   { return s.fan.Open() }
func (*ear) Write(*media.Packet) error { return nil }
func (*ear) Gate(media.Direction)      {}
func (*ear) Stats() media.Stats        { return media.Stats{} }
