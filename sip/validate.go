package sip

import (
	"bytes"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// onceTable are the header fields that a message has at most once, with their compact forms. Those that must be there (RFC 3261 section
// 8.1.1) come first; RFC 2543 had no Max-Forwards.
var onceTable = [...]struct{ name, compact string }{
	{"From", "f"}, {"To", "t"}, {"Call-ID", "i"}, {"CSeq", ""}, {"Max-Forwards", ""}, {"Content-Length", "l"}, {"Content-Type", "c"},
}

const musts = 4 // of onceTable

// validate checks what sipgo lets through in a request, and returns how it is to be refused, or nil. It must have a Via, From, To,
// Call-ID and CSeq for the refusal to be sent: see sound.
func validate(req *sipmsg.Request) *refusal {
	if !strings.EqualFold(req.SipVersion, "SIP/2.0") {
		return refuseWith(505, "Version Not Supported")
	}
	if r := validateFields(req); r != nil {
		return r
	}
	switch cseq := req.CSeq(); {
	case !strings.EqualFold(string(cseq.MethodName), string(req.Method)): // sipgo takes the letters of the one as capitals
		return refuseWith(400, "CSeq Of Another Method")
	case req.Method == "":
		return refuseWith(400, "No Method")
	}
	if r := validateTarget(req); r != nil {
		return r
	}
	// RFC 2543 had INVITEs without a Contact, and gateways put a tel URI beside the SIP one: both are taken.
	if req.Method == sipmsg.INVITE && countFields(req, "contact") > 0 && contactOf(req) == nil {
		return refuseWith(400, "Bad Contact")
	}
	return validateRequire(req)
}

// validateFields counts the header fields and looks for line breaks, which none can have: sipgo ends a line at CR LF alone.
func validateFields(req *sipmsg.Request) *refusal {
	all := req.Headers()
	if len(all) > maxHeaders {
		return refuseWith(400, "Too Many Header Fields")
	}
	var seen [len(onceTable)]bool
	vias := 0
	for _, h := range all {
		name := h.Name()
		if named(name, "Via", "v") {
			vias++
		}
		for i, once := range onceTable {
			if !named(name, once.name, once.compact) {
				continue
			}
			if seen[i] {
				return refuseWith(400, "More Than One "+once.name)
			}
			seen[i] = true
		}
		if name == "" || broken(h) {
			return refuseWith(400, "Bad Header Field")
		}
	}
	for i, there := range seen[:musts] {
		if !there {
			return refuseWith(400, "No "+onceTable[i].name)
		}
	}
	if vias == 0 || vias > maxVias {
		return refuseWith(400, "Bad Via")
	}
	return validateVia(req.Via())
}

// named reports whether a header field's name is that of a kind, or its compact form.
func named(name, long, compact string) bool {
	return len(name) == len(long) && strings.EqualFold(name, long) || len(name) == 1 && strings.EqualFold(name, compact)
}

// broken reports whether there is a line break in a header field.
func broken(h sipmsg.Header) bool {
	switch h := h.(type) {
	case *sipmsg.MaxForwardsHeader, *sipmsg.ContentLengthHeader:
		return false // numbers
	case *sipmsg.CSeqHeader:
		return hasBreak(string(h.MethodName))
	case *sipmsg.ViaHeader:
		return hasBreak(h.ProtocolName) || hasBreak(h.ProtocolVersion) || hasBreak(h.Transport) || hasBreak(h.Host) || inParams(h.Params, hasBreak)
	case *sipmsg.FromHeader:
		return hasBreak(h.DisplayName) || inURI(&h.Address, hasBreak) || inParams(h.Params, hasBreak)
	case *sipmsg.ToHeader:
		return hasBreak(h.DisplayName) || inURI(&h.Address, hasBreak) || inParams(h.Params, hasBreak)
	case *sipmsg.ContactHeader:
		return hasBreak(h.DisplayName) || inURI(&h.Address, hasBreak) || inParams(h.Params, hasBreak)
	}
	return hasBreak(h.Value())
}

func hasBreak(s string) bool { return strings.ContainsAny(s, "\r\n") }

// validateVia checks the Via that our responses go by.
func validateVia(via *sipmsg.ViaHeader) *refusal {
	if !strings.EqualFold(via.ProtocolName, "SIP") || via.ProtocolVersion != "2.0" || via.Host == "" || strings.ContainsAny(via.Host, " \t,;\"<>") ||
		via.Port < 0 || via.Port > 65535 {
		return refuseWith(400, "Bad Via")
	}
	return nil
}

// validateTarget checks the Request-URI.
func validateTarget(req *sipmsg.Request) *refusal {
	u := &req.Recipient
	switch {
	case inURI(u, func(s string) bool { return strings.ContainsAny(s, " \t<>\"") }):
		return refuseWith(400, "Bad Request-URI")
	case u.Scheme == "tel":
		if number, _, _ := strings.Cut(u.Raw(), ";"); number == "" {
			return refuseWith(400, "Bad Request-URI")
		}
		return nil
	case u.Scheme != "sip" && u.Scheme != "sips":
		return refuseWith(416, "Unsupported URI Scheme")
	case u.Host == "" || len(u.Headers) > 0 || u.Port < 0 || u.Port > 65535: // header components may not stand here: RFC 3261 section 19.1.1
		return refuseWith(400, "Bad Request-URI")
	}
	return nil
}

// validateRequire refuses what we do not have. ACK and CANCEL cannot be refused for it (RFC 3261 section 8.2.2.3).
func validateRequire(req *sipmsg.Request) *refusal {
	if req.Method == sipmsg.ACK || req.Method == sipmsg.CANCEL {
		return nil
	}
	if tags := unknown(req); tags != nil {
		return badExtension(tags...)
	}
	return nil
}

// sound reports whether a message has what its transaction and its answer need at the least. sipgo fails on some of what is missing, and
// does not look for the rest.
func sound(msg sipmsg.Message) bool {
	via, cseq := msg.Via(), msg.CSeq()
	return via != nil && via.Host != "" && cseq != nil && cseq.MethodName != "" && msg.From() != nil && msg.To() != nil && msg.CallID() != nil
}

// maxParams is how many parameters a line of a message may have: three for each of the Via values that one may have, and some.
const maxParams = 256

// crowded reports whether a line of a message's header has more parameters than sipgo's parser should be given: see workaround.go.
func crowded(msg []byte) bool {
	header, _, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	n := 0
	for line := range bytes.SplitSeq(header, []byte("\n")) {
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			n = 0 // not the rest of a folded line
		}
		if n += bytes.Count(line, []byte(";")) + bytes.Count(line, []byte("&")); n > maxParams {
			return true
		}
	}
	return false
}

// validResponse reports whether a response can be one to a request of ours: what sipgo's parser does not check.
func validResponse(res *sipmsg.Response) bool {
	return sound(res) && res.StatusCode >= 100 && res.StatusCode <= 699 && len(res.Headers()) <= maxHeaders
}

func itoa(n int) string { return strconv.Itoa(n) }
