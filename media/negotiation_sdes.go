package media

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// NewKeys makes what Local.Keys needs: a random key for each crypto suite that p allows; nil without SDES.
func (p *Policy) NewKeys() []Key {
	var keys []Key
	if p.sdes() {
		for _, s := range p.suites() {
			if k := NewKey(s); !k.IsZero() {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func (p *Policy) sdes() bool { return p.Security == SDES || p.Security == SDESOptional }

// suites returns the crypto suites of p, preferred first.
func (p *Policy) suites() []Suite {
	if p.Suites != nil {
		return p.Suites
	}
	return []Suite{AES256GCM, AES128GCM, AESCM80, AESCM32}
}

// tag returns the tag under which we offer a suite: the same for the life of the leg.
func (p *Policy) tag(s Suite) string { return strconv.Itoa(slices.Index(p.suites(), s) + 1) }

// keys returns our keys for one kind.
func (l *Local) keys(k Kind) []Key {
	if k == Video {
		return l.VideoKeys
	}
	return l.Keys
}

// key returns our key for a suite.
func (l *Local) key(k Kind, s Suite) Key {
	for _, key := range l.keys(k) {
		if key.Suite == s {
			return Key{Suite: s, Secret: key.Secret}
		}
	}
	return Key{}
}

// crypto is one a=crypto line.
type crypto struct {
	tag string
	key Key
}

// cryptos returns the a=crypto lines of m that we can act upon. One of an unknown suite, with several keys or with session parameters
// that change the packets is passed over (RFC 4568 sections 5.1.2 and 6.3).
func (m *sdpSection) cryptos() []crypto {
	var all []crypto
	for _, v := range m.values("crypto") {
		if c, ok := parseCrypto(v); ok {
			all = append(all, c)
		}
	}
	return all
}

// parseCrypto parses "1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt>|2^31|1:4 WSH=64" (RFC 4568 section 9.1).
func parseCrypto(value string) (crypto, bool) {
	f := strings.Fields(value)
	if len(f) < 3 || len(f[0]) > 9 || strings.Trim(f[0], "0123456789") != "" {
		return crypto{}, false
	}
	c := crypto{tag: f[0], key: Key{Suite: Suite(strings.ToUpper(f[1]))}}
	for _, session := range f[3:] {
		name, _, _ := strings.Cut(session, "=")
		if !strings.EqualFold(name, "WSH") && !strings.HasPrefix(name, "-") {
			return crypto{}, false // of KDR, UNENCRYPTED_SRTP and the rest we do none; unknown ones forbid the line (section 6.3.7)
		}
	}
	method, info, _ := strings.Cut(f[2], ":")
	if !strings.EqualFold(method, "inline") || strings.Contains(info, ";") {
		return crypto{}, false
	}
	parts := strings.Split(info, "|")
	secret, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	key, salt := c.key.Suite.sizes()
	if err != nil || key == 0 || len(secret) != key+salt {
		return crypto{}, false
	}
	c.key.Secret = string(secret)
	parts = parts[1:]
	if len(parts) > 0 && !strings.Contains(parts[0], ":") {
		if !lifetime(parts[0]) {
			return crypto{}, false
		}
		parts = parts[1:]
	}
	if len(parts) > 0 {
		var ok bool
		if c.key.MKI, ok = parseMKI(parts[0]); !ok || len(parts) > 1 {
			return crypto{}, false
		}
	}
	return c, true
}

// lifetime reports whether a key's lifetime is one that a call does not outlive: 2^20 packets or more, at most 2^48 (RFC 4568
// section 6.1).
func lifetime(text string) bool {
	if power, ok := strings.CutPrefix(text, "2^"); ok {
		n, err := strconv.Atoi(power)
		return err == nil && n >= 20 && n <= 48
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n >= 1<<20 && n <= 1<<48
}

// maxMKI is the longest master key identifier, in bytes (RFC 4568 section 9.1).
const maxMKI = 128

// parseMKI parses "1:4", a number and its length in bytes.
func parseMKI(text string) (string, bool) {
	number, length, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(length)
	value, ok := new(big.Int).SetString(number, 10)
	if err != nil || !ok || n < 1 || n > maxMKI || len(number) > 320 || value.Sign() < 0 || value.BitLen() > 8*n {
		return "", false
	}
	return string(value.FillBytes(make([]byte, n))), true
}

// choose picks a line of the far side's offer by our preference, and our own key for it.
func (p *Policy) choose(l *Local, k Kind, offered []crypto) (theirs crypto, ours Key) {
	for _, s := range p.suites() {
		i := slices.IndexFunc(offered, func(c crypto) bool { return c.key.Suite == s })
		if i < 0 {
			continue
		}
		if ours = l.key(k, s); !ours.IsZero() {
			return offered[i], ours
		}
	}
	return crypto{}, Key{}
}

// secureAnswer decides what protects a section that is offered to us, and with which keys. A kind that was protected once is not
// taken without.
func (s *section) secureAnswer(p *Policy, l *Local, m *sdpSection, secured bool) bool {
	if !p.sdes() {
		s.security = p.Security
		return p.protected(m.proto, s.far)
	}
	if !plainRTP(m.proto) && !savp(m.proto) {
		return false
	}
	theirs, ours := p.choose(l, s.kind, m.cryptos())
	if !ours.IsZero() {
		s.security, s.keyIn, s.keyOut, s.tag = SDES, theirs.key, ours, theirs.tag
		return true
	}
	s.security = Plain
	return p.Security == SDESOptional && plainRTP(m.proto) && !secured
}

// secureAccept holds an answer against what was offered: the tag and the suite of one line of ours (RFC 4568 section 5.1.3), or no
// protection where that may be.
func (s *section) secureAccept(p *Policy, m *sdpSection, secured bool) bool {
	if !p.sdes() {
		s.security = p.Security
		return p.protected(m.proto, s.far)
	}
	if !plainRTP(m.proto) && !savp(m.proto) || savp(s.proto) && !savp(m.proto) {
		return false
	}
	lines := m.values("crypto")
	if len(lines) == 0 {
		s.security, s.keyIn, s.keyOut = Plain, Key{}, Key{}
		return p.Security == SDESOptional && plainRTP(m.proto) && !secured
	}
	taken, ok := parseCrypto(lines[0])
	if !ok || len(lines) != 1 || !slices.Contains(p.suites(), taken.key.Suite) || taken.tag != p.tag(taken.key.Suite) {
		return false
	}
	i := slices.IndexFunc(s.offered, func(k Key) bool { return k.Suite == taken.key.Suite })
	if i < 0 {
		return false
	}
	s.security, s.keyIn, s.keyOut, s.tag = SDES, taken.key, s.offered[i], taken.tag
	return true
}

// protected reports whether a transport is protected as a policy without SDES asks.
func (p *Policy) protected(proto string, t Transport) bool {
	if p.Security == DTLS {
		return securedByDTLS(proto) && t.Fingerprint != ""
	}
	return plainRTP(proto)
}

// reachable reports whether there is a way to send to the far side.
func (p *Policy) reachable(t Transport, m *sdpSection) bool {
	if p.ICE {
		return t.Ufrag != "" && t.Pwd != "" && (!p.Lite || !t.Lite) // of two lite agents none would check the path
	}
	return m.conn.addr.IsValid() // zeros mean hold; a host name is not resolved
}

// refusal says that a section is not what p asks for.
func (p *Policy) refusal(m *sdpSection) error {
	return fmt.Errorf("%w: %s %s is not protected or reachable as the policy %q asks", ErrRefused, m.media, m.proto, p.Name)
}

// savp reports whether a profile is SRTP with keys in the description.
func savp(proto string) bool {
	return strings.EqualFold(proto, "RTP/SAVP") || strings.EqualFold(proto, "RTP/SAVPF")
}

// crypto writes our keys: all of them in an offer, what stands first; the one that was chosen in an answer.
func (w *writer) crypto(s *section) {
	inline := func(tag string, k Key) {
		w.line("a=crypto:", tag, " ", string(k.Suite), " inline:", base64.StdEncoding.EncodeToString([]byte(k.Secret)))
	}
	if !w.offer {
		if s.security == SDES {
			inline(s.tag, s.keyOut)
		}
		return
	}
	for _, k := range s.offered {
		inline(w.p.tag(k.Suite), k)
	}
}

// offerKeys returns the keys to offer for a section: that of the suite that stands first.
func (p *Policy) offerKeys(l *Local, k Kind, standing Suite) []Key {
	if !p.sdes() {
		return nil
	}
	var keys []Key
	for _, s := range p.suites() {
		switch key := l.key(k, s); {
		case key.IsZero():
		case s == standing:
			keys = slices.Insert(keys, 0, key)
		default:
			keys = append(keys, key)
		}
	}
	return keys
}
