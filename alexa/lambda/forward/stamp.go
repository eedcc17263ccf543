package forward

import (
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxKeys = 2 // the one in use, and the next or the last one

// stamp is what the header of a request says.
type stamp struct {
	unix, nonce string
	at          time.Time
	signature   []byte
}

// parseStamp reads the header of a request. Each field is there once.
func parseStamp(h http.Header) (s stamp, ok bool) {
	one := func(name string, limit int) (string, bool) {
		v := h[name]
		return strings.Join(v, ""), len(v) == 1 && len(v[0]) > 0 && len(v[0]) <= limit
	}
	unix, ok1 := one(headerTime, 12)
	nonce, ok2 := one(headerNonce, maxNonce)
	signature, ok3 := one(headerSignature, 64)
	seconds, err := strconv.ParseUint(unix, 10, 40)
	sum, bad := hex.DecodeString(signature)
	if !ok1 || !ok2 || !ok3 || err != nil || bad != nil || len(sum) != 32 || strings.ContainsFunc(nonce, notOfNonce) {
		return stamp{}, false
	}
	return stamp{unix, nonce, time.Unix(int64(seconds), 0), sum}, true
}

func notOfNonce(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// signedBy reports whether one of the keys has signed. All are tried, so that the time it takes tells nothing.
func (s stamp) signedBy(keys []Key, body []byte) bool {
	fits := false
	for _, k := range keys[:min(len(keys), maxKeys)] {
		if !k.IsZero() && hmac.Equal(k.sum(s.unix, s.nonce, body), s.signature) {
			fits = true
		}
	}
	return fits
}
