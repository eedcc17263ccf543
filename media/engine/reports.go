package engine

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

const (
	reportEvery = 5 * time.Second // on average (RFC 3550 section 6.2)
	reportTick  = 250 * time.Millisecond
)

// reporter sends the RTCP of all terminals from one goroutine.
type reporter struct {
	e    *Engine
	stop chan struct{}
	work sync.WaitGroup
	watching
}

func newReporter(e *Engine) *reporter {
	r := &reporter{e: e, stop: make(chan struct{}), watching: newWatching()}
	r.work.Go(r.run)
	return r
}

func (r *reporter) run() {
	tick := time.NewTicker(reportTick)
	defer tick.Stop()
	often := new(often)
	defer often.stop()
	for n := 0; ; {
		select {
		case <-r.stop:
			return
		case <-r.wake:
			often.start()
		case now := <-often.c:
			if !r.mend(now) {
				often.stop()
			}
		case now := <-tick.C:
			r.beat(now, n%watchEvery == 0)
			n++
		}
	}
}

// beat does what is due with each tick, and looks who has fallen silent where that is due too.
func (r *reporter) beat(now time.Time, watch bool) {
	r.e.measure(now)
	r.e.mu.Lock()
	open := r.e.open()
	r.e.mu.Unlock()
	r.e.findLost(open, now)
	r.e.age(now)
	for _, t := range open {
		t.reports.tick(now)
		if watch {
			t.silent(now)
		}
		t.attest()
	}
}

func (r *reporter) close() {
	close(r.stop)
	r.work.Wait()
}

// reports is the RTCP of one terminal (RFC 3550 section 6).
type reports struct {
	t *terminal

	mu   sync.Mutex
	next time.Duration // when the next one is due, by the engine's clock; 0: that is not known yet
}

// tick sends a report when it is due. The interval is random, so that the reports of many calls do not come at once.
func (r *reports) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, at := r.next == 0, r.t.engine.clock(now)
	if !first && at < r.next {
		return
	}
	r.next = at + reportEvery/2 + rand.N(reportEvery)
	if !first {
		r.send(now)
	}
}

// send sends a sender report for each stream that sends, else a receiver report, and our name. Reports go on while the media is held
// (RFC 3264 section 5.1). Streams that share their way and their keys share a packet.
func (r *reports) send(now time.Time) {
	for _, group := range r.groups() {
		if s := group[0]; s.way.Load().ready() {
			r.write(s, r.about(group, now))
		}
	}
}

// groups returns the streams that are agreed on, by way and keys.
func (r *reports) groups() [][]*stream {
	audio, video := r.t.sound, r.t.pictures.Load()
	switch pictures := video != nil && video.used(); {
	case !audio.used() && !pictures:
		return nil
	case !pictures:
		return [][]*stream{{audio}}
	case !audio.used():
		return [][]*stream{{video}}
	case audio.way.Load() == video.way.Load() && audio.crypt.Load() == video.crypt.Load():
		return [][]*stream{{audio, video}}
	default:
		return [][]*stream{{audio}, {video}}
	}
}

// used reports whether the stream has a section.
func (s *stream) used() bool {
	o := s.out.formats.Load()
	return o != nil && o.most > 0
}

func (r *reports) about(group []*stream, now time.Time) []rtcp.Packet {
	var packets []rtcp.Packet
	for _, s := range group {
		about := s.in.report(now)
		if sr := s.out.report(now); sr != nil {
			sr.Reports = about
			packets = append(packets, sr)
		} else if about != nil {
			packets = append(packets, &rtcp.ReceiverReport{SSRC: s.out.ssrc.Load(), Reports: about})
		}
	}
	if packets == nil {
		packets = []rtcp.Packet{&rtcp.ReceiverReport{SSRC: group[0].out.ssrc.Load()}}
	}
	return append(packets, r.name(group...))
}

func (r *reports) name(group ...*stream) rtcp.Packet {
	d := new(rtcp.SourceDescription)
	for _, s := range group {
		d.Chunks = append(d.Chunks, rtcp.SourceDescriptionChunk{
			Source: s.out.ssrc.Load(), Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: r.t.cname()}},
		})
	}
	return d
}

// bye says that our streams end (RFC 3550 section 6.6).
func (r *reports) bye() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, group := range r.groups() {
		var over []uint32
		for _, s := range group {
			if s.out.snapshot().Packets > 0 {
				over = append(over, s.out.ssrc.Load())
			}
		}
		if over != nil {
			r.write(group[0], []rtcp.Packet{&rtcp.ReceiverReport{SSRC: over[0]}, r.name(group...), &rtcp.Goodbye{Sources: over}})
		}
	}
}

// write sends a compound packet the way of a stream, under its keys.
func (r *reports) write(s *stream, packets []rtcp.Packet) {
	tr, c := s.way.Load(), s.crypt.Load()
	to := tr.farRTCP.Load()
	if to == nil || !to.IsValid() || tr.far.Load() == nil || !c.ready() {
		return
	}
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return
	}
	if b, err = c.protectRTCP(b); err != nil {
		return
	}
	if tr.mux.Load() {
		_ = tr.send(b, *to)
	} else {
		_ = tr.shard().rtcp.writeTo(b, *to)
	}
}

// arrived takes an RTCP datagram from a reader, and reports whether it was the far side's. Whose it is on a way that two streams share, each under its own keys, shows in the keys.
func (r *reports) arrived(tr *transport, b []byte, now time.Time) bool {
	main, ready := r.t.sound, false
	if table := tr.payloads.Load(); table != nil {
		main = table.main()
	}
	for _, group := range r.groups() {
		c := group[0].crypt.Load()
		if group[0].way.Load() != tr || !c.ready() {
			continue
		}
		ready = true
		plain, err := c.openRTCP(b)
		if err != nil {
			continue
		}
		if packets, err := rtcp.Unmarshal(plain); err == nil {
			read(group, packets, now)
			return true
		}
	}
	if ready { // before the keys it is not counted as bad, for it is usual
		main.in.bad()
	}
	return false
}

// read takes what the far side says of its streams and of ours.
func read(group []*stream, packets []rtcp.Packet, now time.Time) {
	for _, p := range packets {
		for _, s := range group {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				s.t.collide(p.SSRC)
				s.in.sent(p, now)
				s.in.reported(p, now)
				s.out.heard(p.Reports, now)
			case *rtcp.ReceiverReport:
				s.in.reported(p, now)
				s.out.heard(p.Reports, now)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				s.limited(p, now)
			case *rtcp.TransportLayerNack:
				if p.MediaSSRC == s.out.ssrc.Load() {
					s.resend(p.Nacks, now)
				}
			case *rtcp.PictureLossIndication:
				if p.MediaSSRC == s.out.ssrc.Load() {
					s.keyFrameWanted(now)
				}
			case *rtcp.FullIntraRequest:
				if slices.ContainsFunc(p.FIR, func(f rtcp.FIREntry) bool { return f.SSRC == s.out.ssrc.Load() }) {
					s.keyFrameWanted(now)
				}
			}
		}
	}
}
