package mediaserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// An id is the session's name, a letter for what it is of, and that one's number: "QDV7...-c2". A replyId is an id, a dot and a MAC of the id
// and the domain. Nobody can make one up, and what it stands for is in it; whether that still is, the session knows.
const (
	idParty    = 'p'
	idLink     = 'c'
	idQuestion = 'q'
)

// maxID is how many bytes an id that somebody gives us may have.
const maxID = 200

// idOf returns the id of something in a session.
func idOf[N partyID | linkID | questionID](session string, kind byte, n N) string {
	if n == 0 {
		return ""
	}
	return session + "-" + string(kind) + strconv.Itoa(int(n))
}

// parseID takes an id apart; ok is false if it is none of that kind.
func parseID(id string, kind byte) (session string, n int, ok bool) {
	session, rest, found := strings.Cut(id, "-")
	if !found || len(id) > maxID || len(rest) < 2 || rest[0] != kind {
		return "", 0, false
	}
	n, err := strconv.Atoi(rest[1:])
	return session, n, err == nil && n > 0 && idOf(session, kind, linkID(n)) == id
}

// A seal makes and checks the replyIds of a server.
type seal struct {
	key    [32]byte
	domain string
}

func newSeal(domain string) *seal {
	s := &seal{domain: domain}
	_, _ = rand.Read(s.key[:]) // it never fails
	return s
}

func (s *seal) sign(id string) string {
	if id == "" {
		return ""
	}
	return id + "." + s.mac(id)
}

func (s *seal) mac(id string) string {
	h := hmac.New(sha256.New, s.key[:])
	_, _ = fmt.Fprintf(h, "%d %s %s", len(s.domain), s.domain, id)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// open returns the id that a replyId stands for, or ErrReply.
func (s *seal) open(replyID string) (string, error) {
	id, mac, ok := strings.Cut(replyID, ".")
	if !ok || len(replyID) > maxID || !hmac.Equal([]byte(mac), []byte(s.mac(id))) {
		return "", ErrReply
	}
	return id, nil
}
