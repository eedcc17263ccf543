package sip

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxProofs is how many credentials for our realm are looked at in one request: as many as there are algorithms.
const maxProofs = 2

// doorkeeper asks those who begin anything with us who they are (RFC 7616, RFC 8760).
type doorkeeper struct {
	users      func(user string) (Secret, bool)
	realm      string
	algorithms []string // in the order in which we like them
	nonces     *nonces
	nobody     Secret // that unknown users are compared with, so that they take as long as known ones
	count      *counters
}

// checkDoor checks and completes what a doorkeeper needs.
func (s *settings) checkDoor() error {
	if !printable(s.Realm) || len(s.Realm) > maxName { // nobody's credentials with it would be read
		return errors.New("sip: Realm has characters that cannot be printed, or is too long")
	}
	if len(s.Algorithms) == 0 {
		s.Algorithms = []string{algorithmMD5}
		return nil
	}
	var all []string
	for _, a := range s.Algorithms {
		if a = strings.ToUpper(a); hashOf(a) == nil || slices.Contains(all, a) {
			return fmt.Errorf("sip: Algorithms: %q is unknown, or there twice", a)
		}
		all = append(all, a)
	}
	s.Algorithms = all
	return nil
}

// newDoorkeeper returns nil if nobody is asked.
func newDoorkeeper(s *settings, count *counters) *doorkeeper {
	if s.Users == nil {
		return nil
	}
	d := &doorkeeper{users: s.Users, realm: s.Realm, algorithms: s.Algorithms, nonces: newNonces(), count: count}
	d.nobody = Password(d.nonces.next())
	return d
}

// asks reports whether the sender of a request has to prove who it is: of one that begins something. ACK and CANCEL cannot be sent again
// with credentials (RFC 3261 section 22.1); within a call its tags tell.
func (d *doorkeeper) asks(req *sipmsg.Request) bool {
	return d != nil && req.Method != sipmsg.ACK && req.Method != sipmsg.CANCEL && tagOf(req.To().Params) == ""
}

// identify returns who has sent a request that begins something. It answers those that have not proved who they are.
func (a *Agent) identify(req *sipmsg.Request, from conn) (user string, ok bool) {
	if !a.door.asks(req) {
		return "", true
	}
	user, r, wrong := a.door.admit(req)
	if r == nil {
		a.proven(from)
		return user, true
	}
	if wrong {
		a.count.unauthorized.Add(1)
		a.offended(from, offenceCredentials)
	}
	a.dismiss(req, from, r, a.door.tag(req))
	return "", false
}

// admit returns who has sent a request, or how it is refused, and whether that is for credentials that are wrong.
func (d *doorkeeper) admit(req *sipmsg.Request) (user string, r *refusal, wrong bool) {
	stale, tried := false, 0
	for _, h := range req.GetHeaders("authorization") {
		a, err := parseAuthorization(h.Value())
		if err != nil || a.realm != d.realm {
			continue // for another realm, on the way or behind us
		}
		if tried++; tried > maxProofs {
			break
		}
		if !sameTarget(a.uri, &req.Recipient) {
			return "", refuseWith(400, "Credentials For Another URI"), true // RFC 7616 section 3.4.6
		}
		if !d.proves(a, string(req.Method)) {
			continue
		}
		if d.nonces.use(a.nonce, a.nc) {
			return a.username, nil, false
		}
		stale = true // the password is right, so it need not be asked for again
	}
	return "", d.challenge(stale), tried > 0 && !stale
}

// proves reports whether credentials show that their sender knows the secret of their user.
func (d *doorkeeper) proves(a *authorization, method string) bool {
	h := hashOf(a.algorithm)
	if h == nil || !slices.Contains(d.algorithms, a.algorithm) || a.qop != "" && a.qop != "auth" {
		return false
	}
	secret, known := d.lookUp(a.username)
	a1 := secret.a1(a.algorithm, a.username, d.realm)
	if !known || a1 == "" {
		known, a1 = false, d.nobody.a1(a.algorithm, a.username, d.realm)
	}
	parts := []string{a1, a.nonce}
	if a.qop != "" {
		parts = append(parts, a.count, a.cnonce, a.qop)
	}
	want := hashed(h, append(parts, hashed(hashOf(a.algorithm), method, a.uri))...)
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(a.response))) == 1 && known
}

// lookUp asks Options.Users. A panic of it is nobody.
func (d *doorkeeper) lookUp(user string) (secret Secret, known bool) {
	defer func() {
		if recover() != nil {
			d.count.panics.Add(1)
			secret, known = Secret{}, false
		}
	}()
	if user == "" {
		return Secret{}, false
	}
	return d.users(user)
}

// challenge asks for credentials, with the algorithm that we like best first (RFC 8760 section 2.4).
func (d *doorkeeper) challenge(stale bool) *refusal {
	r := refuseWith(401, "Unauthorized")
	nonce := d.nonces.next()
	for _, algorithm := range d.algorithms {
		value := `Digest realm="` + quotedName(d.realm) + `", nonce="` + nonce + `", algorithm=` + algorithm + `, qop="auth"`
		if stale {
			value += ", stale=true"
		}
		r.header = append(r.header, sipmsg.NewHeader("WWW-Authenticate", value))
	}
	return r
}

// sameTarget reports whether credentials are for a Request-URI. Proxies change its host and its parameters on the way, so whom it names is
// all that is compared (RFC 3261 section 22.4).
func sameTarget(text string, u *sipmsg.Uri) bool {
	if text == u.String() {
		return true
	}
	var other sipmsg.Uri
	if len(text) > maxURI || hasControl(text) || sipmsg.ParseUri(text, &other) != nil {
		return false
	}
	if raw := u.Raw(); raw != "" || other.Raw() != "" {
		return raw == other.Raw()
	}
	return other.User == u.User
}

// tag returns the tag in what a request is dismissed with: nothing is kept of it, and each repetition is answered anew.
func (d *doorkeeper) tag(req *sipmsg.Request) string {
	branch, _ := req.Via().Params.Get("branch")
	return d.nonces.tag(req.CallID().Value() + " " + branch)
}
