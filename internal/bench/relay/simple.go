//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// simple is the relay that everybody writes first: two sockets and two goroutines a call, one packet at a time, without statistics, RTCP,
// or a look at what it passes on.
type simple struct {
	calls map[string]*pair
	work  sync.WaitGroup
}

// pair is one call of it.
type pair struct {
	offer media.Description
	conns [2]*net.UDPConn
	far   media.Negotiation // with the called side
}

func newSimple(opus) (relay, error) { return &simple{calls: map[string]*pair{}}, nil }

// pass carries packets one way.
func pass(from, to *net.UDPConn, far netip.AddrPort, protect func([]byte) ([]byte, error)) {
	buf := make([]byte, packetRoom)
	for {
		n, _, err := from.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if pkt, err := protect(buf[:n]); err == nil {
			_, _ = to.WriteToUDPAddrPort(pkt, far)
		}
	}
}

// protection returns what is done with packets that come under one key and leave under another.
func protection(in, out *srtp.Context) func([]byte) ([]byte, error) {
	return func(pkt []byte) (_ []byte, err error) {
		if in != nil {
			pkt, err = in.DecryptRTP(nil, pkt, nil)
		}
		if out != nil && err == nil {
			pkt, err = out.EncryptRTP(nil, pkt, nil)
		}
		return pkt, err
	}
}

// offer implements switchboard.
func (s *simple) offer(id, sdp string) (string, error) {
	offer, err := media.ParseDescription([]byte(sdp))
	if err != nil {
		return "", err
	}
	p := &pair{offer: offer}
	for side := range p.conns {
		if p.conns[side], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			return "", err
		}
	}
	s.calls[id] = p
	_, called := sides()
	far, onward, err := media.Negotiation{}.Offer(called, p.local(called, 1), offer.Plan())
	p.far = far
	return text(onward, err)
}

// answer implements switchboard.
func (s *simple) answer(id, sdp string) (string, error) {
	p := s.calls[id]
	if p == nil {
		return "", errNoCall
	}
	answer, err := media.ParseDescription([]byte(sdp))
	if err != nil {
		return "", err
	}
	caller, called := sides()
	if p.far, err = p.far.Accept(called, answer); err != nil {
		return "", err
	}
	near, back, err := media.Negotiation{}.Answer(caller, p.local(caller, 0), p.far.Agreed(), p.offer)
	if err != nil {
		return "", err
	}
	var a, b leg
	if err := errors.Join(a.agree(near, media.Audio), b.agree(p.far, media.Audio)); err != nil {
		return "", err
	}
	s.work.Go(func() { pass(p.conns[0], p.conns[1], b.far, protection(a.in, b.out)) })
	s.work.Go(func() { pass(p.conns[1], p.conns[0], a.far, protection(b.in, a.out)) })
	return text(back, nil)
}

// local is one side of a call.
func (p *pair) local(policy *media.Policy, side int) media.Local {
	at, _ := p.conns[side].LocalAddr().(*net.UDPAddr)
	return media.Local{
		ID: 1, Addr: "127.0.0.1", Port: uint16(at.Port), RTCPPort: 9, Keys: policy.NewKeys(), VideoKeys: policy.NewKeys(), SSRC: 1, VideoSSRC: 2, CNAME: "simple",
	}
}

func (s *simple) close() error {
	for _, p := range s.calls {
		for _, c := range p.conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}
	s.work.Wait()
	return nil
}
