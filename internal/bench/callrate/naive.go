package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo"
	sipmsg "github.com/emiago/sipgo/sip"
)

// naive is a B2BUA written straight on sipgo as its documentation would have it: descriptions pass as they are, nothing is checked, and
// each call has its goroutine.
type naive struct {
	to  sipmsg.Uri
	in  *sipgo.DialogServerCache
	out *sipgo.DialogClientCache
}

func startNaive(to string) (*served, error) {
	callee, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, err
	}
	c, err := listenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at, _ := c.LocalAddr().(*net.UDPAddr)
	sipmsg.SetDefaultLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("naive"))
	if err != nil {
		return nil, err
	}
	server, err := sipgo.NewServer(ua)
	if err != nil {
		return nil, err
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"), sipgo.WithClientConnectionAddr(at.String()))
	if err != nil {
		return nil, err
	}
	contact := sipmsg.ContactHeader{Address: sipmsg.Uri{Scheme: "sip", User: "gw", Host: "127.0.0.1", Port: at.Port}}
	n := &naive{
		to: sipmsg.Uri{Scheme: "sip", User: "bob", Host: callee.Addr().String(), Port: int(callee.Port())},
		in: sipgo.NewDialogServerCache(client, contact), out: sipgo.NewDialogClientCache(client, contact),
	}
	server.OnInvite(n.invited)
	server.OnAck(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) { _ = n.in.ReadAck(req, tx) })
	server.OnBye(func(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
		if n.in.ReadBye(req, tx) != nil {
			_ = n.out.ReadBye(req, tx)
		}
	})
	go func() { _ = server.ServeUDP(c) }()
	return &served{addr: at.String(), stop: func() { _ = ua.Close() }}, nil
}

// invited carries one call, from its beginning to its end.
func (n *naive) invited(req *sipmsg.Request, tx sipmsg.ServerTransaction) {
	in, err := n.in.ReadInvite(req, tx)
	if err != nil {
		return
	}
	defer func() { _ = in.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := n.out.Invite(ctx, n.to, req.Body(), sipmsg.NewHeader("Content-Type", "application/sdp"))
	if err != nil {
		_ = in.Respond(500, "Server Internal Error", nil)
		return
	}
	defer func() { _ = out.Close() }()
	ring := func(res *sipmsg.Response) error {
		if res.StatusCode == 180 {
			return in.Respond(180, "Ringing", nil)
		}
		return nil
	}
	if err := out.WaitAnswer(ctx, sipgo.AnswerOptions{OnResponse: ring}); err != nil {
		_ = in.Respond(480, "Temporarily Unavailable", nil)
		return
	}
	if out.Ack(ctx) != nil || in.RespondSDP(out.InviteResponse.Body()) != nil {
		return
	}
	select {
	case <-in.Context().Done():
		_ = out.Bye(ctx)
	case <-out.Context().Done():
		_ = in.Bye(ctx)
	}
}
