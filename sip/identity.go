package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// Limits of what is read and written of identities.
const (
	maxIdentities = 8    // parties asserted, diversions, and User-to-User values of one message, each
	maxIdentity   = 2048 // bytes of one value
)

var (
	errIdentity = errors.New("sip: identity that cannot be sent")
	errNowhere  = errors.New("sip: credentials for neither a realm nor a host")
)

// Identity is what travels beside From and To of a call.
type Identity struct {
	// Asserted is who the caller, or in a response the called party, really is, as the network vouches for it: P-Asserted-Identity
	// (RFC 3325), at most a SIP and a tel URI. A message that comes is believed only from Options.Trusted; in one that we send it goes to
	// those alone where Privacy hides the caller.
	Asserted []bridge.Party
	// Preferred is who the caller would like to be: P-Preferred-Identity (RFC 3325), to a network that knows whether it may.
	Preferred bridge.Party
	// Privacy is what is to be kept from the called party: Privacy (RFC 3323), such as "id" or "header;id". With "id", "user" or "header" a
	// call that we place goes out From anonymous, and Asserted, Preferred and Diversion go to Options.Trusted alone.
	Privacy string
	// Diversion says who has had the call before, the last first (RFC 5806). It is believed only from Options.Trusted.
	Diversion []Diversion
	// UserToUser are the values of User-to-User (RFC 7433), each with its parameters: "00c8abcd;encoding=hex;purpose=isdn-uui".
	UserToUser []string
}

// Diversion is one party that a call was diverted from.
type Diversion struct {
	From    bridge.Party
	Reason  string // "unconditional", "user-busy", "no-answer", "unavailable", ...: a token; may be empty
	Counter int    // how many diversions it stands for; 0: not said
	Privacy string // "full", "name", "uri", "off": a token; may be empty
}

// Identity returns what the INVITE said that came in, or the 2xx to that which we placed: nothing before that. Of the two, Asserted and
// Diversion come from Options.Trusted alone. It may be called from any goroutine.
func (l *Leg) Identity() Identity {
	if i := l.identity.Load(); i != nil {
		return *i
	}
	return Identity{}
}

// trusts reports whether what an address says of others is believed, and whether what others want kept private may be told to it.
func (a *Agent) trusts(at netip.Addr) bool {
	return slices.ContainsFunc(a.o.Trusted, func(p netip.Prefix) bool { return p.Contains(at.Unmap()) })
}

// trustsAll is trusts for every address that a request may go to: the next one is tried where one does not answer.
func (a *Agent) trustsAll(way conn, rest *route) bool {
	return a.trusts(way.remote().Addr()) && !slices.ContainsFunc(rest.left, func(k wayKey) bool { return !a.trusts(k.to.Addr()) })
}

// identify takes note of what a message says.
func (l *Leg) identify(msg sipmsg.Message, from conn) {
	i := readIdentity(msg, l.agent.trusts(from.remote().Addr()))
	l.identity.Store(&i)
}

// readIdentity reads what a message says. What cannot be read, or is too much, is left out.
func readIdentity(msg sipmsg.Message, trusted bool) Identity {
	var i Identity
	i.Privacy = strings.Join(tokensOf(headerText(msg, "privacy")), ";")
	for _, v := range valuesOf(msg, "p-preferred-identity") {
		if p, _, ok := readParty(v); ok && i.Preferred.URI == "" {
			i.Preferred = p
		}
	}
	for _, v := range valuesOf(msg, "user-to-user") {
		if v = strings.TrimSpace(v); validUUI(v) {
			i.UserToUser = append(i.UserToUser, v)
		}
	}
	if !trusted {
		return i
	}
	for _, v := range valuesOf(msg, "p-asserted-identity") {
		if p, _, ok := readParty(v); ok {
			i.Asserted = append(i.Asserted, p)
		}
	}
	for _, v := range valuesOf(msg, "diversion") {
		if d, ok := readDiversion(v); ok {
			i.Diversion = append(i.Diversion, d)
		}
	}
	return i
}

// valuesOf returns the values of all header fields of one name, as many as are read.
func valuesOf(msg sipmsg.Message, name string) []string {
	var values []string
	for h := range fields(msg, name) {
		for v := range splitAddresses(h.Value()) {
			if len(values) == maxIdentities {
				return values
			}
			if len(v) <= maxIdentity && !hasControl(v) {
				values = append(values, v)
			}
		}
	}
	return values
}

// tokensOf returns the tokens of a list; nil if there is anything else in it.
func tokensOf(list string) []string {
	tokens := strings.FieldsFunc(list, func(r rune) bool { return r == ';' || r == ',' })
	if len(list) > maxIdentity || len(tokens) > maxIdentities {
		return nil
	}
	for n, t := range tokens {
		if tokens[n] = strings.TrimSpace(t); !validToken(tokens[n]) {
			return nil
		}
	}
	return tokens
}

// readParty reads a name-addr with a SIP or tel URI, and its parameters.
func readParty(text string) (bridge.Party, sipmsg.HeaderParams, bool) {
	var uri sipmsg.Uri
	var params sipmsg.HeaderParams
	name, err := sipmsg.ParseAddressValue(strings.TrimSpace(text), &uri, &params)
	switch {
	case err != nil || checkName(unescape(name)) != nil:
		return bridge.Party{}, nil, false
	case uri.Scheme == "tel" && validTel(uri.Raw()):
		return bridge.Party{URI: "tel:" + uri.Raw(), Name: unescape(name)}, params, true
	case checkURI(&uri) != nil || len(uri.String()) > maxURI:
		return bridge.Party{}, nil, false
	}
	return bridge.Party{URI: uri.String(), Name: unescape(name)}, params, true
}

// readDiversion reads a value of Diversion.
func readDiversion(text string) (Diversion, bool) {
	var d Diversion
	var params sipmsg.HeaderParams
	var ok bool
	if d.From, params, ok = readParty(text); !ok {
		return d, false
	}
	for _, p := range params {
		v := strings.TrimSpace(unquote(strings.TrimSpace(p.V)))
		switch k := strings.ToLower(strings.TrimSpace(p.K)); {
		case k == "counter":
			if n, err := strconv.ParseUint(v, 10, 7); err == nil {
				d.Counter = int(n)
			}
		case !validToken(v):
		case k == "reason":
			d.Reason = v
		case k == "privacy":
			d.Privacy = v
		}
	}
	return d, true
}

// validUUI reports whether s may be a value of User-to-User: a token or a quoted string, and parameters.
func validUUI(s string) bool {
	data := true
	for part := range splitQuoted(s, ';') {
		name, value, param := strings.Cut(part, "=")
		switch {
		case data && !validToken(strings.TrimSpace(part)) && !validQuoted(strings.TrimSpace(part)):
			return false
		case !data && (!validToken(strings.TrimSpace(name)) || param && !validToken(strings.TrimSpace(value)) && !validQuoted(strings.TrimSpace(value))):
			return false
		}
		data = false
	}
	return len(s) <= maxIdentity && !hasControl(s)
}

// validQuoted reports whether s is one quoted string.
func validQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch {
		case s[i] == '"' || s[i] == '\\' && i == len(s)-2:
			return false
		case s[i] == '\\':
			i++
		}
	}
	return true
}
