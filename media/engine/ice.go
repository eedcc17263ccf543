package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/alexacall/alexacall/media"
)

const (
	connectLimit = 15 * time.Second        // for the first connectivity after the descriptions are there
	relayWait    = 2 * time.Second         // before a relay of the far side's is chosen, where something better may be found
	gatherLimit  = 30 * time.Second        // for candidates: they are known beforehand, so it only ends a hang
	checkEvery   = 200 * time.Millisecond  // of each pair, until there is a path
	movedAfter   = 2500 * time.Millisecond // silence of the old address after which a peer is followed to a new one
)

var (
	errNoConnectivity = errors.New("engine: no connectivity")
	errAddressTaken   = errors.New("engine: the far side's address belongs to another call")
	errNotIPv4        = errors.New("engine: the policy wants IPv4 and the engine has no such address")
)

// agent is the ICE side of a terminal: a pion agent that sees STUN only. It finds the path; media never passes through it.
type agent struct {
	t           *terminal
	ice         *ice.Agent
	mux         *stunMux
	ufrag, pwd  string
	controlling bool
	gathered    chan struct{}
	selected    atomic.Pointer[ice.Candidate] // the remote one

	mu      sync.Mutex
	started bool
	far     media.Transport
	limit   *time.Timer

	ctx     context.Context // of lookups; nil before there are any
	end     context.CancelFunc
	lookups sync.WaitGroup
}

// newCredentials makes a user name fragment and a password (RFC 8445 section 5.3).
func newCredentials() (ufrag, pwd string) {
	return randomText(8), randomText(28)
}

func newAgent(t *terminal, offerer bool) (*agent, error) {
	if t.policy.IPv4Only && !t.engine.local.Is4() {
		return nil, errNotIPv4
	}
	a := &agent{t: t, controlling: offerer && !t.policy.Lite, gathered: make(chan struct{}, 1)}
	a.ufrag, a.pwd = newCredentials()
	a.mux = &stunMux{tr: t.transport}
	if err := a.rebase(t.secret); err != nil {
		return nil, err
	}
	network := ice.NetworkTypeUDP4
	if t.engine.local.Is6() {
		network = ice.NetworkTypeUDP6
	}
	wait := relayWait
	if t.policy.RelayOnly {
		wait = 0 // there is nothing better to wait for
	}
	var err error
	a.ice, err = ice.NewAgentWithOptions(
		ice.WithUDPMux(a.mux),
		ice.WithLocalCredentials(a.ufrag, a.pwd),
		ice.WithNet(t.engine.net),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithNetworkTypes([]ice.NetworkType{network}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithDisableActiveTCP(),
		ice.WithRelayAcceptanceMinWait(wait),
		ice.WithICELite(t.policy.Lite),
		ice.WithDisconnectedTimeout(t.engine.limits.consent/2), // nothing follows from that
		ice.WithFailedTimeout(t.engine.limits.consent/2),
		ice.WithMaxBindingRequests(uint16(1+t.engine.limits.connect/checkEvery)), // else a pair is given up after a second, for ever
		ice.WithBindingRequestHandler(a.follow),
		ice.WithLoggerFactory(silentLogs{}),
	)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if err := errors.Join(
		a.ice.OnCandidate(a.candidate), a.ice.OnConnectionStateChange(a.state), a.ice.OnSelectedCandidatePairChange(a.pair),
		a.gather(),
	); err != nil {
		_ = a.ice.GracefulClose()
		return nil, fmt.Errorf("engine: %w", err)
	}
	if !t.policy.RelayOnly {
		t.transport.tcp = newTCPLinks(t.transport, a.pwd)
		t.engine.tcp.expect(t.transport.tcp, a.ufrag)
	}
	return a, nil
}

// gather waits until the agent listens: a check that comes before would be lost.
func (a *agent) gather() error {
	if err := a.ice.GatherCandidates(); err != nil {
		return err
	}
	select {
	case <-a.gathered:
		return nil
	case <-time.After(gatherLimit):
		return errNoConnectivity
	}
}

func (a *agent) candidate(c ice.Candidate) {
	if c == nil {
		select {
		case a.gathered <- struct{}{}:
		default:
		}
	}
}

// connect begins the checks towards the far side's transport or, when they run already, takes new credentials after a restart.
func (a *agent) connect(far media.Transport) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.started && a.far.Ufrag == far.Ufrag && a.far.Pwd == far.Pwd {
		return nil
	}
	if a.started {
		if err := a.ice.SetRemoteCredentials(far.Ufrag, far.Pwd); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
	}
	a.addRemotes(far.Candidates)
	if err := a.start(far); err != nil {
		return err
	}
	a.reach(far.Candidates)
	a.started, a.far = true, far
	if a.limit == nil {
		a.limit = time.AfterFunc(a.t.engine.limits.connect, func() { a.t.fail(errNoConnectivity) })
	}
	return nil
}

func (a *agent) start(far media.Transport) error {
	if a.started {
		return nil
	}
	begin := a.ice.StartAccept
	if a.controlling || far.Lite { // two lite agents have been refused
		begin = a.ice.StartDial // the Conn that it returns is for media, which takes its own way
	}
	if _, err := begin(far.Ufrag, far.Pwd); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// addRemotes adds the candidates of a description. a.mu is held.
func (a *agent) addRemotes(texts []string) {
	left := maxNames
	for _, text := range texts {
		c, err := ice.UnmarshalCandidate(text)
		if err == nil && usable(c) && isName(c.Address()) && left > 0 {
			left--
			a.resolve(c, text)
			continue
		}
		a.addRemote(text)
	}
}

// addRemote adds a candidate that we can use. Others and malformed ones are passed over, as RFC 8839 section 5.1 asks.
func (a *agent) addRemote(text string) {
	c, err := ice.UnmarshalCandidate(text)
	if err != nil || !usable(c) {
		return
	}
	if ip, err := netip.ParseAddr(c.Address()); err != nil || isTCPName(ip) || a.t.policy.IPv4Only && ip.Is6() {
		return
	}
	_ = a.ice.AddRemoteCandidate(c)
}

// usable reports whether a candidate is of the first component, and UDP.
func usable(c ice.Candidate) bool {
	return c.Component() == ice.ComponentRTP && c.NetworkType().IsUDP() && c.TCPType() == ice.TCPTypeUnspecified
}

// restart begins anew with other credentials of ours (RFC 8445 section 9). Media goes on to the old path meanwhile.
func (a *agent) restart(ufrag, pwd string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.t.transport.tcp; l != nil {
		l.pwd.Store(&pwd)
		a.t.engine.tcp.expect(l, ufrag)
	}
	if err := a.ice.Restart(ufrag, pwd); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	a.selected.Store(nil)
	if a.t.dtls != nil {
		a.t.dtls.disconnected()
	}
	return a.gather()
}

// follow runs on the agent's loop after it has verified a request, and tells it to select the pair: a controlled agent when it is
// nominated, also below the priority of the one it has; any agent when the peer has fallen silent at its old address and comes from
// another one. Who is controlled follows from the request, for roles may change (RFC 8445 section 7.3.1.1). A controlled agent selects
// no pair that has not answered a check of its own (section 7.3.1.5), for the source of a request is easily forged; a controlling one
// sends no checks to new pairs here, and a lite one none at all.
func (a *agent) follow(m *stun.Message, _, remote ice.Candidate, pair *ice.CandidatePair) bool {
	if m.Contains(stun.AttrICEControlling) && !a.t.policy.Lite {
		if pair.ResponsesReceived() == 0 {
			return false
		}
		if m.Contains(stun.AttrUseCandidate) {
			return true
		}
	}
	old := a.selected.Load()
	return old != nil && !(*old).Equal(remote) && time.Since((*old).LastReceived()) > a.silence()
}

// pair is told of the path that the agent has chosen.
func (a *agent) pair(local, remote ice.Candidate) {
	ip, err := netip.ParseAddr(remote.Address())
	conn := a.mux.conn(net.JoinHostPort(local.Address(), strconv.Itoa(local.Port())))
	if err != nil || conn == nil {
		return
	}
	a.selected.Store(&remote)
	a.mu.Lock()
	if a.limit != nil {
		a.limit.Stop()
	}
	a.mu.Unlock()
	addr := netip.AddrPortFrom(ip.Unmap(), uint16(remote.Port()))
	at := conn.at
	if isTCPName(addr.Addr()) {
		at = a.t.transport.tcp
	}
	at.learn(addr, conn)
	a.t.reached(at, addr)
}

// state is told how the connectivity does. Consent that has expired stops the media (RFC 7675 section 5.1), for it is we who send.
func (a *agent) state(s ice.ConnectionState) {
	if s == ice.ConnectionStateFailed {
		a.t.fail(errNoConnectivity)
	}
}

// close ends the agent and waits for its goroutines. After it nothing of the far side's comes to the call any more.
func (a *agent) close() {
	a.mu.Lock()
	if a.limit != nil {
		a.limit.Stop()
	}
	if a.ctx == nil {
		a.ctx, a.end = context.WithCancel(context.Background())
	}
	a.end()
	a.mu.Unlock()
	a.lookups.Wait()
	a.t.transport.tcp.close()
	_ = a.ice.GracefulClose()
	a.mux.forget()
}
