package engine

import (
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
)

// terminal is the media of one leg: a negotiation with a transport and a stream or two under it.
type terminal struct {
	engine    *Engine
	policy    *media.Policy
	o         media.OpenOptions
	id        uint64
	session   uint64     // of our descriptions (o-line)
	transport *transport // of sound and, unless it goes a way of its own, of video
	sound     *stream
	pictures  atomic.Pointer[stream]            // nil until somebody needs it: most legs have sound alone
	dtls      *association                      // nil without DTLS
	crypt     *crypt                            // of DTLS; nil without
	agreed    atomic.Pointer[media.Negotiation] // what stands; nil before there is an agreement

	mu     sync.Mutex // guards the signalling side
	neg    media.Negotiation
	secret *media.Local     // our side where it says more than who and where we are; nil on a plain leg
	ice    *agent           // nil without ICE, and before the first description
	second *transport       // of video where the far side takes it elsewhere; nil before it did
	named  []netip.AddrPort // that the far side's description names, as noted in the shard; guarded by its lock
	closed bool
	name   uint32 // that our CNAME is made of
	failed sync.Once

	vigil   vigil
	reports reports
	signals atomic.Pointer[netip.Addr] // where its signalling comes from

	over     atomic.Bool // the media has ended; streamMu is held when it changes
	streamMu sync.Mutex  // guards links and the making of pictures
	links    []*link     // from or to one of the streams
}

var _ media.Terminal = (*terminal)(nil)

func newTerminal(e *Engine, home *shard, p *media.Policy, o *media.OpenOptions) *terminal {
	t := &terminal{engine: e, policy: p, id: e.ids.Add(1), name: random(), session: uint64(random())<<16 | uint64(random()&0xffff)}
	if o != nil {
		t.o = *o
	}
	t.transport = newTransport(t, home)
	if p.Security == media.DTLS {
		t.dtls, t.crypt = newAssociation(t), new(crypt)
	}
	t.sound = newStream(t, media.Audio)
	t.sound.out.ssrc.Store(random())
	t.reports.t = t
	if p.ICE || p.Security != media.Plain {
		l := t.local()
		l.Fingerprint, l.Keys, l.VideoKeys = e.cert.fingerprint, p.NewKeys(), p.NewKeys()
		t.secret = &l
	}
	return t
}

// cname returns the name of our streams, the same for all of them (RFC 3550 section 6.5.1).
func (t *terminal) cname() string { return "alexacall-" + strconv.FormatUint(uint64(t.name), 36) }

// local returns our side for a description.
func (t *terminal) local() media.Local {
	home := t.transport.shard()
	l := media.Local{
		ID: t.session, Addr: t.engine.local.String(), Port: home.rtp.addr.Port(), RTCPPort: home.rtcp.addr.Port(), CNAME: t.cname(),
	}
	if t.secret != nil {
		l = *t.secret
	}
	l.SSRC = t.sound.out.ssrc.Load()
	if len(t.policy.Video) > 0 {
		out := &t.stream(media.Video).out
		l.VideoSSRC, l.RepairSSRC = out.ssrc.Load(), out.repairSSRC
	}
	return l
}

// Plan implements media.Endpoint.
func (t *terminal) Plan() media.Plan {
	if n := t.agreed.Load(); n != nil {
		return n.Agreed()
	}
	return nil
}

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
	neg, d, err := t.neg.Offer(t.policy, t.local(), want)
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
	if t.vigil.up.Load() {
		neg = neg.Settle()
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
	local := t.local()
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
	t.neg = neg
	if restart {
		t.secret = &local
	}
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
	if p.What == media.KeyFrame {
		if s := t.pictures.Load(); s != nil && k == media.Video {
			s.keyFrameWanted(time.Now())
		}
		return
	}
	s, q := t.stream(k), *p
	q.Start = true // its numbers are not those of what arrives, before it or after
	q.Signal = true
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
	t.endStreams()
	t.engine.leave(t.transport.shard())
	return nil
}

// prepare makes what a description names: the ICE agent with its candidates.
func (t *terminal) prepare(offerer bool) error {
	if t.closed {
		return media.ErrClosed
	}
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
	t.secret.Ufrag, t.secret.Pwd = a.ufrag, a.pwd
	return nil
}

// digits passes on digits that the far side does not take as telephone events, and reports whether there is anybody to take them.
func (t *terminal) digits(p media.Packet) bool {
	if t.o.Digits == nil {
		return false
	}
	t.o.Digits(p)
	return true
}
