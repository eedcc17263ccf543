package engine

import (
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/alexacall/alexacall/media"
)

// terminal is the media of one leg: a negotiation with a transport and two streams under it.
type terminal struct {
	engine    *Engine
	policy    *media.Policy
	o         media.OpenOptions
	id        uint64
	transport *transport // of sound and, unless it goes a way of its own, of video
	streams   [2]*stream
	reports   *reports
	dtls      *association // nil without DTLS
	crypt     *crypt       // of DTLS; nil without
	plan      atomic.Pointer[media.Plan]

	mu     sync.Mutex // guards the signalling side
	neg    media.Negotiation
	local  media.Local
	ice    *agent           // nil without ICE, and before the first description
	second *transport       // of video where the far side takes it elsewhere; nil before it did
	named  []netip.AddrPort // that the far side's description names, as noted in the shard; guarded by its lock
	closed bool
	failed sync.Once

	vigil   vigil
	signals atomic.Pointer[netip.Addr] // where its signalling comes from

	linkMu sync.Mutex
	links  []*link // from or to one of the streams
}

var _ media.Terminal = (*terminal)(nil)

func newTerminal(e *Engine, home *shard, p *media.Policy, o *media.OpenOptions) *terminal {
	t := &terminal{engine: e, policy: p, id: e.ids.Add(1)}
	if o != nil {
		t.o = *o
	}
	t.transport = newTransport(t, home)
	if p.Security == media.DTLS {
		t.dtls, t.crypt = newAssociation(t), new(crypt)
	}
	for k := range t.streams {
		t.streams[k] = newStream(t, media.Kind(k))
	}
	for _, s := range t.streams { // one key protects both: two streams under one number would share its key stream
		s.out.ssrc.Store(t.freshSSRC(0))
	}
	video := &t.streams[media.Video].out
	video.repairSSRC = t.freshSSRC(0)
	t.local = media.Local{
		ID: uint64(random())<<16 | uint64(random()&0xffff), Addr: e.local.String(), Port: home.rtp.addr.Port(), RTCPPort: home.rtcp.addr.Port(),
		Fingerprint: e.cert.fingerprint, RepairSSRC: video.repairSSRC,
		Keys: p.NewKeys(), VideoKeys: p.NewKeys(), CNAME: "alexacall-" + strconv.FormatUint(uint64(random()), 36),
	}
	t.reports = newReports(t)
	return t
}

// Plan implements media.Endpoint.
func (t *terminal) Plan() media.Plan {
	if p := t.plan.Load(); p != nil {
		return *p
	}
	return nil
}

// Stream implements media.Endpoint.
func (t *terminal) Stream(k media.Kind) media.Stream { return t.streams[k] }

// Far implements media.Terminal.
func (t *terminal) Far() media.Plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Far()
}

// Offer implements media.Terminal.
func (t *terminal) Offer(want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.prepare(true); err != nil {
		return media.Description{}, err
	}
	neg, d, err := t.neg.Offer(t.policy, t.local, want)
	if err != nil {
		return media.Description{}, err
	}
	t.neg = neg
	return d, nil
}

// Accept implements media.Terminal.
func (t *terminal) Accept(answer media.Description) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return media.ErrClosed
	}
	neg, err := t.neg.Accept(t.policy, answer)
	if err != nil {
		return err
	}
	if err := t.claim(neg); err != nil {
		return err
	}
	if t.engine.ports != nil {
		t.transport.shard().name(t, t.farAddrs(neg), true)
	}
	t.neg = neg
	return t.apply()
}

// Answer implements media.Terminal.
func (t *terminal) Answer(offer media.Description, want media.Plan) (media.Description, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.makeRoom(offer, want); err != nil {
		return media.Description{}, err
	}
	if err := t.prepare(false); err != nil {
		return media.Description{}, err
	}
	local := t.local
	restart := t.ice != nil && t.neg.Restarts(offer)
	if restart {
		local.Ufrag, local.Pwd = newCredentials()
		if err := t.ice.rebase(&local); err != nil {
			return media.Description{}, err
		}
	}
	neg, d, err := t.neg.Answer(t.policy, local, want, offer)
	if err != nil {
		return media.Description{}, err
	}
	if err := t.claim(neg); err != nil {
		return media.Description{}, err
	}
	if restart {
		if err := t.ice.restart(local.Ufrag, local.Pwd); err != nil {
			return media.Description{}, err
		}
	}
	t.neg, t.local = neg, local
	if err := t.apply(); err != nil {
		return media.Description{}, err
	}
	return d, nil
}

// Rollback implements media.Terminal.
func (t *terminal) Rollback() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.neg = t.neg.Rollback()
}

// Stands implements media.Terminal.
func (t *terminal) Stands(want media.Plan) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.neg.Stands(t.policy, want)
}

// Inject implements media.Terminal. What arrives while p is on its way may go to a reader, or out on the link, on either side of it: so
// both begin anew behind it too.
func (t *terminal) Inject(k media.Kind, p *media.Packet) {
	s, q := t.streams[k], *p
	q.Start = true // its numbers are not those of what arrives, before it or after
	s.in.rejoin()
	s.fan.Deliver(&q)
	if l := s.link.Load(); l != nil {
		l.forward(nil, &q, nil)
	}
	s.in.rejoin()
}

// Close implements media.Terminal. Its order matters: first nothing is sent any more but goodbyes, then nothing arrives, then the
// readers end.
func (t *terminal) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	agent, second := t.ice, t.second
	t.mu.Unlock()
	t.engine.forget(t)
	t.engine.reporter.unwatch(t)
	if second != nil {
		second.stopped.Store(true)
	}
	if !t.transport.stopped.Swap(true) {
		t.reports.bye()
		if t.dtls != nil {
			t.dtls.notify()
		}
	}
	if t.dtls != nil {
		t.dtls.close()
	}
	if agent != nil {
		agent.close()
	}
	t.failed.Do(func() {}) // after this nobody is told
	t.transport.stopped.Store(true)
	t.transport.shard().part(t)
	for _, s := range t.streams {
		s.fan.Close()
	}
	t.engine.leave(t.transport.shard())
	return nil
}

// prepare makes what a description names: the sources, and the ICE agent with its candidates.
func (t *terminal) prepare(offerer bool) error {
	if t.closed {
		return media.ErrClosed
	}
	t.local.SSRC, t.local.VideoSSRC = t.streams[media.Audio].out.ssrc.Load(), t.streams[media.Video].out.ssrc.Load()
	if t.policy.RelayOnly && !t.policy.ICE {
		return errRelayICE
	}
	if !t.policy.ICE || t.ice != nil {
		return nil
	}
	a, err := newAgent(t, offerer)
	if err != nil {
		return err
	}
	t.ice = a
	t.local.Ufrag, t.local.Pwd = a.ufrag, a.pwd
	return nil
}

// tellLinks tells relays that codecs have changed.
func (t *terminal) tellLinks() {
	t.linkMu.Lock()
	defer t.linkMu.Unlock()
	for _, l := range t.links {
		if l.changed != nil {
			l.changed()
		}
	}
}

func (t *terminal) watch(l *link) {
	t.linkMu.Lock()
	defer t.linkMu.Unlock()
	t.links = append(t.links, l)
}

func (t *terminal) unwatch(l *link) {
	t.linkMu.Lock()
	defer t.linkMu.Unlock()
	for i := range t.links {
		if t.links[i] == l {
			t.links = append(t.links[:i:i], t.links[i+1:]...)
			return
		}
	}
}

// digits passes on digits that the far side does not take as telephone events.
func (t *terminal) digits(p media.Packet) {
	if t.o.Digits != nil {
		t.o.Digits(p)
	}
}
