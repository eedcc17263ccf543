package siptest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// PhoneOptions says how a Phone behaves. Nil and the zero value are a phone called desk that rings and answers at once, speaks PCMU
// and plays silence.
type PhoneOptions struct {
	User    string // user part of the phone's URI: letters, digits and - _ . +; "" is desk
	Network string // "udp", "tcp", or "" for both on one port

	// PacketConn, when set, is what the phone speaks UDP over in place of a socket of its own: an in-memory one lets signalling run in
	// a testing/synctest bubble (set NoMedia too: RTP always takes real sockets). Its LocalAddr must read as "ip:port". Reads must
	// return net.ErrClosed once it is closed; the phone closes it.
	PacketConn net.PacketConn

	Play    Source        // what is played in every call; the zero Source is silence
	Codecs  []string      // "PCMU", "PCMA", in order of preference; nil: PCMU alone
	NoMedia bool          // no RTP and no ports for it; descriptions name the discard port
	Video   *VideoOptions // pictures beside the sound, as a door phone has them; nil: none

	// The times below count from the arrival of an INVITE. An incoming call rings after RingAfter (180; negative: never) and is
	// answered after AnswerAfter (200; negative: only by Call.Answer). A phone that answers sooner than it rings does not ring.
	RingAfter   time.Duration
	AnswerAfter time.Duration
	EarlyMedia  bool          // ring with 183, a description and sound, in place of 180
	HangUpAfter time.Duration // after the answer, in calls either way; 0: never

	// Reject is a status from 300 to 699 that incoming calls are refused with after AnswerAfter. When that is 0 the phone does not
	// ring before.
	Reject       int
	RejectReason string // reason phrase; "" is the usual one

	Username, Password string // digest credentials for the phone's own requests
	RequireAuth        bool   // ask for these very credentials of incoming calls, with 407

	// OnMessage is told of every message as it is sent or arrives, retransmissions included. It is called by one goroutine at a time,
	// in order, must neither take long nor call the phone, and is not called any more once Close has returned.
	OnMessage func(Entry)
	Logger    *slog.Logger // nil is silent; not used any more once Close has returned
}

// CallOptions says how one call is placed. Nil is the zero value.
type CallOptions struct {
	Offerless bool        // INVITE without a description: the other side offers in its 200, the answer goes in the ACK
	From      string      // SIP URI that the call says it is from; "" is the phone's own
	Headers   [][2]string // further headers of the INVITE, name and value
}

// maxUser is the longest user part of a phone's URI.
const maxUser = 64

// settings are PhoneOptions that have been checked and completed.
type settings struct {
	PhoneOptions
	codecs []companding
	camera *camera       // nil without video
	start  func() player // begins what is played for one call
	log    *slog.Logger
}

// prepare checks o and fills in what it leaves open.
func (o *PhoneOptions) prepare() (settings, error) {
	var s settings
	if o != nil {
		s.PhoneOptions = *o
	}
	if s.User == "" {
		s.User = "desk"
	}
	if len(s.User) > maxUser || strings.ContainsFunc(s.User, notUser) {
		return settings{}, errors.New("siptest: User may hold letters, digits and - _ . + only")
	}
	switch s.Network {
	case "", "udp":
	case "tcp":
		if s.PacketConn != nil {
			return settings{}, errors.New("siptest: PacketConn is for UDP, Network is tcp")
		}
	default:
		return settings{}, fmt.Errorf("siptest: Network %q is not known", s.Network)
	}
	if s.Reject != 0 && (s.Reject < 300 || s.Reject > 699) {
		return settings{}, fmt.Errorf("siptest: a call cannot be rejected with %d", s.Reject)
	}
	if unsafeText(s.RejectReason) {
		return settings{}, errors.New("siptest: RejectReason holds control characters")
	}
	if s.RequireAuth && s.Password == "" {
		return settings{}, errors.New("siptest: RequireAuth needs Username and Password")
	}
	names := s.Codecs
	if len(names) == 0 {
		names = []string{codecPCMU}
	}
	for _, name := range names {
		c, ok := law(name)
		if !ok {
			return settings{}, fmt.Errorf("siptest: codec %q is not known", name)
		}
		s.codecs = append(s.codecs, c)
	}
	var err error
	if s.start, err = s.Play.prepare(); err != nil {
		return settings{}, err
	}
	if s.camera, err = s.Video.prepare(); err != nil {
		return settings{}, err
	}
	s.log = s.Logger
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// notUser reports whether r cannot stand unescaped in the user part of a URI and the origin of a description.
func notUser(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.+", r)
}

// unsafeText reports whether s would break out of its header line: sipgo writes what it is given.
func unsafeText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// listenAddr returns where a socket listens.
func listenAddr(a net.Addr) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("siptest: local address: %w", err)
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}
