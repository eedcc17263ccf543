package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Option tags (RFC 3261 section 19.2).
const (
	tagReliable = "100rel"     // RFC 3262
	tagReplaces = "replaces"   // RFC 3891
	tagNoNotify = "norefersub" // RFC 4488
	tagTimer    = "timer"      // RFC 4028
)

// extensionTable are the option tags that a request may require of us.
var extensionTable = map[string]bool{tagReliable: true, tagTimer: true, tagReplaces: true, tagNoNotify: true}

// Reliability says whether provisional responses to INVITE are sent and asked for reliably (RFC 3262).
type Reliability uint8

// The reliabilities.
const (
	// ReliableSupported offers it to far sides, and sends 183 with a description reliably to those that take it.
	ReliableSupported Reliability = iota
	// ReliableRequired asks for it: a called side that does not have it refuses the call, and a caller that does not gets 421.
	ReliableRequired
	// ReliableOff neither offers nor takes it: a caller that requires it gets 420.
	ReliableOff
)

// allowedMethods is what Allow says: what we answer with other than 405.
const allowedMethods = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

// said are header fields that say the same each time. Messages share them: they are not changed.
type said struct{ allow, supported, userAgent sipmsg.Header }

// says returns what is said with these options.
func (o *Options) says() said {
	methods, tags := allowedMethods, []string{tagReplaces}
	if o.Message != nil {
		methods += ", MESSAGE"
	}
	if !o.AlwaysNotify {
		tags = append(tags, tagNoNotify)
	}
	if o.Reliable != ReliableOff {
		tags = append(tags, tagReliable)
	}
	if o.SessionExpires >= 0 {
		tags = append(tags, tagTimer)
	}
	return said{
		sipmsg.NewHeader("Allow", methods), sipmsg.NewHeader("Supported", strings.Join(tags, ", ")), sipmsg.NewHeader("User-Agent", userAgent),
	}
}

// requires reports whether a message requires an extension.
func requires(msg sipmsg.Message, tag string) bool { return lists(msg, tag, "require") }

// supports reports whether the sender of a message has an extension.
func supports(msg sipmsg.Message, tag string) bool {
	return lists(msg, tag, "supported", "k") || requires(msg, tag)
}

// allows reports whether the sender of a message takes requests of a method, and whether the message says so at all.
func allows(msg sipmsg.Message, method sipmsg.RequestMethod) (yes, said bool) {
	return lists(msg, string(method), "allow"), countFields(msg, "allow") > 0
}

// lists reports whether one of the header fields of some names, which are lists of tokens, has a token.
func lists(msg sipmsg.Message, token string, names ...string) bool {
	for _, name := range names {
		for h := range fields(msg, name) {
			for t := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(t), token) {
					return true
				}
			}
		}
	}
	return false
}

// unknown returns the option tags that a request requires and we do not have.
func unknown(req *sipmsg.Request) []string {
	var tags []string
	for h := range fields(req, "require") {
		for t := range strings.SplitSeq(h.Value(), ",") {
			if t = strings.TrimSpace(t); t != "" && !extensionTable[strings.ToLower(t)] {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// extensionRefusal returns how an INVITE is refused for what it requires, or does not support; nil if it is not.
func (a *Agent) extensionRefusal(req *sipmsg.Request) *refusal {
	switch {
	case a.o.Reliable == ReliableOff && requires(req, tagReliable):
		return badExtension(tagReliable)
	case a.o.AlwaysNotify && requires(req, tagNoNotify):
		return badExtension(tagNoNotify)
	case a.o.Reliable == ReliableRequired && !supports(req, tagReliable):
		return refuseWith(421, "Extension Required", sipmsg.NewHeader("Require", tagReliable))
	}
	return a.sessionRefusal(req)
}

// badExtension refuses a request for the extensions that it requires (RFC 3261 section 8.2.2.3).
func badExtension(tags ...string) *refusal {
	return refuseWith(420, "Bad Extension", sipmsg.NewHeader("Unsupported", strings.Join(tags, ", ")))
}
