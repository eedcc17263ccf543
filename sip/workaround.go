package sip

import (
	"net/netip"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Of sipgo v1.7.2 this package takes the parser and the message types. What it does otherwise, and why, is in this file, or named here:
//
//   - Its UDP connection refuses messages over 1,300 bytes, and the limit is a package variable (github.com/emiago/sipgo/issues/206). It
//     also keeps an entry for every source address for ever (issues/150, pull/286), and its listener ends at the first error of a read.
//     So there are conns of ours: transport_udp.go, transport_tcp.go. Messages go out whole, and IP fragments them, as all stacks do where
//     TCP is not agreed.
//   - It writes what it is given, line breaks in it too (README.md, Security). encode in transport.go is the guard against that.
//   - Its transactions keep the request, the response and their state for 32 s, and hand each response and each ACK over by a channel, with
//     a goroutine that waits until somebody takes it (issues/148, issues/349). They repeat the last response that they were given, also
//     where they did not send it, such as a 180 after the 487 (pull/354), and take a repeated refusal for a loop, with their lock held for
//     4 s. Ours belong to the inbox of their call: transaction.go.
//   - Its transaction layer hands every message to a goroutine of its own, so that a BYE may be handled before the 200 that it follows, or
//     the 200 before the 183 (issues/306, pull/307, pull/354). Here messages wait in the inbox of their call: inbox.go.
//   - It answers CANCEL itself, with To tags of its own, and the 487 races with the application's response (pull/263). CANCEL does not
//     reach its INVITE transaction here: agent_serve.go.
//   - It keeps the parameters of a URI or a header field in a list and looks through it for each, so that a datagram full of them takes the
//     reader a third of a second. crowded in validate.go keeps such ones from the parser.
//   - Its parser of streams takes a folded header field that is cut between two reads for two, and ends the connection. transport_frame.go cuts
//     what comes over connections into messages.
//   - What is missing or contradicts in a request that it has parsed, it lets through: validate.go.

// answerTo returns the way that responses to a request take. Over UDP that is the port in Via, unless rport asks for the port that the
// request came from (RFC 3261 section 18.2.2, RFC 3581 section 4); the address is always the one that it came from. sipgo works this out
// in a layer that is not used here.
func answerTo(req *sipmsg.Request, from conn) conn {
	f, ok := from.(*flow)
	if !ok {
		return from
	}
	via := req.Via()
	if via == nil || via.Params.Has("rport") {
		return from
	}
	return &flow{t: f.t, to: sentBy(req, from)}
}

// sentBy returns the address that a request came from with the port that its Via says.
func sentBy(req *sipmsg.Request, from conn) netip.AddrPort {
	port := req.Via().Port
	if port <= 0 || port > 65535 {
		port = defaultPortOf(from.network())
	}
	return netip.AddrPortFrom(from.remote().Addr(), uint16(port))
}

// tidy takes the white space from around the parameters that transactions and dialogs are told apart by, which sipgo leaves there.
func tidy(msg sipmsg.Message) {
	if via := msg.Via(); via != nil {
		trim(via.Params)
	}
	if from := msg.From(); from != nil {
		trim(from.Params)
	}
	if to := msg.To(); to != nil {
		trim(to.Params)
	}
}

func trim(params sipmsg.HeaderParams) {
	for i := range params {
		params[i].K, params[i].V = strings.TrimSpace(params[i].K), strings.TrimSpace(params[i].V)
	}
}

// received notes in the top Via where a request came from, if that is not what it says (RFC 3261 section 18.2.1, RFC 3581 section 4).
// sipgo does so for rport alone.
func received(req *sipmsg.Request, from conn) {
	via, at := req.Via(), from.remote()
	if via == nil {
		return
	}
	host := at.Addr().WithZone("").String()
	rport, asked := via.Params.Get("rport")
	if asked && rport == "" {
		via.Params.Add("rport", strconv.Itoa(int(at.Port())))
	}
	if asked || trimBrackets(via.Host) != host {
		via.Params.Add("received", host)
	}
}
