package siptest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// PBXOptions says whom a PBX knows.
type PBXOptions struct {
	// Users are the passwords of those who may register and call, by their names.
	Users map[string]string
	// Extensions are where the PBX has its own phones: SIP URIs, such as those of [Phone.URI], by what is dialled.
	Extensions map[string]string
	// OnRequest is told of every request that the PBX has let pass or has refused with a status, such as "INVITE reception" and 407.
	// It is 0 for what has passed, and 200 for a registration. It is called by one goroutine and not any more once Close has returned.
	OnRequest func(what string, status int)
}

const defaultPort = 5060

// A PBX is a registrar and a proxy on the loopback interface that asks for passwords (digest, RFC 7616) and stays in the path of its calls: a
// hotel's, to which a trunk is registered. It knows UDP alone and keeps no state of calls (RFC 3261 section 16.11). Its methods are safe for
// concurrent use.
type PBX struct {
	options  PBXOptions
	conn     *net.UDPConn
	addr     netip.AddrPort
	seed     maphash.Seed
	parser   *sipmsg.Parser
	nonces   nonces
	reader   sync.WaitGroup
	mu       sync.Mutex
	contacts map[string]sipmsg.Uri // of who is registered
}

// NewPBX returns a PBX that listens on a free port of 127.0.0.1. The caller closes it.
func NewPBX(o *PBXOptions) (*PBX, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("siptest: %w", err)
	}
	addr, err := listenAddr(conn.LocalAddr())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	b := &PBX{conn: conn, addr: addr, seed: maphash.MakeSeed(), parser: sipmsg.NewParser(), contacts: map[string]sipmsg.Uri{}}
	if o != nil {
		b.options = *o
	}
	b.reader.Go(b.read)
	return b, nil
}

// URI returns the SIP URI of a user or an extension.
func (b *PBX) URI(user string) string { return "sip:" + user + "@" + b.addr.String() }

// Registered reports whether a user is registered.
func (b *PBX) Registered(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.contacts[user]
	return ok
}

// Close ends the PBX. Its calls go on without it as far as they can.
func (b *PBX) Close() error {
	err := b.conn.Close()
	b.reader.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (b *PBX) read() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := b.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		msg, err := b.parser.ParseSIP(append([]byte(nil), buf[:n]...))
		if err != nil || msg.Via() == nil || msg.CallID() == nil || msg.To() == nil || msg.From() == nil || msg.CSeq() == nil {
			continue
		}
		switch m := msg.(type) {
		case *sipmsg.Request:
			b.request(m, from)
		case *sipmsg.Response:
			b.response(m)
		}
	}
}

// request refuses a request, or passes it on.
func (b *PBX) request(req *sipmsg.Request, from netip.AddrPort) {
	via := req.Via()
	via.Params.Add("received", from.Addr().String())
	via.Params.Add("rport", strconv.Itoa(int(from.Port())))
	hops := req.MaxForwards()
	if hops == nil || *hops == 0 {
		return
	}
	hops.Dec()
	what := req.Method.String() + " " + req.Recipient.User
	switch tag := tagOf(req.To().Params); {
	case req.Method == sipmsg.REGISTER:
		b.register(req)
	case tag == b.tag(req):
		// The ACK of what was answered here.
	case req.Method != sipmsg.INVITE || tag != "":
		b.pass(what, req)
	default:
		if ask := b.challenge(req, "proxy-authorization"); ask != "" {
			b.answer(what, req, sipmsg.StatusProxyAuthRequired, "Proxy Authentication Required", sipmsg.NewHeader("Proxy-Authenticate", ask))
			return
		}
		b.pass(what, req)
	}
}

// challenge returns what a request is asked for that does not prove, in a header, that it is from whom it says; else "".
func (b *PBX) challenge(req *sipmsg.Request, header string) string {
	user := req.From().Address.User
	password, ok := b.options.Users[user]
	if !ok {
		header = ""
	}
	return b.nonces.check(req, header, user, password)
}

func (b *PBX) register(req *sipmsg.Request) {
	user := req.To().Address.User
	what := "REGISTER " + user
	contact := req.Contact()
	if user != req.From().Address.User || contact == nil {
		b.answer(what, req, sipmsg.StatusBadRequest, "Bad Request")
		return
	}
	if ask := b.challenge(req, "authorization"); ask != "" {
		b.answer(what, req, sipmsg.StatusUnauthorized, "Unauthorized", sipmsg.NewHeader("WWW-Authenticate", ask))
		return
	}
	expires := "3600"
	if h := req.GetHeader("expires"); h != nil {
		expires = h.Value()
	}
	if s, ok := contact.Params.Get("expires"); ok {
		expires = s
	}
	b.mu.Lock()
	if expires == "0" {
		delete(b.contacts, user)
	} else {
		b.contacts[user] = contact.Address
	}
	b.mu.Unlock()
	b.answer(what, req, sipmsg.StatusOK, "OK", sipmsg.NewHeader("Contact", "<"+contact.Address.String()+">;expires="+expires))
}

// answer answers a request.
func (b *PBX) answer(what string, req *sipmsg.Request, status int, reason string, headers ...sipmsg.Header) {
	b.tell(what, status)
	if req.Method == sipmsg.ACK {
		return
	}
	if !req.To().Params.Has("tag") {
		req.To().Params.Add("tag", b.tag(req)) // before sipgo makes one up
	}
	res := sipmsg.NewResponseFromRequest(req, status, reason, nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	b.back(res)
}

func (b *PBX) tell(what string, status int) {
	if b.options.OnRequest != nil {
		b.options.OnRequest(what, status)
	}
}

// tag is the To tag of what the PBX answers itself.
func (b *PBX) tag(req *sipmsg.Request) string { return b.hash(req.CallID().Value()) }

func (b *PBX) hash(s string) string { return strconv.FormatUint(maphash.String(b.seed, s), 36) }

// pass passes a request on, to where its route or its URI leads.
func (b *PBX) pass(what string, req *sipmsg.Request) {
	if route := req.Route(); route != nil && b.mine(&route.Address) {
		req.RemoveHeader("Route")
	}
	if b.mine(&req.Recipient) {
		to, ok := b.lookup(req.Recipient.User)
		if !ok {
			b.answer(what, req, sipmsg.StatusNotFound, "Not Found")
			return
		}
		req.Recipient = to
	}
	next := &req.Recipient
	if route := req.Route(); route != nil {
		next = &route.Address
	}
	branch, _ := req.Via().Params.Get("branch")
	via := &sipmsg.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: b.addr.Addr().String(), Port: int(b.addr.Port())}
	via.Params.Add("branch", sipmsg.RFC3261BranchMagicCookie+b.hash(branch))
	req.PrependHeader(via)
	if req.Method == sipmsg.INVITE {
		req.RemoveHeader("Proxy-Authorization")
		req.PrependHeader(sipmsg.NewHeader("Record-Route", "<sip:"+b.addr.String()+";lr>"))
	}
	b.tell(what, 0)
	b.send(req, next.Host, next.Port)
}

func (b *PBX) mine(uri *sipmsg.Uri) bool {
	return uri.Host == b.addr.Addr().String() && uri.Port == int(b.addr.Port())
}

func (b *PBX) lookup(user string) (sipmsg.Uri, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to, ok := b.contacts[user]; ok {
		return to, true
	}
	var to sipmsg.Uri
	text, ok := b.options.Extensions[user]
	return to, ok && sipmsg.ParseUri(text, &to) == nil
}

// response passes a response back to where its request has come from.
func (b *PBX) response(res *sipmsg.Response) {
	if via := res.Via(); via.Host != b.addr.Addr().String() || via.Port != int(b.addr.Port()) {
		return
	}
	res.RemoveHeader("Via")
	if res.Via() != nil {
		b.back(res)
	}
}

func (b *PBX) back(res *sipmsg.Response) {
	via := res.Via()
	host, _ := via.Params.Get("received")
	port, _ := via.Params.Get("rport")
	n, err := strconv.Atoi(port)
	if err != nil {
		n = via.Port
	}
	if host == "" {
		host = via.Host
	}
	b.send(res, host, n)
}

// send sends a message to an address, which is a number and on loopback.
func (b *PBX) send(msg sipmsg.Message, host string, port int) {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || !addr.IsLoopback() {
		return
	}
	if port == 0 {
		port = defaultPort
	}
	_, _ = b.conn.WriteToUDPAddrPort([]byte(msg.String()), netip.AddrPortFrom(addr, uint16(port)))
}
