package engine

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
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
}

func newReporter(e *Engine) *reporter {
	r := &reporter{e: e, stop: make(chan struct{})}
	r.work.Go(r.run)
	return r
}

func (r *reporter) run() {
	tick := time.NewTicker(reportTick)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case now := <-tick.C:
			r.e.mu.Lock()
			open := r.e.open()
			r.e.mu.Unlock()
			for _, t := range open {
				t.reports.tick(now)
			}
		}
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
	next time.Time
}

func newReports(t *terminal) *reports { return &reports{t: t} }

// tick sends a report when it is due. The interval is random, so that the reports of many calls do not come at once.
func (r *reports) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.next.IsZero()
	if !first && now.Before(r.next) {
		return
	}
	r.next = now.Add(reportEvery/2 + rand.N(reportEvery))
	if !first {
		r.send(now)
	}
}

// send sends a sender report for each stream that sends, else a receiver report, and our name. Reports go on while the media is held
// (RFC 3264 section 5.1).
func (r *reports) send(now time.Time) {
	if !r.t.transport.ready() {
		return
	}
	var packets []rtcp.Packet
	for _, s := range r.t.streams {
		about := s.in.report(now)
		if sr := s.out.report(now); sr != nil {
			sr.Reports = about
			packets = append(packets, sr)
		} else if about != nil {
			packets = append(packets, &rtcp.ReceiverReport{SSRC: s.out.ssrc, Reports: about})
		}
	}
	if packets == nil {
		packets = []rtcp.Packet{&rtcp.ReceiverReport{SSRC: r.t.streams[media.Audio].out.ssrc}}
	}
	r.write(append(packets, r.name()))
}

func (r *reports) name() rtcp.Packet {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: r.t.streams[media.Audio].out.ssrc,
		Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: r.t.local.CNAME}},
	}}}
}

// bye says that our streams end (RFC 3550 section 6.6).
func (r *reports) bye() {
	r.mu.Lock()
	defer r.mu.Unlock()
	ssrc := r.t.streams[media.Audio].out.ssrc
	if r.t.streams[media.Audio].out.snapshot().Packets > 0 {
		r.write([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}, r.name(), &rtcp.Goodbye{Sources: []uint32{ssrc}}})
	}
}

func (r *reports) write(packets []rtcp.Packet) {
	tr := r.t.transport
	to := tr.farRTCP.Load()
	if to == nil || !to.IsValid() || !tr.joined() {
		return
	}
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return
	}
	if b, err = tr.protectRTCP(b); err != nil {
		return
	}
	sock := tr.shard.rtp
	if !tr.mux.Load() {
		sock = tr.shard.rtcp
	}
	_ = sock.writeTo(b, *to)
}

// arrived takes an RTCP datagram from a reader.
func (r *reports) arrived(tr *transport, b []byte, now time.Time) {
	if tr.secure && tr.keysIn.Load() == nil {
		return // before the keys: not counted as bad, for it is usual
	}
	b, err := tr.openRTCP(b)
	if err != nil {
		r.t.streams[media.Audio].in.bad()
		return
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		r.t.streams[media.Audio].in.bad()
		return
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			r.each(func(s *stream) { s.in.sent(p, now); s.out.heard(p.Reports, now) })
		case *rtcp.ReceiverReport:
			r.each(func(s *stream) { s.out.heard(p.Reports, now) })
		}
	}
}

func (r *reports) each(f func(*stream)) {
	for _, s := range r.t.streams {
		f(s)
	}
}

func (tr *transport) protectRTCP(b []byte) ([]byte, error) {
	if !tr.secure {
		return b, nil
	}
	tr.outMu.Lock()
	defer tr.outMu.Unlock()
	return tr.keysOut.EncryptRTCP(nil, b, nil)
}

func (tr *transport) openRTCP(b []byte) ([]byte, error) {
	if !tr.secure {
		return b, nil
	}
	return tr.keysIn.Load().DecryptRTCP(nil, b, nil)
}
