package sip

import (
	"errors"
	"net/netip"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// Limits of what stands in addresses.
const (
	maxURI  = 1024 // bytes of a URI that we build
	maxName = 256  // bytes of a display name that we build
)

var (
	errURI  = errors.New("not a SIP URI that can be used")
	errName = errors.New("a display name with control characters, or too long")
)

// nameAddr is a display name and a URI: what stands in From, To and Contact. The name is without quotes and escapes.
type nameAddr struct {
	name string
	uri  sipmsg.Uri
}

// party returns a for people and routes: the URI without parameters.
func (a nameAddr) party() bridge.Party { return bridge.Party{URI: plainURI(&a.uri), Name: a.name} }

// plainURI returns a URI without parameters and headers.
func plainURI(u *sipmsg.Uri) string {
	if raw := u.Raw(); raw != "" {
		raw, _, _ = strings.Cut(raw, ";")
		return u.Scheme + ":" + raw
	}
	bare := sipmsg.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
	var b strings.Builder
	b.Grow(len(u.Scheme) + len(u.User) + len(u.Host) + len("://@[]:65535"))
	bare.StringWrite(&b)
	return b.String()
}

// asCaller returns the party that a call of ours is to come from. One of another protocol has no SIP URI, and callers have been seen with
// SIP URIs that nobody else would take: they call under ours, with their own name. A telephone number becomes a user of ours (RFC 3261
// section 19.1.6). What has control characters in it is an attack, and an error.
func (s *settings) asCaller(p bridge.Party) (nameAddr, error) {
	if err := checkName(p.Name); err != nil {
		return nameAddr{}, err
	}
	scheme, number, _ := strings.Cut(p.URI, ":")
	switch scheme = strings.ToLower(scheme); {
	case hasControl(p.URI):
		return nameAddr{}, errURI
	case scheme == "sip" || scheme == "sips":
		if a, err := parseParty(p); err == nil {
			return a, nil
		}
	case p.URI == "" && p.Name == "":
		return s.from, nil
	}
	us := nameAddr{name: p.Name, uri: *s.from.uri.Clone()}
	number, _, _ = strings.Cut(number, ";")
	if scheme == "tel" && number != "" && validUser(number) && len(number) <= maxURI {
		us.uri = sipmsg.Uri{Scheme: "sip", User: number, Host: s.host, UriParams: sipmsg.HeaderParams{{K: "user", V: "phone"}}}
	}
	return us, nil
}

// parseParty reads a party with a SIP URI that a caller of ours names. URI parameters are left out; headers it may not have.
func parseParty(p bridge.Party) (nameAddr, error) {
	if err := checkName(p.Name); err != nil {
		return nameAddr{}, err
	}
	uri, err := parseURI(p.URI)
	if err != nil {
		return nameAddr{}, err
	}
	uri.UriParams = nil
	return nameAddr{name: p.Name, uri: uri}, nil
}

// checkName checks a display name that comes from outside.
func checkName(name string) error {
	if len(name) > maxName || hasControl(name) {
		return errName
	}
	return nil
}

// parseURI reads and checks a SIP URI that comes from outside. A tel URI, or a URI of another protocol, is none.
func parseURI(s string) (sipmsg.Uri, error) {
	var u sipmsg.Uri
	if len(s) > maxURI || hasControl(s) {
		return u, errURI
	}
	if err := sipmsg.ParseUri(s, &u); err != nil {
		return u, errURI // without the parser's error, which quotes numbers
	}
	if err := checkURI(&u); err != nil {
		return u, err
	}
	return u, nil
}

// checkURI checks that u is a SIP URI which can be written as it is, and that nothing in it would become something else on the way.
func checkURI(u *sipmsg.Uri) error {
	switch {
	case u.Scheme != "sip" && u.Scheme != "sips", u.HierarhicalSlashes, u.Wildcard:
		return errURI
	case !validHost(u.Host), u.Port < 0, u.Port > 65535:
		return errURI
	case !validUser(u.User), !validUser(u.Password), len(u.Headers) > 0:
		return errURI
	}
	for _, p := range u.UriParams {
		if !validParam(p.K) || p.K == "" || !validParam(p.V) {
			return errURI
		}
	}
	return nil
}

// validHost reports whether s is a host name, or an address with the brackets of version 6.
func validHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-._", r) })
}

// validUser reports whether s may stand in the userinfo of a URI: unreserved, escaped or user-unreserved (RFC 3261 section 25.1).
func validUser(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-_.!~*'()%&=+$,;?/#", r) })
}

// validParam reports whether s may stand in a parameter of a URI.
func validParam(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-_.!~*'()%[]/:&+$", r) })
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// hasControl reports whether s has a character that a header field cannot have.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// inURI reports whether one of the texts that a URI is written from has something.
func inURI(u *sipmsg.Uri, has func(string) bool) bool {
	return has(u.Scheme) || has(u.User) || has(u.Password) || has(u.Host) || has(u.Raw()) || inParams(u.UriParams, has) || inParams(u.Headers, has)
}

// inParams is inURI for parameters.
func inParams(params sipmsg.HeaderParams, has func(string) bool) bool {
	for _, p := range params {
		if has(p.K) || has(p.V) {
			return true
		}
	}
	return false
}

// quotedName returns a display name as it stands between quotes.
func quotedName(name string) string {
	if !strings.ContainsAny(name, `\"`) {
		return name
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}

// readAddr returns a From or To as it came. Its URI is kept as it is: a dialog repeats it.
func readAddr(name string, uri *sipmsg.Uri) nameAddr {
	return nameAddr{name: plain(unescape(name)), uri: *uri.Clone()}
}

// tagOf returns the tag of a From or To.
func tagOf(p sipmsg.HeaderParams) string {
	for _, kv := range p {
		if strings.EqualFold(kv.K, "tag") {
			return kv.V
		}
	}
	return ""
}

// splitAddresses yields the addresses of a list. A comma within quotes or brackets separates nothing.
func splitAddresses(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted, angled := 0, false, false
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && quoted:
				i++
			case s[i] == '"' && !angled:
				quoted = !quoted
			case s[i] == '<' && !quoted:
				angled = true
			case s[i] == '>' && !quoted:
				angled = false
			case s[i] == ',' && !quoted && !angled:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}
