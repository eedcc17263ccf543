package engine_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// through connects a terminal, as the one that answers or offers, and a browser over a forwarder.
func through(t testing.TB, e *engine.Engine, term media.Terminal, b *browser, offers bool) *forwarder {
	t.Helper()
	f := newForwarder(t, e.Addr())
	f.negotiate(term, b, offers)
	return f
}

// negotiate carries an offer and its answer over the forwarder.
func (f *forwarder) negotiate(term media.Terminal, b *browser, offers bool) {
	f.t.Helper()
	if offers {
		offer, err := term.Offer(g711())
		if err != nil {
			f.t.Fatal(err)
		}
		if err := term.Accept(f.offered(b.answer(f.answered(offer)))); err != nil {
			f.t.Fatal(err)
		}
		return
	}
	answer, err := term.Answer(f.offered(b.offer()), g711())
	if err != nil {
		f.t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, f.answered(answer))
}

// chat writes sound through a terminal until stop is called.
func chat(t testing.TB, term media.Terminal, payload string) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		codec := media.PCMU()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for seq := uint16(0); ; seq++ {
			select {
			case <-done:
				return
			case <-tick.C:
				p := media.Packet{Codec: &codec, Start: seq == 0, Seq: seq, Time: uint32(seq) * 160, Payload: []byte(payload)}
				if err := term.Stream(media.Audio).Write(&p); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	return sync.OnceFunc(func() { close(done); work.Wait() })
}

// isMedia reports whether a datagram is RTP and not RTCP.
func isMedia(b []byte) bool { return len(b) > 1 && b[0]>>6 == 2 && (b[1] < 192 || b[1] > 223) }

// loseEach loses some packets of sound each way, once they flow.
func loseEach(n int) func(b []byte, toPeer bool) int {
	seen := map[bool]int{}
	return func(b []byte, toPeer bool) int {
		if isMedia(b) {
			if seen[toPeer]++; seen[toPeer] > 20 && seen[toPeer] <= 20+n {
				return 0
			}
		}
		return 1
	}
}

// collect reads RTCP until the source of it ends.
func collect(work *sync.WaitGroup, read func() ([]rtcp.Packet, error), take func(rtcp.Packet)) {
	work.Go(func() {
		for {
			packets, err := read()
			if err != nil {
				return
			}
			for _, p := range packets {
				take(p)
			}
		}
	})
}

// heardReports is what a browser has been told.
type heardReports struct {
	mu      sync.Mutex
	lost    uint32 // of its own stream
	trip    bool   // its sender report was answered
	senders int
	names   map[string]bool
	bye     bool
}

func (h *heardReports) take(p rtcp.Packet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var reports []rtcp.ReceptionReport
	switch p := p.(type) {
	case *rtcp.SenderReport:
		h.senders++
		reports = p.Reports
	case *rtcp.ReceiverReport:
		reports = p.Reports
	case *rtcp.SourceDescription:
		for _, c := range p.Chunks {
			h.names[c.Items[0].Text] = c.Items[0].Type == rtcp.SDESCNAME
		}
	case *rtcp.Goodbye:
		h.bye = true
	}
	for _, r := range reports {
		h.lost = max(h.lost, r.TotalLost)
		h.trip = h.trip || r.LastSenderReport != 0
	}
}

func (h *heardReports) is(done func() bool) func() bool {
	return func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return done()
	}
}

func TestReportsWebRTC(t *testing.T) {
	t.Parallel()
	e := listen(t)
	term, b := open(t, e, media.AlexaCalling()), newBrowser(t)
	h := &heardReports{names: map[string]bool{}}
	var work sync.WaitGroup
	defer work.Wait()
	defer b.hangUp()
	closed := make(chan webrtc.DTLSTransportState, 8)
	sender := b.pc.GetSenders()[0]
	sender.Transport().OnStateChange(func(s webrtc.DTLSTransportState) { closed <- s })
	collect(&work, func() ([]rtcp.Packet, error) { p, _, err := sender.ReadRTCP(); return p, err }, h.take)
	f := through(t, e, term, b, false)
	receiver := b.pc.GetReceivers()[0]
	collect(&work, func() ([]rtcp.Packet, error) { p, _, err := receiver.ReadRTCP(); return p, err }, h.take)

	f.with(loseEach(3))
	stop := b.talk("from the browser")
	defer stop()
	quiet := chat(t, term, "from us")
	defer quiet()
	b.hears("from us")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		<-tick.C
		engine.Report(term) // the browser does its own once a second
		out, in := outgoing(term), incoming(term)
		if h.is(func() bool { return h.trip && h.lost == 3 })() && out.RemoteLost == 3 && out.RoundTrip > 0 && in.Lost == 3 {
			break
		}
	}
	in, out := incoming(term), outgoing(term)
	if in.Lost != 3 || in.Bad != 0 || out.RemoteLost != 3 || out.RoundTrip <= 0 || out.RoundTrip > 5*time.Second {
		t.Errorf("our statistics: in %+v, out %+v; want 3 lost each way, and a round trip", in, out)
	}
	h.mu.Lock()
	if h.lost != 3 || !h.trip || h.senders == 0 || len(h.names) != 1 {
		t.Errorf("the browser was told: lost %d, round trip %v, %d sender reports, names %v", h.lost, h.trip, h.senders, h.names)
	}
	h.mu.Unlock()

	quiet()
	held := make(chan []byte, 1) // our close_notify: the browser throws away what it has not read when it comes
	f.with(func(b []byte, toPeer bool) int {
		if toPeer && b[0] == 21 {
			held <- bytes.Clone(b)
			return 0
		}
		return 1
	})
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser reads our goodbye", h.is(func() bool { return h.bye }))
	select {
	case b := <-held:
		f.deliver(b)
	case <-time.After(5 * time.Second):
		t.Fatal("no close_notify in 5 s")
	}
	for deadline := time.After(5 * time.Second); ; {
		select {
		case s := <-closed:
			if s == webrtc.DTLSTransportStateClosed {
				return
			}
		case <-deadline:
			t.Fatal("the browser has not read our close_notify in 5 s")
		}
	}
}
