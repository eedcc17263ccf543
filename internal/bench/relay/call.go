//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// leg is a phone of the generator: one stream that it sends, and the context for what it hears.
type leg struct {
	far     netip.AddrPort // of the relay
	pt      byte
	out, in *srtp.Context // nil: plain

	number uint32 // stands in what it sends
	phase  int    // slot of its first frame
	frame  int    // the next one
	seq    uint16
	time   uint32

	sent   []int64 // when each packet went out, in nanoseconds since 1970
	came   []bool  // it has been heard on the other side
	newest int     // of those that came; -1: none
	offset uint16  // of the relay's numbers to ours
	counts bool    // packets from first on
	first  int

	heard  int      // packets of what the other side says, in a codec of its own
	lastIn uint16   // number of the latest
	kept   [][]byte // their payloads, of one call
}

// rig is a generator's view of the calls through one relay.
type rig struct {
	mode  mode
	ports [2]uint16 // of the callers and of the called; RTCP is on the next ones
	legs  []leg     // caller and called of call 0, of call 1 ...
}

// address returns that of a call's phones: a relay may tell calls apart by it.
func address(call int) netip.Addr {
	n := call + 1
	return netip.AddrFrom4([4]byte{127, byte(16 + n>>16), byte(n >> 8), byte(n)})
}

// callOf is the reverse of address; it is negative for an address that is none of ours.
func callOf(a [4]byte) int { return (int(a[1])-16)<<16 + int(a[2])<<8 + int(a[3]) - 1 }

var errNoMedia = errors.New("relay: no media was agreed")

// dial sets up call i, as a signalling server would for two phones: what the caller offers goes through the relay to the called one, and
// what that answers goes back.
func (r *rig) dial(c *control, i int) error {
	id := "call-" + strconv.Itoa(i)
	caller, called := r.mode.policy(true), r.mode.policy(false)
	near, offer, err := media.Negotiation{}.Offer(caller, r.local(caller, i, 0), nil)
	if err != nil {
		return err
	}
	command := dict{"command": "offer", "call-id": id, "from-tag": "a", "transport-protocol": "RTP/AVP"}
	if r.mode.transcodes() {
		command["codec"] = dict{"mask": []any{r.mode.talk[0].codec.Name}, "transcode": []any{r.mode.talk[1].codec.Name}}
	}
	toB, err := c.describe(command, offer)
	if err != nil {
		return err
	}
	far, answer, err := media.Negotiation{}.Answer(called, r.local(called, i, 1), nil, toB)
	if err != nil {
		return err
	}
	toA, err := c.describe(dict{"command": "answer", "call-id": id, "from-tag": "a", "to-tag": "b"}, answer)
	if err != nil {
		return err
	}
	if near, err = near.Accept(caller, toA); err != nil {
		return err
	}
	if err := r.legs[2*i].agree(near, r.mode.kind); err != nil {
		return err
	}
	return r.legs[2*i+1].agree(far, r.mode.kind)
}

// local is a phone's side.
func (r *rig) local(p *media.Policy, call, side int) media.Local {
	port := r.ports[side]
	return media.Local{
		ID: uint64(call + 1), Addr: address(call).String(), Port: port, RTCPPort: port + 1, Keys: p.NewKeys(), VideoKeys: p.NewKeys(),
		SSRC: uint32(call + 1), VideoSSRC: uint32(call + 1), CNAME: "phone",
	}
}

// describe hands a description to the relay and returns the one that it makes of it.
func (c *control) describe(command dict, d media.Description) (media.Description, error) {
	text, err := d.AppendText(nil)
	if err != nil {
		return d, err
	}
	command["sdp"], command["ICE"], command["replace"], command["rtcp-mux"] = string(text), "remove", []any{"origin"}, []any{"demux"}
	reply, err := c.do(command, startFor)
	if err != nil {
		return d, err
	}
	if d, err = media.ParseDescription([]byte(reply.text("sdp"))); err != nil {
		return d, fmt.Errorf("%w: %s", err, reply.text("sdp"))
	}
	return d, nil
}

// agree takes what was negotiated for a kind of media.
func (l *leg) agree(n media.Negotiation, kind media.Kind) error {
	for _, s := range n.Sections() {
		if s.Kind != kind || len(s.Out) == 0 || !s.Transport.Addr.IsValid() {
			continue
		}
		l.far, l.pt = s.Transport.Addr, s.Out[0].Number
		var err error
		if l.out, err = newContext(s.KeyOut); err != nil {
			return err
		}
		l.in, err = newContext(s.KeyIn)
		return err
	}
	return errNoMedia
}

// prepare gets a leg ready to send for a number of slots.
func (r *rig) prepare(slots int) {
	n := r.mode.packets(slots)
	for i := range r.legs {
		l := &r.legs[i]
		l.number, l.phase, l.seq, l.time = uint32(i), i*7%r.mode.every, uint16(i*31), uint32(i)*977
		l.sent, l.came, l.newest = make([]int64, 0, n), make([]bool, n), -1
	}
}
