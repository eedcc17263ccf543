package sip

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// maxTries is how often a challenge for one realm is answered: once, and once more if the far side says that only the nonce was too old.
const maxTries = 2

// maxChallenges is how many challenges one request of ours is sent again for: a proxy or two and the far side.
const maxChallenges = 4

// digestTable says, for each status that asks for credentials, in which header field it does and in which they are given.
var digestTable = map[int]struct{ ask, give string }{
	401: {"WWW-Authenticate", "Authorization"},
	407: {"Proxy-Authenticate", "Proxy-Authorization"},
}

// login is what we prove with, to the far side of one dialog, who we are. It belongs to the dialog's inbox.
type login struct {
	creds []Credentials  // those that are meant for whom the first request was for
	home  netip.AddrPort // where the first request went
	known []*proof       // answers that were not refused: later requests carry them from the beginning
}

// proof is our answer to a challenge.
type proof struct {
	challenge *digest.Challenge
	status    int // 401 or 407
	with      Credentials
	at        netip.AddrPort // who asked, or stands before who did
	count     int            // of answers to this nonce
}

// exchange is a request of ours with its responses, and its repetitions with credentials where the far side asks for them (RFC 3261
// section 22). handle is called as that of a clientTx.
type exchange struct {
	leg    *Leg    // nil outside calls
	dialog *dialog // nil: the leg's
	req    *sipmsg.Request
	way    conn
	handle func(*sipmsg.Response, error)
	tx     *clientTx
	tries  map[string]int                            // by status and realm
	given  []*proof                                  // with the request as it was sent last
	gone   bool                                      // nobody waits for the response any more
	longed int                                       // how often a longer session interval was asked for
	rest   *route                                    // other ways to who it is for; nil: none
	late   func(old *clientTx, res *sipmsg.Response) // takes responses to what was sent elsewhere in the meantime; nil: nobody does
	moving bool                                      // the next of them is being looked for
	ended  *failing                                  // how the request has ended in the meantime
}

// send sends the request, with credentials for those challenges that were answered earlier in the dialog on the same way.
func (x *exchange) send() error {
	if x.dialog == nil {
		x.dialog = x.leg.dialog
	}
	in := &x.dialog.login
	if !in.home.IsValid() {
		in.home = x.way.remote()
	}
	x.giveKnown()
	return x.launch()
}

// giveKnown gives those answers that were good on this way.
func (x *exchange) giveKnown() {
	for _, k := range x.dialog.login.known {
		if k.at == x.way.remote() {
			x.give(k)
		}
	}
}

// launch sends the request as it is.
func (x *exchange) launch() error {
	if via := x.req.Via(); via.Transport != x.way.network() { // the host has chosen it, by what it is found by
		via.Transport, via.Port = x.way.network(), x.dialog.agent.o.portOf(x.way.network())
	}
	tx, err := x.dialog.agent.sendWithin(x.dialog, x.req, x.way, x.response)
	if err != nil {
		return err
	}
	x.way = tx.way
	if x.tx = tx; !x.moving && x.rest.more() {
		time.AfterFunc(silenceFor, func() { x.dialog.agent.post(x.dialog.callID, func() { x.silent(tx) }) })
	}
	return nil
}

func (x *exchange) response(res *sipmsg.Response, err error) {
	if err == nil && x.again(res) || x.elsewhere(res, err) {
		return
	}
	if err == nil && res.StatusCode > 100 {
		x.rest = nil // it has been taken
	}
	if err == nil && digestTable[res.StatusCode].ask == "" {
		x.dialog.login.keep(x.given)
		x.given = nil
		if x.longer(res) {
			return
		}
	}
	x.handle(res, err)
}

// again sends the request once more with the credentials that a response asks for. It returns false if it does not.
func (x *exchange) again(res *sipmsg.Response) bool {
	if digestTable[res.StatusCode].ask == "" || x.gone || x.req.IsInvite() && x.leg != nil && x.leg.Ended() != nil {
		return false
	}
	answers := x.answers(res)
	if len(answers) == 0 {
		return false
	}
	before := x.renew()
	ok := true
	for _, k := range answers {
		ok = x.give(k) && ok
	}
	if !ok || x.launch() != nil {
		x.req = before
		return false
	}
	x.given = append(x.given, answers...)
	return true
}

// renew makes the request another one of the same dialog, and returns it as it was.
func (x *exchange) renew() (before *sipmsg.Request) {
	before = x.req
	x.req = before.Clone()
	x.req.RemoveHeader("Via")
	x.req.PrependHeader(x.dialog.agent.via(x.way.network()))
	x.dialog.seq++
	x.req.CSeq().SeqNo = x.dialog.seq
	return before
}

// answers picks the challenges of a response that are answered: of each realm that we have a password for the strongest. A proxy that has
// forked the request may ask for others beside itself, so both kinds are looked at, once the status's own is among them (RFC 3261
// section 22.3).
func (x *exchange) answers(res *sipmsg.Response) []*proof {
	own := x.answersTo(res, res.StatusCode)
	if len(own) == 0 {
		return nil
	}
	return append(own, x.answersTo(res, 401+407-res.StatusCode)...)
}

func (x *exchange) answersTo(res *sipmsg.Response, status int) []*proof {
	var found []*proof
	for _, h := range res.GetHeaders(digestTable[status].ask) {
		c, err := parseChallenge(h.Value())
		if err != nil || !answerable(c) {
			continue
		}
		same := -1
		for i, k := range found {
			if k.challenge.Realm == c.Realm {
				same = i
			}
		}
		switch {
		case same >= 0 && strength(c) > strength(found[same].challenge):
			found[same].challenge = c
		case same < 0 && len(found) < maxChallenges:
			if user, ok := x.userFor(c.Realm); ok {
				found = append(found, &proof{challenge: c, status: status, with: user, at: x.way.remote()})
			}
		}
	}
	return x.allowed(found)
}

// allowed leaves those answers that may be given, and counts them.
func (x *exchange) allowed(found []*proof) []*proof {
	var ok []*proof
	for _, k := range found {
		key := digestTable[k.status].ask + " " + k.challenge.Realm
		n := x.tries[key]
		if n >= maxTries || n > 0 && !k.challenge.Stale || len(x.tries) >= maxChallenges && n == 0 {
			continue
		}
		if x.tries == nil {
			x.tries = map[string]int{}
		}
		x.tries[key]++
		if old := x.dialog.login.find(k); old != nil && old.challenge.Nonce == k.challenge.Nonce {
			k.count = old.count
		}
		ok = append(ok, k)
	}
	return ok
}

// userFor returns the credentials for a realm. Those of a host go to where the dialog's first request went, or to that host by its name:
// not to who the far side has handed the call to.
func (x *exchange) userFor(realm string) (Credentials, bool) {
	in, hop := &x.dialog.login, x.dialog.hop()
	for _, c := range in.creds {
		home := c.Host == "" || x.way.remote() == in.home || strings.EqualFold(c.Host, hop.Host)
		if home && (c.Realm == "" || c.Realm == realm) {
			return c, true
		}
	}
	return Credentials{}, false
}

// give puts the answer to a challenge into the request, in place of an earlier one for the realm.
func (x *exchange) give(k *proof) bool {
	k.count++
	body := x.req.Body()
	value, err := digest.Digest(k.challenge, digest.Options{
		Method: string(x.req.Method), URI: x.req.Recipient.String(), Username: k.with.Username, Password: k.with.Password, Count: k.count,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
	if err != nil {
		return false
	}
	name := digestTable[k.status].give
	dropRealm(x.req, name, k.challenge.Realm)
	x.req.AppendHeader(sipmsg.NewHeader(name, value.String()))
	return true
}

// find returns the answer that an earlier request of the dialog gave for the same realm, or nil.
func (in *login) find(k *proof) *proof {
	for _, old := range in.known {
		if old.status == k.status && old.challenge.Realm == k.challenge.Realm {
			return old
		}
	}
	return nil
}

// keep takes note of answers that were not refused.
func (in *login) keep(given []*proof) {
	for _, k := range given {
		if old := in.find(k); old != nil {
			*old = *k
		} else if len(in.known) < maxChallenges {
			in.known = append(in.known, k)
		}
	}
}

// credentialsFor returns those that are meant for calls to a host.
func (a *Agent) credentialsFor(host string) []Credentials { return fitting(a.o.Credentials, host) }

// fitting returns those credentials that are for calls to a host.
func fitting(all []Credentials, host string) []Credentials {
	var fit []Credentials
	for _, c := range all {
		if c.Host == "" || strings.EqualFold(c.Host, host) {
			fit = append(fit, c)
		}
	}
	return fit
}

// answerable reports whether we can answer a challenge.
func answerable(c *digest.Challenge) bool { return digest.CanDigest(c) }

// strength orders challenges by their hash (RFC 8760 leaves the choice among those that the far side offers to us).
func strength(c *digest.Challenge) int {
	switch strings.ToUpper(c.Algorithm) {
	case "", algorithmMD5:
		return 1
	case algorithmSHA256:
		return 2
	}
	return 3
}

// dropRealm takes earlier credentials for a realm out of a request.
func dropRealm(req *sipmsg.Request, name, realm string) {
	var keep []sipmsg.Header
	for _, h := range req.GetHeaders(name) {
		if p, err := parseDigest(h.Value()); err != nil || p["realm"] != realm {
			keep = append(keep, h)
		}
	}
	for req.RemoveHeader(name) {
	}
	for _, h := range keep {
		req.AppendHeader(h)
	}
}
