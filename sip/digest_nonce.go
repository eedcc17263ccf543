package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

const (
	nonceFor      = 5 * time.Minute // that a nonce of ours can be used
	maxNonces     = 20_000          // that have been used, in each of the two generations that are remembered
	nonceWindow   = 64              // numbers of one nonce that may come out of order
	nonceTimeLen  = 8
	nonceIDLen    = 16 // time and chance
	nonceWholeLen = nonceIDLen + 16
)

// nonceID is what tells a nonce from others: when it was given, and chance.
type nonceID [nonceIDLen]byte

func (id nonceID) time() int64 { return int64(binary.BigEndian.Uint64(id[:nonceTimeLen])) }

// nonces gives nonces and knows its own again without having kept them. What it keeps is which numbers of a nonce were used (RFC 7616
// section 3.4, nc), and only users that have proved who they are make it keep anything. It is safe for concurrent use.
type nonces struct {
	key []byte

	mu    sync.Mutex
	young map[nonceID]*counted
	old   map[nonceID]*counted
	turn  time.Time // when young was begun
	floor int64     // nonces of this time and before have been forgotten, unless they are kept
}

// counted are the numbers of one nonce that were used: the highest, and which of those before it.
type counted struct {
	high uint32
	seen uint64 // bit n: high-n was used
}

func newNonces() *nonces {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it does not fail
	return &nonces{key: key, young: map[nonceID]*counted{}, old: map[nonceID]*counted{}, turn: time.Now()}
}

// next returns a new nonce.
func (n *nonces) next() string {
	var whole [nonceWholeLen]byte
	binary.BigEndian.PutUint64(whole[:], uint64(time.Now().UnixNano()))
	_, _ = rand.Read(whole[nonceTimeLen:nonceIDLen])
	copy(whole[nonceIDLen:], n.sign("nonce", whole[:nonceIDLen]))
	return base64.RawURLEncoding.EncodeToString(whole[:])
}

// sign signs a text for one purpose, so that what was signed for another is nothing.
func (n *nonces) sign(purpose string, text []byte) []byte {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte(purpose + "\x00"))
	h.Write(text)
	return h.Sum(nil)[:nonceWholeLen-nonceIDLen]
}

// tag returns a tag for To that is the same for each repetition of a request (RFC 3261 section 8.2.7).
func (n *nonces) tag(text string) string {
	return base64.RawURLEncoding.EncodeToString(n.sign("tag", []byte(text)))
}

// use takes a nonce with its number, and reports whether both are good. Number 0 is that of an answer without one (RFC 2069): it uses the
// whole nonce up.
func (n *nonces) use(nonce string, number uint32) bool {
	whole, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(whole) != nonceWholeLen || !hmac.Equal(n.sign("nonce", whole[:nonceIDLen]), whole[nonceIDLen:]) {
		return false
	}
	id := nonceID(whole[:nonceIDLen])
	now := time.Now()
	if age := now.Sub(time.Unix(0, id.time())); age < 0 || age >= nonceFor {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.age(now)
	c := n.young[id]
	if c == nil {
		c = n.old[id]
	}
	if c == nil {
		if id.time() <= n.floor {
			return false
		}
		c = &counted{}
		n.young[id] = c
	}
	return c.take(number)
}

// age forgets the old generation when every nonce of it is too old, or there is no room. What is forgotten before its time cannot be used
// again either.
func (n *nonces) age(now time.Time) {
	full := len(n.young) >= maxNonces
	if !full && now.Sub(n.turn) < nonceFor {
		return
	}
	if full {
		for id := range n.old {
			n.floor = max(n.floor, id.time())
		}
	}
	n.old, n.young, n.turn = n.young, map[nonceID]*counted{}, now
}

// take uses a number, and reports whether it had not been used.
func (c *counted) take(number uint32) bool {
	switch {
	case number == 0 && c.high != 0:
		return false
	case number == 0:
		c.high, c.seen = 1<<32-1, 1<<nonceWindow-1
	case number > c.high:
		c.seen = c.seen<<min(number-c.high, nonceWindow) | 1
		c.high = number
	default:
		bit := c.high - number
		if bit >= nonceWindow || c.seen&(1<<bit) != 0 {
			return false
		}
		c.seen |= 1 << bit
	}
	return true
}
