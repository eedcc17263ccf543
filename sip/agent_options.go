package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

const defaultMaxCalls = 5000

// Options are the options of Listen; nil and every zero field are valid. They are not changed once Listen has been called.
type Options struct {
	// Bridge takes the calls that come in. Nil refuses them with 480.
	Bridge bridge.Bridge
	// Policy is for the media of every call; nil is media.Phone().
	Policy *media.Policy
	// From is who we are in calls that we place, unless DialOptions say. The default is "sip:alexacall@" and our address.
	From bridge.Party
	// PublicAddr is the host, or host and port, that far sides reach us at, where it is not the address that we listen on. A name is
	// taken as it is. The port is that of UDP and TCP; TLS has the one that it listens on. The default is the address or, if it is
	// unspecified, the machine's first that is not loopback.
	PublicAddr string
	// Credentials answer digest challenges (RFC 7616) to what we send: calls that we place, REGISTER, MESSAGE and OPTIONS.
	Credentials []Credentials
	// Trusted are the addresses of networks that vouch for what they say: the trust domain of RFC 3325. Only of them Identity's Asserted and
	// Diversion are believed, and only they are told who a caller is that wants to be unknown. Nil is nobody.
	Trusted []netip.Prefix
	// Message takes MESSAGE (RFC 3428), outside calls and within them. Nil refuses them with 405. Each message has a goroutine of its own,
	// of which MaxMessages run at a time; ctx ends after 25 seconds, and with Close, which waits for them. Nil is answered 200; an *Error
	// with its Status, 202 too, and its RetryAfter; any other error 500. A repeated delivery is answered without being taken again.
	Message func(ctx context.Context, m *Message) error
	// MaxMessages is how many messages are taken at a time; 0 means 100. Further ones get 503.
	MaxMessages int
	// MessageTypes are the content types that Message takes, such as "application/scaip+xml"; nil is all. Others get 415.
	MessageTypes []string
	// Users is asked for the secret of a user, and makes us a digest server (RFC 7616): whoever begins a call, or sends another request
	// outside calls, gets 401 until it proves that it knows the secret of a user. Leg.User and Message.User say whose. It is called with
	// the user name of far sides, at any time and concurrently, and should not take long. Nil asks nobody.
	Users func(user string) (secret Secret, ok bool)
	// Realm is what users are told that they need a password for. The default is the host of PublicAddr, or of our address.
	Realm string
	// Algorithms are what users may choose from, the best first: "SHA-256" and "MD5". Nil is MD5 alone, for there are phones that give up
	// where they find one that they do not know, instead of passing it over (RFC 8760 section 2.4).
	Algorithms []string
	// MaxCalls is how many calls may stand at a time; 0 means 5,000. Beyond it calls that come in get 503, and Dial fails with Overload.
	MaxCalls int
	// Peers are who may begin calls and all else. What comes from other addresses is dropped before it is read, unless it may belong to a call
	// or a request of ours to there. Nil is everybody; of everybody those who offend again and again are dropped for a while. Nobody in Peers
	// ever is.
	Peers []netip.Prefix
	// Decline603 answers bridge.Declined with 603, which ends the ringing of all other phones of the called party too, instead of 480.
	Decline603 bool
	// Reliable says whether provisional responses are reliable (RFC 3262): where the far side takes that (the default), always, or never.
	Reliable Reliability
	// AlwaysNotify has both sides told what comes of every transfer: norefersub (RFC 4488), by which who asks for one may do without, is
	// neither offered nor taken.
	AlwaysNotify bool
	// OfferByUpdate has Leg.Update make its offer within a call that is up by UPDATE (RFC 3311), which is answered at once, to a far side
	// that does not say that it has none; one that then refuses the method gets the INVITE that is otherwise sent, as the RFC recommends:
	// that one can wait for somebody's consent.
	OfferByUpdate bool
	// SessionExpires is how long a call may stand without a sign of life from both sides (RFC 4028), which one of them gives it at half of
	// that: at least 90 s; 0 means 30 min. Negative is no session timers. A far side may shorten it.
	SessionExpires time.Duration
	// Network is "udp", "tcp", or "" for both on one port; "tls" is TLS alone.
	Network string

	// TLS is for TLS both ways; nil is none. With a certificate (Certificates or GetCertificate) it is served, and ClientAuth and
	// ClientCAs say of whom one is asked in turn; without, it is for calls that we place alone. RootCAs are who may vouch for far sides
	// that we call, Certificates or GetClientCertificate what we show those that ask. The far side's certificate must be for the host of
	// the URI that is dialled, or for ServerName where that is set. See Certificate for renewal. It is not changed, and may not be later.
	TLS *tls.Config
	// TLSAddr is what TLS listens on, such as "192.0.2.1:5061". The default is the address of Listen, on the port after its own; or that
	// very address where Network is "tls".
	TLSAddr string

	// ListenPacket and Listen open the sockets, and DialContext connections; nil is what package net has of these names. The addresses
	// that DialContext is given are of the form "192.0.2.1:5060".
	ListenPacket func(network, addr string) (net.PacketConn, error)
	Listen       func(network, addr string) (net.Listener, error)
	DialContext  func(ctx context.Context, network, addr string) (net.Conn, error)

	// Resolver looks up the hosts of URIs, and their SRV records; nil is net.DefaultResolver.
	Resolver Resolver

	// Logger is silent if nil.
	Logger *slog.Logger
}

// Credentials are a user's name and password for digest authentication (RFC 7616). They are used only where they are meant to be: for calls
// and other requests to Host, by challenges of Realm. At least one of these must be set; one that is empty is not compared.
type Credentials struct {
	Realm    string // of the challenge
	Host     string // of the URI that was dialled
	Username string
	Password string
}

// String returns c without the password.
func (c Credentials) String() string {
	return fmt.Sprintf("%s at realm %q host %q", c.Username, c.Realm, c.Host)
}

// GoString returns what String does.
func (c Credentials) GoString() string { return c.String() }

// LogValue returns what String does, without the name.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("realm", c.Realm), slog.String("host", c.Host))
}

// settings are Options that have been checked and completed.
type settings struct {
	Options
	policy *media.Policy
	log    *slog.Logger
	host   string // that far sides reach us at
	port   int
	tls    int // port of TLS
	said   said
	from   nameAddr
	v4     bool // addresses of version 4 are preferred
}

// check checks what can be checked before the sockets are open.
func (o *Options) check() (settings, error) {
	var s settings
	if o != nil {
		s.Options = *o
	}
	switch s.Network {
	case "", "udp", "tcp":
	case "tls":
		if s.TLS == nil {
			return s, errors.New("sip: TLS alone, and no Options.TLS")
		}
	default:
		return s, fmt.Errorf("sip: unknown network %q", s.Network)
	}
	for _, c := range s.Credentials {
		if c.Realm == "" && c.Host == "" {
			return s, errNowhere
		}
	}
	switch {
	case s.SessionExpires == 0:
		s.SessionExpires = defaultSession
	case s.SessionExpires > 0 && s.SessionExpires < minSession:
		return s, fmt.Errorf("sip: SessionExpires is below %v", minSession)
	}
	if err := checkPeers(s.Peers); err != nil {
		return s, err
	}
	if s.MaxCalls <= 0 {
		s.MaxCalls = defaultMaxCalls
	}
	if s.MaxMessages <= 0 {
		s.MaxMessages = defaultMaxMessages
	}
	if err := s.checkDoor(); err != nil {
		return s, err
	}
	for _, t := range s.MessageTypes {
		if !validType(t) {
			return s, fmt.Errorf("sip: MessageTypes: %w: %q", errType, t)
		}
	}
	s.said = s.says()
	if s.policy = s.Policy; s.policy == nil {
		s.policy = media.Phone()
	}
	if s.log = s.Logger; s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.ListenPacket == nil {
		s.ListenPacket = net.ListenPacket
	}
	if s.Listen == nil {
		s.Listen = net.Listen
	}
	if s.Resolver == nil {
		s.Resolver = net.DefaultResolver
	}
	if s.DialContext == nil {
		s.DialContext = (&net.Dialer{}).DialContext
	}
	return s, nil
}

// complete fills in what follows from the address that we listen on.
func (s *settings) complete(at, tlsAt netip.AddrPort) error {
	s.tls = int(tlsAt.Port())
	s.port, s.v4 = int(at.Port()), at.Addr().Is4() || at.Addr().IsUnspecified()
	s.host = hostOf(at.Addr())
	switch {
	case s.PublicAddr != "":
		host, port, err := splitHostPort(s.PublicAddr)
		if err != nil {
			return fmt.Errorf("sip: PublicAddr: %w", err)
		}
		s.host = host
		if port != 0 && s.Network == "tls" {
			s.tls = port
		}
		if port != 0 {
			s.port = port
		}
	case at.Addr().IsUnspecified():
		found, err := firstAddr(at.Addr().Is4())
		if err != nil {
			return err
		}
		s.host = hostOf(found)
	}
	if s.Realm == "" {
		s.Realm = trimBrackets(s.host)
	}
	if s.From.URI == "" {
		s.from.uri = sipmsg.Uri{Scheme: "sip", User: "alexacall", Host: s.host, Port: s.port}
		s.from.name = s.From.Name
		if err := checkName(s.From.Name); err != nil {
			return fmt.Errorf("sip: From: %w", err)
		}
		return nil
	}
	var err error
	if s.from, err = parseParty(s.From); err != nil {
		return fmt.Errorf("sip: From: %w", err)
	}
	return nil
}

// portOf returns the port that far sides reach us at over a transport.
func (s *settings) portOf(network string) int {
	if network == networkTLS {
		return s.tls
	}
	return s.port
}

// hostOf returns an address as it stands in a URI or a Via.
func hostOf(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return a.Unmap().String()
}

// firstAddr returns the machine's first address that others can reach.
func firstAddr(v4 bool) (netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("sip: %w", err)
	}
	var other netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Addr().Is4() {
			return p.Addr(), nil
		}
		if !v4 && !other.IsValid() {
			other = p.Addr()
		}
	}
	if !other.IsValid() {
		return other, errors.New("sip: no address of this machine that others could reach: set Options.PublicAddr")
	}
	return other, nil
}

// splitHostPort parses "host", "host:port", "[v6]" or "[v6]:port" and checks that it may stand in a header. The host of a literal of
// version 6 keeps its brackets.
func splitHostPort(s string) (host string, port int, err error) {
	host, rest := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errors.New("no closing bracket")
		}
		host, rest = s[:end+1], s[end+1:]
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() || a.Zone() != "" {
			return "", 0, errors.New("not an address of version 6 in brackets")
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, rest = s[:i], s[i:]
	}
	if !validHost(host) {
		return "", 0, errors.New("not a host")
	}
	if rest == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(rest, ":"), 10, 16)
	if err != nil || n == 0 || rest[0] != ':' {
		return "", 0, errors.New("not a port")
	}
	return host, int(n), nil
}
