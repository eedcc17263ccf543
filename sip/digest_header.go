package sip

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/icholy/digest"
)

// maxDigest is the longest value of a challenge or of credentials that is read, in bytes.
const maxDigest = 2048

var errDigest = errors.New("sip: not a digest header field that can be used")

// digestParams are the parameters of a challenge or of credentials, by name in lower case, without quotes and escapes.
type digestParams map[string]string

// parseDigest reads the value of a header field of RFC 7616. The library's parser takes names in lower case alone, and fails at a tab, at
// an empty element and at a token with a point in it; peers send all of these.
func parseDigest(value string) (digestParams, error) {
	value = strings.Trim(value, " \t")
	end := max(strings.IndexAny(value, " \t"), 0)
	scheme, rest := value[:end], value[end:]
	if len(value) > maxDigest || !strings.EqualFold(scheme, "Digest") || hasControl(value) || !utf8.ValidString(value) {
		return nil, errDigest
	}
	p := digestParams{}
	for part := range splitQuoted(rest, ',') {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue // an empty element of a list
		}
		name, v, ok := strings.Cut(part, "=")
		name, v = strings.ToLower(strings.TrimRight(name, " \t")), strings.TrimLeft(v, " \t")
		if _, twice := p[name]; !ok || name == "" || twice || !wholeValue(v) {
			return nil, errDigest
		}
		v = unquote(v)
		if !printable(v) {
			return nil, errDigest // the library would escape it, as JSON does
		}
		p[name] = v
	}
	return p, nil
}

// printable reports whether s may be the value of a parameter.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}

// wholeValue reports whether v is one token, or one quoted-string with nothing behind it.
func wholeValue(v string) bool {
	if !strings.HasPrefix(v, `"`) {
		return v != "" && !strings.ContainsAny(v, "\" \t")
	}
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i == len(v)-1
		}
	}
	return false
}

// parseChallenge reads the value of a WWW-Authenticate or Proxy-Authenticate header field.
func parseChallenge(value string) (*digest.Challenge, error) {
	p, err := parseDigest(value)
	if err != nil {
		return nil, err
	}
	if p["nonce"] == "" {
		return nil, errDigest
	}
	c := &digest.Challenge{
		Realm: p["realm"], Nonce: p["nonce"], Opaque: p["opaque"], Algorithm: p["algorithm"],
		Stale: strings.EqualFold(p["stale"], "true"), Userhash: strings.EqualFold(p["userhash"], "true"),
	}
	if qop, ok := p["qop"]; ok {
		for v := range strings.SplitSeq(qop, ",") {
			c.QOP = append(c.QOP, strings.ToLower(strings.TrimSpace(v)))
		}
	}
	return c, nil
}

// authorization is the value of an Authorization header field that has come.
type authorization struct {
	username, realm, nonce, uri, response, algorithm, cnonce, qop string
	count                                                         string // nc as it was written
	nc                                                            uint32 // 0 without qop
}

// parseAuthorization reads the value of an Authorization header field.
func parseAuthorization(value string) (*authorization, error) {
	p, err := parseDigest(value)
	if err != nil {
		return nil, err
	}
	a := &authorization{
		username: p["username"], realm: p["realm"], nonce: p["nonce"], uri: p["uri"], response: p["response"],
		algorithm: strings.ToUpper(p["algorithm"]), cnonce: p["cnonce"], qop: strings.ToLower(p["qop"]),
	}
	if a.algorithm == "" {
		a.algorithm = algorithmMD5
	}
	if a.nonce == "" || a.response == "" || a.uri == "" {
		return nil, errDigest
	}
	if a.qop == "" {
		return a, nil
	}
	nc, err := strconv.ParseUint(p["nc"], 16, 31)
	if err != nil || nc == 0 || len(p["nc"]) != 8 || a.cnonce == "" {
		return nil, errDigest
	}
	a.nc, a.count = uint32(nc), p["nc"]
	return a, nil
}
