package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// maxTries is how often credentials are given for one realm: once, and once more if the far side says that only the nonce was too old.
const maxTries = 2

// maxChallenges is how many challenges one request of ours is sent again for: a proxy or two and the far side.
const maxChallenges = 4

// exchange is a request of ours in a call with its responses, and its repetitions with credentials where the far side asks for them
// (RFC 3261 section 22). handle is called as that of a clientTx.
type exchange struct {
	leg    *Leg
	req    *sipmsg.Request // as sent last
	way    conn
	handle func(*sipmsg.Response, error)
	tx     *clientTx
	tries  map[string]int // by kind of challenge and realm
}

// send sends the request.
func (x *exchange) send() error {
	tx, err := x.leg.agent.send(x.req, x.way, x.response)
	if err != nil {
		return err
	}
	x.tx = tx
	return nil
}

func (x *exchange) response(res *sipmsg.Response, err error) {
	if err == nil && x.again(res) {
		return
	}
	x.handle(res, err)
}

// again sends the request once more with the credentials that a response asks for. It returns false if it does not.
func (x *exchange) again(res *sipmsg.Response) bool {
	ask, give := "WWW-Authenticate", "Authorization"
	switch {
	case res.StatusCode == 407:
		ask, give = "Proxy-Authenticate", "Proxy-Authorization"
	case res.StatusCode != 401:
		return false
	}
	if x.req.IsInvite() && x.leg.Ended() != nil {
		return false
	}
	value, ok := x.credentials(res, ask)
	if !ok {
		return false
	}
	req := x.req.Clone()
	req.RemoveHeader("Via")
	req.PrependHeader(x.leg.agent.via(x.way.network()))
	x.leg.dialog.seq++
	req.CSeq().SeqNo = x.leg.dialog.seq
	dropRealm(req, give, value.Realm)
	req.AppendHeader(sipmsg.NewHeader(give, value.String()))
	before := x.req
	x.req = req
	if x.send() != nil {
		x.req = before
		return false
	}
	return true
}

// credentials answers one of the challenges of a response: the strongest that we have a password for.
func (x *exchange) credentials(res *sipmsg.Response, ask string) (*digest.Credentials, bool) {
	var best *digest.Challenge
	var with Credentials
	for _, h := range res.GetHeaders(ask) {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || !answerable(c) {
			continue
		}
		if user, ok := x.leg.userFor(c.Realm); ok && (best == nil || strength(c) > strength(best)) {
			best, with = c, user
		}
	}
	if best == nil {
		return nil, false
	}
	key := ask + " " + best.Realm
	n := x.tries[key]
	if n >= maxTries || n > 0 && !best.Stale || len(x.tries) >= maxChallenges {
		return nil, false
	}
	if x.tries == nil {
		x.tries = map[string]int{}
	}
	x.tries[key]++
	value, err := digest.Digest(best, digest.Options{
		Method: string(x.req.Method), URI: x.req.Recipient.String(), Username: with.Username, Password: with.Password,
	})
	return value, err == nil
}

// userFor returns the credentials for a realm.
func (l *Leg) userFor(realm string) (Credentials, bool) {
	for _, c := range l.creds {
		if c.Realm == "" || c.Realm == realm {
			return c, true
		}
	}
	return Credentials{}, false
}

// credentialsFor returns those that are meant for calls to a host.
func (a *Agent) credentialsFor(host string) []Credentials {
	var fit []Credentials
	for _, c := range a.o.Credentials {
		if c.Host == "" || strings.EqualFold(c.Host, host) {
			fit = append(fit, c)
		}
	}
	return fit
}

// answerable reports whether we can answer a challenge: a known hash, and no protection of the body asked for. It trims what the parser
// leaves around the qop values.
func answerable(c *digest.Challenge) bool {
	for i := range c.QOP {
		c.QOP[i] = strings.ToLower(strings.TrimSpace(c.QOP[i]))
	}
	return digest.CanDigest(c) && (len(c.QOP) == 0 || c.SupportsQOP("auth"))
}

// strength orders challenges by their hash.
func strength(c *digest.Challenge) int {
	switch strings.ToUpper(c.Algorithm) {
	case "", "MD5":
		return 1
	}
	return 2
}

// dropRealm takes earlier credentials for a realm out of a request.
func dropRealm(req *sipmsg.Request, name, realm string) {
	var keep []sipmsg.Header
	for _, h := range req.GetHeaders(name) {
		if c, err := digest.ParseCredentials(h.Value()); err != nil || c.Realm != realm {
			keep = append(keep, h)
		}
	}
	for req.RemoveHeader(name) {
	}
	for _, h := range keep {
		req.AppendHeader(h)
	}
}
