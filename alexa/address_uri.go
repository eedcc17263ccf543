package alexa

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxHost    = 255 // bytes of a host in a URI
	maxParams  = 16  // parameters of a URI
	maxDigits  = 15  // of a number in global form (E.164 section 6.2.1)
	maxDialled = 40  // of a local one
)

// An AddressError says why an address cannot be used. It does not repeat the address.
type AddressError struct {
	Of   string // what the address should have been, such as "SIP URI"
	Text string // what is wrong
}

// Error returns both in one line.
func (e *AddressError) Error() string { return "alexa: cannot use " + e.Of + ": " + e.Text }

func badSIP(text string) error { return &AddressError{Of: "SIP URI", Text: text} }
func badTel(text string) error { return &AddressError{Of: "telephone number", Text: text} }

// scheme returns the scheme that s begins with, in lower case, if it is one that is understood here. Others may be part of an id.
func scheme(s string) string {
	name, _, ok := strings.Cut(s, ":")
	if name = strings.ToLower(name); ok && (name == "sip" || name == "sips" || name == "tel") {
		return name
	}
	return ""
}

// checkAddress checks an address that is used as it is.
func checkAddress(s string) error {
	bad := ""
	switch {
	case s == "":
		bad = "empty"
	case len(s) > maxURI:
		bad = "too long"
	case !utf8.ValidString(s):
		bad = "not UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		bad = "control characters"
	default:
		return nil
	}
	return &AddressError{Of: "address", Text: bad}
}

// A sipURI is what matters here of a SIP URI (RFC 3261 section 19.1). Its parameters are checked, and left out but for one.
type sipURI struct {
	user  string // without escapes; may be empty
	host  string // in lower case; version 6 in brackets
	phone bool   // user=phone: the user is a telephone-subscriber of RFC 3966
}

// parseSIP reads a SIP or SIPS URI by the grammar of RFC 3261 section 25.1. One with a password or header fields is refused: nothing
// that is called has them, and who follows such a URI may send what somebody else wrote.
func parseSIP(s string) (sipURI, error) {
	var u sipURI
	if len(s) > maxURI {
		return u, badSIP("too long")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return u, badSIP("characters that no URI has")
	}
	if name := scheme(s); name != "sip" && name != "sips" {
		return u, badSIP("another scheme")
	}
	_, rest, _ := strings.Cut(s, ":")
	if user, host, ok := strings.Cut(rest, "@"); ok {
		if user == "" {
			return u, badSIP("an empty user")
		}
		if strings.Contains(user, ":") {
			return u, badSIP("a password")
		}
		var err error
		if u.user, err = unescapeUser(user); err != nil {
			return u, err
		}
		rest = host
	}
	if strings.Contains(rest, "?") {
		return u, badSIP("header fields")
	}
	hostport, params, has := strings.Cut(rest, ";")
	var err error
	if u.host, err = parseHost(hostport); err != nil {
		return u, err
	}
	given, err := parseParams(params, has, badSIP)
	u.phone = strings.EqualFold(given["user"], "phone")
	return u, err
}

// parseHost reads a host and its port, and returns the host.
func parseHost(s string) (string, error) {
	host, port, ok := s, "", false
	if end := strings.LastIndexByte(s, ']'); end >= 0 {
		host, port = s[:end+1], s[end+1:]
		if port, ok = strings.CutPrefix(port, ":"); !ok && port != "" {
			return "", badSIP("no host")
		}
		a, err := netip.ParseAddr(strings.TrimPrefix(host[:end], "["))
		if err != nil || !a.Is6() || a.Zone() != "" || host[0] != '[' {
			return "", badSIP("no host")
		}
	} else {
		host, port, ok = strings.Cut(s, ":")
		if host == "" || len(host) > maxHost || strings.ContainsFunc(host, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-._", r) }) {
			return "", badSIP("no host")
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); ok && (err != nil || n == 0) {
		return "", badSIP("no port")
	}
	return strings.ToLower(host), nil
}

// hostOf returns the host of a Domain.
func hostOf(domain string) string {
	hostport, _, _ := strings.Cut(domain, ";")
	host, _ := parseHost(hostport)
	return host
}

// parseParams reads the parameters behind the first semicolon. Each may be there once; names are in lower case.
func parseParams(s string, has bool, bad func(string) error) (map[string]string, error) {
	if !has {
		return nil, nil
	}
	given := map[string]string{}
	for p := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(p, "=")
		name = strings.ToLower(name)
		if _, again := given[name]; again || name == "" || !paramText(name) || !paramText(value) || len(given) == maxParams {
			return nil, bad("a bad parameter")
		}
		given[name] = value
	}
	return given, nil
}

// paramText reports whether s has only what a parameter may have: RFC 3261 section 25.1 and RFC 3966 section 3 agree.
func paramText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-_.!~*'()%[]/:&+$", r) })
}

// unescapeUser returns the user of a URI without its escapes (RFC 3261 section 19.1.2).
func unescapeUser(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if len(s) < i+3 {
				return "", badSIP("a bad escape")
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", badSIP("a bad escape")
			}
			c = byte(n)
			i += 2
		} else if !alphanumeric(rune(c)) && !strings.ContainsRune("-_.!~*'()&=+$,;?/#", rune(c)) { // '#' is not legal, and what phones send
			return "", badSIP("characters that no user has")
		}
		b.WriteByte(c)
	}
	if err := checkAddress(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// escapeUser returns s as the user of a SIP URI. What is legal and confuses parsers, such as a question mark, is escaped too.
func escapeUser(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if alphanumeric(rune(c)) || strings.IndexByte("-_.!~*'()+&=$,", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// names reports whether other is a SIP URI of the same user and host, which is what RFC 3261 section 19.1.4 leaves without port and
// parameters.
func (u sipURI) names(other string) bool {
	o, err := parseSIP(other)
	return err == nil && u.user == o.user && u.host == o.host
}

// A telNumber is what matters here of a telephone-subscriber.
type telNumber struct {
	digits  string // without separators; begins with "+" in global form
	context string // of a local number, in lower case
}

func (t telNumber) global() bool { return strings.HasPrefix(t.digits, "+") }

// parseTel reads a tel URI (RFC 3966).
func parseTel(s string) (telNumber, error) {
	if len(s) > maxURI {
		return telNumber{}, badTel("too long")
	}
	if scheme(s) != "tel" {
		return telNumber{}, badTel("another scheme")
	}
	_, rest, _ := strings.Cut(s, ":")
	return parseSubscriber(rest)
}

// parseSubscriber reads a telephone-subscriber (RFC 3966 section 3). Extension and subaddress are left out: Alexa has no place for them.
// A local number without its phone-context is returned with an error.
func parseSubscriber(s string) (telNumber, error) {
	number, rest, more := strings.Cut(s, ";")
	t, err := parseDigits(number)
	if err != nil {
		return telNumber{}, err
	}
	given, err := parseParams(rest, more, badTel)
	if err != nil {
		return telNumber{}, err
	}
	context, has := given["phone-context"]
	t.context = strings.ToLower(context)
	switch {
	case t.global() && has:
		return telNumber{}, badTel("a global number with a context")
	case !t.global() && context == "":
		return t, badTel("a local number without a context")
	}
	return t, nil
}

// parseDigits reads the number itself, without its visual separators.
func parseDigits(s string) (telNumber, error) {
	var b strings.Builder
	for i, r := range s {
		switch {
		case '0' <= r && r <= '9', r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune("-.()", r):
		case strings.HasPrefix(s, "+"), !strings.ContainsRune("ABCDEFabcdef*#", r):
			return telNumber{}, badTel("what is no digit")
		default:
			b.WriteRune(r)
		}
	}
	digits := b.String()
	global := strings.HasPrefix(digits, "+")
	switch {
	case digits == "" || digits == "+":
		return telNumber{}, badTel("no digit")
	case global && len(digits) > 1+maxDigits, len(digits) > maxDialled:
		return telNumber{}, badTel("too many digits")
	}
	return telNumber{digits: digits}, nil
}
