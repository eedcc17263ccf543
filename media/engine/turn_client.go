package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

const (
	turnTries      = 4               // of a request over UDP
	turnFresh      = 2               // times that one request may be repeated because of its credentials
	turnSweep      = 5 * time.Second // how often permissions and channels are looked through
	permitRenewed  = 4 * time.Minute // of the five that a permission lives (RFC 8656 section 9)
	permitRefused  = time.Minute     // before a permission that was refused is asked for again
	channelKept    = 16 * time.Minute
	maxPermits     = 8192            // permissions at a time
	maxTURNText    = 763             // bytes of realm and nonce (RFC 8489 sections 14.9 and 14.10)
	turnLeaveLimit = 1 * time.Second // for the farewell

	turnEvery = 20 * time.Second       // between refreshes: they keep NATs open, and tell that the server is there
	turnRTO   = 500 * time.Millisecond // RFC 8489 section 6.2.1
)

var (
	errTURNSilent   = errors.New("engine: TURN: the server does not answer")
	errTURNResponse = errors.New("engine: TURN: a response without what it should say")
)

// turnError is the refusal of a TURN server.
type turnError struct {
	code   int
	reason string
	other  netip.AddrPort // server to be asked in its place (RFC 8489 section 10)
}

func (e *turnError) Error() string {
	if e.reason == "" {
		return fmt.Sprintf("engine: TURN: the server refuses with %d", e.code)
	}
	return fmt.Sprintf("engine: TURN: the server refuses with %d %q", e.code, e.reason)
}

// turnPhase says how far an allocation is.
type turnPhase uint8

const (
	turnAsking turnPhase = iota
	turnUp
	turnLeaving
	turnOver
)

// turnClient is one allocation as a state machine without clock, socket and lock: it is told what comes and how late it is, and leaves
// what is to be sent in out (RFC 8656). Who reads it for sending may do so beside others; all else is done alone.
type turnClient struct {
	server *TURNServer
	limits *limits
	six    bool // an address of IPv6 is asked for
	stream bool // requests are not repeated

	phase           turnPhase
	err             error // why it is over
	realm, nonce    []byte
	integrity       stun.MessageIntegrity
	relayed, mapped netip.AddrPort
	refresh, sweep  time.Time
	end             time.Time // of leaving
	pending         map[transactionID]*turnRequest
	permits         map[netip.Addr]*turnPermit
	channels        map[netip.AddrPort]*turnChannel
	numbers         map[uint16]*turnChannel
	number          uint16 // that was given last
	out             [][]byte
}

// turnRequest is a request that waits for its response.
type turnRequest struct {
	method  stun.Method
	permit  *turnPermit
	channel *turnChannel
	raw     []byte
	sent    int
	next    time.Time // when it is sent again, or given up
	fresh   int
}

// turnPermit is the permission for one address of far sides (RFC 8656 section 9).
type turnPermit struct {
	addr  netip.Addr
	used  atomic.Bool // since it was renewed
	no    bool        // the server refuses it
	renew time.Time
}

// turnChannel is the short form of sending to one address and port (RFC 8656 section 12).
type turnChannel struct {
	peer   netip.AddrPort
	permit *turnPermit
	number uint16
	ready  bool
	used   atomic.Bool
	renew  time.Time
	end    time.Time // until then the number may stand for no other peer
}

func newTURNClient(s *TURNServer, l *limits, six, stream bool) *turnClient {
	return &turnClient{
		server: s, limits: l, six: six, stream: stream,
		pending: map[transactionID]*turnRequest{}, permits: map[netip.Addr]*turnPermit{},
		channels: map[netip.AddrPort]*turnChannel{}, numbers: map[uint16]*turnChannel{}, number: channelLast,
	}
}

// start asks for the allocation.
func (c *turnClient) start(now time.Time) {
	c.refresh, c.sweep = now.Add(time.Hour), now.Add(turnSweep)
	c.request(now, &turnRequest{method: stun.MethodAllocate})
}

// leave gives the allocation back.
func (c *turnClient) leave(now time.Time) {
	clear(c.pending)
	if c.phase != turnUp {
		c.phase = turnOver
		return
	}
	c.phase, c.end = turnLeaving, now.Add(turnLeaveLimit)
	c.request(now, &turnRequest{method: stun.MethodRefresh})
}

// over ends it.
func (c *turnClient) over(err error) {
	if c.phase != turnOver {
		c.phase, c.err = turnOver, err
	}
}

// request sends a request under a new transaction.
func (c *turnClient) request(now time.Time, r *turnRequest) {
	m := stun.New()
	if err := m.Build(c.setters(r)...); err != nil {
		c.over(fmt.Errorf("engine: TURN: %w", err))
		return
	}
	r.raw, r.sent, r.next = m.Raw, 1, now.Add(c.limits.turnRTO)
	if c.stream {
		r.next = now.Add(c.limits.turnRTO << turnTries)
	}
	c.pending[m.TransactionID] = r
	c.out = append(c.out, r.raw)
}

func (c *turnClient) setters(r *turnRequest) []stun.Setter {
	set := []stun.Setter{stun.TransactionID, stun.NewType(r.method, stun.ClassRequest)}
	switch {
	case r.permit != nil:
		set = append(set, peerAddress(netip.AddrPortFrom(r.permit.addr, 0)))
	case r.channel != nil:
		set = append(set, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{byte(r.channel.number >> 8), byte(r.channel.number), 0, 0}},
			peerAddress(r.channel.peer))
	case r.method == stun.MethodAllocate:
		set = append(set, stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}) // UDP
		if c.six {
			set = append(set, stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{stunIPv6, 0, 0, 0}})
		}
	case c.phase == turnLeaving:
		set = append(set, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
	}
	if c.integrity != nil {
		set = append(set, stun.NewUsername(c.server.Username), stun.Realm(c.realm), stun.Nonce(c.nonce), c.integrity)
	}
	return append(set, stun.Fingerprint)
}

// peerAddress sets XOR-PEER-ADDRESS.
type peerAddress netip.AddrPort

// AddTo implements stun.Setter.
func (a peerAddress) AddTo(m *stun.Message) error {
	var b [20]byte
	m.Add(stun.AttrXORPeerAddress, putXORAddr(b[:], m.Raw[4:stunHeaderSize], netip.AddrPort(a)))
	return nil
}

// answered takes a response.
func (c *turnClient) answered(now time.Time, b []byte) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if m.Decode() != nil {
		return
	}
	r := c.pending[m.TransactionID]
	if r == nil || m.Type.Method != r.method {
		return
	}
	good := m.Type.Class == stun.ClassSuccessResponse
	switch {
	case !good && m.Type.Class != stun.ClassErrorResponse:
		return
	case good && c.integrity != nil && c.integrity.Check(m) != nil:
		return // not the server's: its own may still come
	}
	delete(c.pending, m.TransactionID)
	if good {
		c.granted(now, r, m)
	} else {
		c.refused(now, r, m)
	}
}

// granted takes a success response.
func (c *turnClient) granted(now time.Time, r *turnRequest, m *stun.Message) {
	switch {
	case r.permit != nil:
		r.permit.renew = now.Add(permitRenewed)
	case r.channel != nil:
		r.channel.ready, r.channel.renew, r.channel.end = true, now.Add(permitRenewed), now.Add(channelKept)
	case c.phase == turnLeaving:
		c.over(nil)
	default:
		value, err := m.Get(stun.AttrLifetime)
		if err != nil || len(value) < 4 {
			c.over(errTURNResponse)
			return
		}
		life := time.Duration(binary.BigEndian.Uint32(value)) * time.Second
		c.refresh = now.Add(min(c.limits.turnRefresh, life/2))
		if r.method == stun.MethodAllocate {
			c.allocated(m)
		}
	}
}

func (c *turnClient) allocated(m *stun.Message) {
	relayed, err1 := m.Get(stun.AttrXORRelayedAddress)
	mapped, err2 := m.Get(stun.AttrXORMappedAddress)
	ok1, ok2 := false, false
	c.relayed, ok1 = xorAddr(relayed, m.Raw[4:stunHeaderSize])
	c.mapped, ok2 = xorAddr(mapped, m.Raw[4:stunHeaderSize])
	if err1 != nil || err2 != nil || !ok1 || !ok2 || c.relayed.Addr().Is6() != c.six {
		c.over(errTURNResponse)
		return
	}
	c.phase = turnUp
}

// refused takes an error response. Credentials that are missing or stale are made anew (RFC 8489 section 9.2.5).
func (c *turnClient) refused(now time.Time, r *turnRequest, m *stun.Message) {
	var code stun.ErrorCodeAttribute
	if code.GetFrom(m) != nil {
		c.over(errTURNResponse)
		return
	}
	if (code.Code == stun.CodeUnauthorized || code.Code == stun.CodeStaleNonce) && r.fresh < turnFresh && c.authenticate(m) {
		r.fresh++
		c.request(now, r)
		return
	}
	err := &turnError{code: int(code.Code), reason: string(code.Reason[:min(len(code.Reason), 100)])}
	switch {
	case code.Code == stun.CodeAllocMismatch || r.permit == nil && r.channel == nil:
		if other := new(stun.AlternateServer); code.Code == stun.CodeTryAlternate && other.GetFrom(m) == nil {
			ip, _ := netip.AddrFromSlice(other.IP)
			err.other = netip.AddrPortFrom(ip.Unmap(), uint16(other.Port))
		}
		c.over(err)
	case r.permit != nil:
		r.permit.no, r.permit.renew = true, now.Add(permitRefused)
	default:
		r.channel.ready, r.channel.renew = false, now.Add(channelKept) // indications do too
	}
}

// authenticate takes realm and nonce of an error response.
func (c *turnClient) authenticate(m *stun.Message) bool {
	nonce, err := m.Get(stun.AttrNonce)
	if err != nil || len(nonce) > maxTURNText {
		return false
	}
	if realm, err := m.Get(stun.AttrRealm); err == nil && len(realm) <= maxTURNText {
		c.realm = realm
	}
	if c.realm == nil {
		return false
	}
	c.nonce = nonce
	c.integrity = stun.NewLongTermIntegrity(c.server.Username, string(c.realm), c.server.Password)
	return true
}
