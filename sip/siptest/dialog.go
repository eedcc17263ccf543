package siptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dialog is the phone's half of a SIP dialog (RFC 3261 section 12), and what its requests are built from. Safe for concurrent use.
type dialog struct {
	p      *Phone
	callID string
	from   sipmsg.FromHeader // the phone

	mu     sync.Mutex
	to     sipmsg.ToHeader // the other side; has its tag once the dialog stands
	target sipmsg.Uri
	routes []sipmsg.Uri
	seq    uint32
}

// dialogKey names a dialog among those of a phone.
func dialogKey(callID, localTag string) string { return callID + "\n" + localTag }

// key names d among the dialogs of its phone.
func (d *dialog) key() string { return dialogKey(d.callID, tagOf(d.from.Params)) }

// remoteTag returns the tag of the other side, "" before there is one.
func (d *dialog) remoteTag() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return tagOf(d.to.Params)
}

// asServer makes d the dialog of the incoming INVITE req, whose To tag is the phone's.
func (d *dialog) asServer(req *sipmsg.Request) {
	from, to := req.From(), req.To()
	d.callID = req.CallID().Value()
	d.from = sipmsg.FromHeader{DisplayName: to.DisplayName, Address: *to.Address.Clone(), Params: to.Params.Clone()}
	d.to = sipmsg.ToHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone(), Params: from.Params.Clone()}
	d.target = *req.Contact().Address.Clone()
	d.routes = recordedRoutes(req)
}

// establish makes d the dialog of a response to the phone's INVITE. Of several answers the last one stands.
func (d *dialog) establish(res *sipmsg.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to := res.To(); to != nil {
		d.to = sipmsg.ToHeader{DisplayName: to.DisplayName, Address: *to.Address.Clone(), Params: to.Params.Clone()}
	}
	d.retarget(res.Contact())
	d.routes = recordedRoutes(res)
	slices.Reverse(d.routes)
}

// retarget takes the address of a Contact header for later requests (RFC 3261 section 12.2). d.mu is held.
func (d *dialog) retarget(contact *sipmsg.ContactHeader) {
	if contact != nil {
		d.target = *contact.Address.Clone()
	}
}

// refresh takes the Contact of a request or response that refreshes the target.
func (d *dialog) refresh(contact *sipmsg.ContactHeader) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retarget(contact)
}

// recordedRoutes returns the addresses of the Record-Route headers of msg, in their order.
func recordedRoutes(msg sipmsg.Message) []sipmsg.Uri {
	var routes []sipmsg.Uri
	for _, h := range msg.GetHeaders("record-route") {
		if r, ok := h.(*sipmsg.RecordRouteHeader); ok {
			routes = append(routes, *r.Address.Clone())
		}
	}
	return routes
}

// request returns a new request of the dialog. seq 0 takes the next sequence number; an ACK has that of its INVITE.
func (d *dialog) request(method sipmsg.RequestMethod, seq uint32, sdp string) *sipmsg.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq == 0 {
		d.seq++
		seq = d.seq
	}
	target, routes := d.target, slices.Clone(d.routes)
	next := target
	if len(routes) > 0 {
		next = routes[0]
		if !next.UriParams.Has("lr") {
			// A strict router gets itself as the target, and the target as the last route (RFC 3261 section 12.2.1.1).
			target, routes = next, append(routes[1:], target)
		}
	}
	req := sipmsg.NewRequest(method, *target.Clone())
	tcp := d.p.overTCP(next)
	req.AppendHeader(d.p.via(tcp))
	for _, r := range routes {
		req.AppendHeader(&sipmsg.RouteHeader{Address: *r.Clone()})
	}
	from := sipmsg.FromHeader{DisplayName: d.from.DisplayName, Address: d.from.Address, Params: d.from.Params.Clone()}
	to := sipmsg.ToHeader{DisplayName: d.to.DisplayName, Address: d.to.Address, Params: d.to.Params.Clone()}
	id, forwards := sipmsg.CallIDHeader(d.callID), sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&id)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: method})
	if method == sipmsg.INVITE {
		req.AppendHeader(&sipmsg.ContactHeader{Address: d.p.uri(tcp)})
		req.AppendHeader(sipmsg.NewHeader("Allow", d.p.allowed()))
	}
	setSDP(req, sdp)
	d.p.address(req, tcp)
	if next.Port == 0 {
		next.Port = sipmsg.DefaultPort(req.Transport())
	}
	req.SetDestination(next.HostPort())
	return req
}

// overTCP reports whether a request to the next hop uri goes over TCP. The URI decides; where it says nothing RFC 3263 section 4.1
// says UDP, but a phone without UDP has no choice.
func (p *Phone) overTCP(uri sipmsg.Uri) bool {
	if transport, ok := uri.UriParams.Get("transport"); ok {
		return strings.EqualFold(transport, "tcp")
	}
	return p.sockets.udp == nil
}

// setSDP gives msg a session description, or no body when sdp is "".
func setSDP(msg sipmsg.Message, sdp string) {
	if sdp == "" {
		msg.SetBody(nil)
		return
	}
	msg.AppendHeader(sipmsg.NewHeader("Content-Type", sdpType))
	msg.SetBody([]byte(sdp))
}

// via returns a Via header for a new request.
func (p *Phone) via(tcp bool) *sipmsg.ViaHeader {
	transport := "UDP"
	if tcp {
		transport = "TCP"
	}
	via := &sipmsg.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport, Host: p.host(), Port: int(p.addr.Port()),
	}
	via.Params.Add("branch", sipmsg.GenerateBranch())
	via.Params.Add("rport", "") // RFC 3581
	return via
}

// address tells sipgo how req travels: over UDP from the phone's own socket.
func (p *Phone) address(req *sipmsg.Request, tcp bool) {
	if tcp {
		req.SetTransport("TCP")
		return
	}
	req.SetTransport("UDP")
	req.Laddr = sipmsg.Addr{IP: net.IP(p.addr.Addr().AsSlice()), Port: int(p.addr.Port())}
}

// cancelOf returns the CANCEL of an INVITE (RFC 3261 section 9.1).
func (p *Phone) cancelOf(invite *sipmsg.Request) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone())
	for _, name := range []string{"Route", "From", "To", "Call-ID"} {
		sipmsg.CopyHeaders(name, invite, req)
	}
	forwards := sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	req.SetBody(nil)
	p.address(req, invite.Via().Transport == "TCP")
	req.SetDestination(invite.Destination())
	return req
}

// reach makes sure that sipgo finds a way to send req.
func (p *Phone) reach(ctx context.Context, req *sipmsg.Request) error {
	if req.Recipient.Scheme != "sip" {
		return fmt.Errorf("siptest: scheme %q is not supported", req.Recipient.Scheme)
	}
	if req.Transport() != "TCP" {
		if p.sockets.udp == nil {
			return errors.New("siptest: the phone has no UDP")
		}
		return nil
	}
	if p.gate == nil {
		return errors.New("siptest: the phone has no TCP")
	}
	host, port, err := sipmsg.ParseAddr(req.Destination())
	if err != nil {
		return fmt.Errorf("siptest: %w", err)
	}
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	if c, err := p.tpl.GetConnection("tcp", addr); err == nil {
		_, _ = c.TryClose()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	return p.gate.dial(ctx, addr)
}

// begin sends req and returns its transaction, which again hears of further 2xx responses to an INVITE.
func (p *Phone) begin(ctx context.Context, req *sipmsg.Request, again func(*sipmsg.Response)) (*sipmsg.ClientTx, error) {
	if !p.enter() {
		return nil, errClosed
	}
	defer p.running.Done()
	if err := p.reach(ctx, req); err != nil {
		return nil, err
	}
	tx, err := p.txl.NewClientTransaction(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("siptest: %w", err)
	}
	if again != nil {
		tx.OnRetransmission(again)
	}
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, fmt.Errorf("siptest: %s not sent: %w", req.Method, cause(err))
	}
	return tx, nil
}

// cause returns why sipgo has not sent a request. What sipgo says of it has the request line, and so perhaps a number.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if errors.Is(err, sipmsg.ErrUDPMTUCongestion) {
		return sipmsg.ErrUDPMTUCongestion
	}
	return sipmsg.ErrTransactionTransport
}

// do sends a request that is not an INVITE and returns its final response, after one more try when that asks for credentials.
func (d *dialog) do(ctx context.Context, req *sipmsg.Request) (*sipmsg.Response, error) {
	res, err := d.p.roundTrip(ctx, req)
	if err != nil || !challenged(res) || req.IsCancel() || d.p.Password == "" {
		return res, err
	}
	again := d.request(req.Method, 0, "")
	sipmsg.CopyHeaders("Content-Type", req, again)
	again.SetBody(req.Body())
	if err := d.p.authorize(again, res); err != nil {
		return nil, err
	}
	return d.p.roundTrip(ctx, again)
}

// roundTrip sends req and returns its final response.
func (p *Phone) roundTrip(ctx context.Context, req *sipmsg.Request) (*sipmsg.Response, error) {
	tx, err := p.begin(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("siptest: %s: %w", req.Method, tx.Err())
		case <-ctx.Done():
			tx.Terminate()
			return nil, fmt.Errorf("siptest: %s: %w", req.Method, ctx.Err())
		case <-p.ctx.Done():
			tx.Terminate()
			return nil, errClosed
		}
	}
}

// write sends an ACK, which has no transaction.
func (p *Phone) write(ctx context.Context, ack *sipmsg.Request) error {
	if !p.enter() {
		return errClosed
	}
	defer p.running.Done()
	if err := p.reach(ctx, ack); err != nil {
		return err
	}
	if err := p.tpl.WriteMsg(ack); err != nil {
		return fmt.Errorf("siptest: ACK: %w", err)
	}
	return nil
}
