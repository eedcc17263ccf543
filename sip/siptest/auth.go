package siptest

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// realm is what the phone asks for credentials of.
const realm = "siptest"

// maxNonces is how many nonces a phone remembers. When there are more it forgets them all: those calls are asked again.
const maxNonces = 1024

// nonces are the challenges that a phone or a PBX has handed out and how often each was used. Safe for concurrent use.
type nonces struct {
	mu   sync.Mutex
	used map[string]int // the highest nonce count seen
}

// check returns "" when req has good credentials in a header, and else the challenge to answer it with (RFC 3261 section 22.3,
// RFC 7616).
func (n *nonces) check(req *sipmsg.Request, header, username, password string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	stale := false
	if h := req.GetHeader(header); h != nil {
		cred, err := digest.ParseCredentials(h.Value())
		if err == nil && cred.Realm == realm && cred.Username == username && forRequest(cred, req) {
			last, known := n.used[cred.Nonce]
			good := verified(cred, req, username, password)
			if known && good && cred.Nc > last {
				n.used[cred.Nonce] = cred.Nc
				return ""
			}
			stale = good
		}
	}
	if n.used == nil || len(n.used) >= maxNonces {
		n.used = make(map[string]int)
	}
	nonce := rand.Text()
	n.used[nonce] = 0
	chal := digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: "MD5", QOP: []string{"auth"}, Stale: stale}
	return chal.String()
}

// forRequest reports whether cred is for the URI of req. Some leave the URI's parameters out.
func forRequest(cred *digest.Credentials, req *sipmsg.Request) bool {
	return cred.URI == req.Recipient.String() || cred.URI == req.Recipient.Addr()
}

// verified reports whether the response in cred was made with the password.
func verified(cred *digest.Credentials, req *sipmsg.Request, username, password string) bool {
	if cred.QOP != "auth" {
		return false // it was asked for
	}
	want, err := digest.Digest(
		&digest.Challenge{Realm: realm, Nonce: cred.Nonce, Algorithm: "MD5", QOP: []string{"auth"}},
		digest.Options{
			Method: req.Method.String(), URI: cred.URI, Cnonce: cred.Cnonce, Count: cred.Nc, Username: username, Password: password,
		})
	return err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(cred.Response)) == 1
}

// authorize puts into req the credentials that the 401 or 407 res asks for.
func (p *Phone) authorize(req *sipmsg.Request, res *sipmsg.Response) error {
	if p.Password == "" {
		return errors.New("siptest: the other side asks for credentials, the phone has none")
	}
	ask, answer := "www-authenticate", "Authorization"
	if res.StatusCode == sipmsg.StatusProxyAuthRequired {
		ask, answer = "proxy-authenticate", "Proxy-Authorization"
	}
	for _, h := range res.GetHeaders(ask) {
		chal, err := digest.ParseChallenge(h.Value())
		if err != nil {
			continue
		}
		for i, qop := range chal.QOP {
			chal.QOP[i] = strings.TrimSpace(qop) // "auth, auth-int" comes with a space
		}
		if !digest.CanDigest(chal) {
			continue
		}
		cred, err := digest.Digest(chal, digest.Options{
			Method: req.Method.String(), URI: req.Recipient.String(), Username: p.Username, Password: p.Password,
			GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body())), nil },
		})
		if err != nil {
			return fmt.Errorf("siptest: %w", err)
		}
		req.RemoveHeader(answer)
		req.AppendHeader(sipmsg.NewHeader(answer, cred.String()))
		return nil
	}
	return errors.New("siptest: the other side asks for credentials in no way that the phone knows")
}

// challenged reports whether res asks for credentials.
func challenged(res *sipmsg.Response) bool {
	return res.StatusCode == sipmsg.StatusUnauthorized || res.StatusCode == sipmsg.StatusProxyAuthRequired
}
