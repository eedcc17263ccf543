package sip

import (
	"maps"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// The names under which what a REFER said beside its target goes along with bridge.DialOptions.Attr, to the agent that dials it.
const (
	attrReplaces   = "sip.replaces"
	attrReferredBy = "sip.referred-by"
)

// maxReferTo is how many bytes of a Refer-To or Referred-By are read.
const maxReferTo = 2048

// reference is whom a REFER asks us to call.
type reference struct {
	to   string // a sip, sips or tel URI
	attr map[string]string
	mute bool // its sender wants no NOTIFY (RFC 4488)
}

// parseRefer reads what a REFER asks for (RFC 3515 section 2.4). Of the header fields in the URI, Replaces alone is taken: no far side has
// us send what it likes.
func parseRefer(req *sipmsg.Request) (reference, *refusal) {
	ref := reference{attr: map[string]string{}}
	fields := append(req.GetHeaders("refer-to"), req.GetHeaders("r")...)
	if len(fields) != 1 || len(fields[0].Value()) > maxReferTo {
		return ref, refuseWith(400, "Bad Refer-To")
	}
	uri, err := parseAddress(fields[0].Value())
	if err != nil {
		return ref, refuseWith(400, "Bad Refer-To")
	}
	switch uri.Scheme {
	case "sip", "sips":
		if r := ref.take(uri); r != nil {
			return ref, r
		}
	case "tel":
		if !validTel(uri.Raw()) {
			return ref, refuseWith(400, "Bad Refer-To")
		}
		ref.to = "tel:" + uri.Raw()
	default:
		return ref, refuseWith(416, "Unsupported URI Scheme")
	}
	if by := referredBy(req); by != "" {
		ref.attr[attrReferredBy] = by
	}
	ref.mute = strings.EqualFold(headerText(req, "refer-sub"), "false")
	return ref, nil
}

// take takes a SIP URI.
func (ref *reference) take(uri *sipmsg.Uri) *refusal {
	bad := refuseWith(400, "Bad Refer-To")
	for _, h := range uri.Headers {
		if !strings.EqualFold(h.K, "replaces") {
			continue
		}
		text, ok := unescapeHeader(h.V)
		r, good := parseReplaces(text)
		if !ok || !good || ref.attr[attrReplaces] != "" {
			return bad
		}
		ref.attr[attrReplaces] = r.String()
	}
	target := *uri.Clone()
	target.Headers, target.UriParams = nil, nil
	for _, p := range uri.UriParams {
		switch {
		case !strings.EqualFold(p.K, "method"):
			target.UriParams = append(target.UriParams, p)
		case !strings.EqualFold(p.V, "INVITE"):
			return refuseWith(403, "Forbidden") // we call, and do nothing else for others
		}
	}
	if checkURI(&target) != nil || len(target.String()) > maxURI {
		return bad
	}
	ref.to = target.String()
	return nil
}

// referredBy returns the Referred-By of a request as it may be written again (RFC 3892), or "". What is said by signed bodies is left
// out: we could not pass it on whole.
func referredBy(req *sipmsg.Request) string {
	fields := append(req.GetHeaders("referred-by"), req.GetHeaders("b")...)
	if len(fields) != 1 || len(fields[0].Value()) > maxReferTo {
		return ""
	}
	uri, err := parseAddress(fields[0].Value())
	if err != nil || checkURI(uri) != nil {
		return ""
	}
	return "<" + uri.String() + ">"
}

// parseAddress reads a name-addr or addr-spec.
func parseAddress(text string) (*sipmsg.Uri, error) {
	var uri sipmsg.Uri
	var params sipmsg.HeaderParams
	if hasControl(text) {
		return nil, errURI
	}
	if _, err := sipmsg.ParseAddressValue(text, &uri, &params); err != nil {
		return nil, errURI // without the parser's error, which quotes numbers
	}
	return &uri, nil
}

// validTel reports whether s is the number and the parameters of a tel URI (RFC 3966 section 3).
func validTel(s string) bool {
	number, params, _ := strings.Cut(s, ";")
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()", r) {
			return -1
		}
		return r
	}, strings.TrimPrefix(number, "+"))
	return digits != "" && len(s) <= maxURI &&
		!strings.ContainsFunc(digits, func(r rune) bool { return !strings.ContainsRune("0123456789*#ABCDabcd", r) }) &&
		!strings.ContainsFunc(params, func(r rune) bool { return r != ';' && r != '=' && !validParam(string(r)) })
}

// withoutOurs returns a copy of attr without what belongs to one transfer alone.
func withoutOurs(attr map[string]string) map[string]string {
	rest := maps.Clone(attr)
	delete(rest, attrReplaces)
	delete(rest, attrReferredBy)
	return rest
}

// fieldsOf returns the header fields of an INVITE that carries a transfer out, from what the REFER's agent has put into Attr. It is checked
// as if it came from anywhere, for it may.
func fieldsOf(attr map[string]string) []sipmsg.Header {
	var fields []sipmsg.Header
	if r, ok := parseReplaces(attr[attrReplaces]); ok {
		fields = append(fields, sipmsg.NewHeader("Replaces", r.String()))
	}
	if text := attr[attrReferredBy]; text != "" && len(text) <= maxReferTo {
		if uri, err := parseAddress(text); err == nil && checkURI(uri) == nil {
			fields = append(fields, sipmsg.NewHeader("Referred-By", "<"+uri.String()+">"))
		}
	}
	return fields
}
