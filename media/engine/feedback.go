package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// askEvery is how often one side may ask the other for a key frame: each costs as much as a second of pictures, and what is asked again
// within that time is on its way.
const askEvery = 200 * time.Millisecond

// feedback is what a stream's receiver may ask of its sender, both ways. All of it is about pictures.
type feedback struct {
	agreed atomic.Uint32 // media.Feedback

	mu       sync.Mutex
	heard    time.Time // when the far side last asked for a key frame
	asked    time.Time // when we did
	lost     time.Time // when we did for a loss
	ceilings ceilings
	count    uint8 // of our full intra requests (RFC 5104 section 4.3.1.1)
}

// due reports whether it may be asked now, and notes that it was.
func due(last *time.Time, now time.Time) bool {
	if now.Sub(*last) < askEvery {
		return false
	}
	*last = now
	return true
}

// keyFrameWanted takes the far side's request for a key frame: to the readers, and to the stream that this one is linked to.
func (s *stream) keyFrameWanted(now time.Time) {
	if s.asks == nil {
		return
	}
	s.asks.mu.Lock()
	ok := due(&s.asks.heard, now)
	s.asks.mu.Unlock()
	if !ok || !s.passes(media.SendOnly) {
		return
	}
	p := media.Packet{What: media.KeyFrame}
	s.fan.Deliver(&p)
	if l := s.link.Load(); l != nil {
		l.ask(&p)
	}
}

// ask hands a request on, against the way of the media.
func (l *link) ask(p *media.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead {
		_ = l.to.Write(p)
	}
}

// askKeyFrame asks the far side for a key frame, in the way that was agreed (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1), else by
// signalling where that can.
func (s *stream) askKeyFrame() {
	if s.asks == nil {
		return
	}
	agreed := media.Feedback(s.asks.agreed.Load()) & (media.PLI | media.FIR)
	ssrc, heard := s.in.source()
	if !heard || agreed == 0 && s.t.o.KeyFrame == nil || !s.passes(media.RecvOnly) {
		return
	}
	s.asks.mu.Lock()
	ok := due(&s.asks.asked, time.Now())
	if ok {
		s.asks.count++
	}
	count := s.asks.count
	s.asks.mu.Unlock()
	if !ok {
		return
	}
	if agreed == 0 {
		s.in.settle()
		s.t.o.KeyFrame()
		return
	}
	var request rtcp.Packet = &rtcp.PictureLossIndication{SenderSSRC: s.out.ssrc.Load(), MediaSSRC: ssrc}
	if !agreed.Has(media.PLI) {
		request = &rtcp.FullIntraRequest{SenderSSRC: s.out.ssrc.Load(), MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: count}}}
	}
	s.in.settle()
	s.tell(request)
}
