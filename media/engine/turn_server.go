package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/pion/stun/v4"
)

// A TURNServer is a server that relays media (RFC 8656), for far sides that cannot be reached otherwise. An engine keeps one allocation
// there for all its calls.
type TURNServer struct {
	// URL is "turn:host[:port][?transport=udp|tcp]", UDP unless it says otherwise, or "turns:host[:port]" for TLS (RFC 7065).
	URL string
	// Username and Password are long-term credentials (RFC 8489 section 9.2). The password is never logged.
	Username, Password string
	// TLS is for "turns"; nil, or without ServerName, the host's name is checked, and without RootCAs against the system's authorities.
	TLS *tls.Config
}

// String returns the URL alone.
func (s TURNServer) String() string { return s.URL }

// GoString returns the URL alone.
func (s TURNServer) GoString() string { return s.URL }

// LogValue implements slog.LogValuer with the URL alone.
func (s TURNServer) LogValue() slog.Value { return slog.StringValue(s.URL) }

var (
	errServerURL  = errors.New("engine: not the URL of a STUN or TURN server")
	errServerDTLS = errors.New("engine: TURN over DTLS is not supported")
)

// maxTURNUser is the length of a user name in bytes (RFC 8489 section 14.3).
const maxTURNUser = 508

// serverAddr is where a server listens, and how.
type serverAddr struct {
	hostPort string
	host     string
	port     uint16
	network  string // "udp" or "tcp"
	secure   bool
}

// parseServer reads a URL of one of two schemes (RFC 7064, RFC 7065).
func parseServer(url string, plain, secure stun.SchemeType) (serverAddr, error) {
	u, err := stun.ParseURI(url)
	if err != nil || u.Scheme != plain && u.Scheme != secure || u.Port <= 0 || u.Port > 65535 {
		return serverAddr{}, fmt.Errorf("%w: %q", errServerURL, url)
	}
	a := serverAddr{
		hostPort: net.JoinHostPort(u.Host, strconv.Itoa(u.Port)), host: u.Host, port: uint16(u.Port), network: "udp",
		secure: u.Scheme == stun.SchemeTypeTURNS,
	}
	if u.Proto == stun.ProtoTypeTCP {
		a.network = "tcp"
	}
	if a.secure && a.network == "udp" {
		return serverAddr{}, fmt.Errorf("%w: %q", errServerDTLS, url)
	}
	return a, nil
}

// addr checks the server's fields.
func (s *TURNServer) addr() (serverAddr, error) {
	if len(s.Username) > maxTURNUser {
		return serverAddr{}, fmt.Errorf("engine: the user name for %q is longer than %d bytes", s.URL, maxTURNUser)
	}
	return parseServer(s.URL, stun.SchemeTypeTURN, stun.SchemeTypeTURNS)
}
