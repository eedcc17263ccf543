package sip

import (
	"errors"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

var errHeader = errors.New("sip: header field that cannot be sent")

const maxExtensions = 64 // header fields of one call that are sent or read, of maxIdentity bytes each

// ourFieldTable has the P- fields that Identity writes.
var ourFieldTable = [...]string{"p-asserted-identity", "p-preferred-identity"}

// checkHeaders checks that header fields can be written, and are none that mean something to us or to the way of the call.
func checkHeaders(headers map[string]string) error {
	if len(headers) > maxExtensions {
		return errHeader
	}
	seen := map[string]bool{}
	for name, value := range headers {
		key := strings.ToLower(name)
		if seen[key] || !isSendable(name, value) {
			return errHeader
		}
		seen[key] = true
	}
	return nil
}

// isSendable reports whether a header field may be sent.
func isSendable(name, value string) bool {
	key := strings.ToLower(name)
	extension := isExtension(key, "x-") || isExtension(key, "p-") || key == "remote-party-id"
	return extension && !slices.Contains(ourFieldTable[:], key) && validToken(name) && len(name) <= maxIdentity && len(value) <= maxIdentity && !hasControl(value)
}

// isExtension reports whether a name begins with a prefix, which is in lower case.
func isExtension(name, prefix string) bool {
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// Headers returns the X- and P- header fields of the INVITE that came in, and Remote-Party-ID, by their names in lower case, and of one name
// the first: at most 64 of 2 KiB. Anybody may have written them; what Identity has is not among them. The map is not to be changed. It may be
// called from any goroutine.
func (l *Leg) Headers() map[string]string { return l.headers }

// readExtensions returns what Leg.Headers has. What is too much, or could not be sent on, is left out.
func readExtensions(req *sipmsg.Request) map[string]string {
	var all map[string]string
	for _, h := range req.Headers() {
		name := strings.ToLower(h.Name())
		if _, twice := all[name]; twice || !isSendable(name, h.Value()) || len(all) == maxExtensions {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = h.Value()
	}
	return all
}
