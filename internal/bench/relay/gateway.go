//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"slices"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

const maxCalls = 10_000

var errNoCall = errors.New("no such call")

// gateway is our engine in a program of its own: each call is two terminals and a relay, as the protocol packages have them.
type gateway struct {
	engine *engine.Engine
	calls  map[string]*joined
	opus   opus // how it makes Opus
}

// joined is one call.
type joined struct {
	offer     media.Description // of the caller
	near, far media.Terminal
}

func newGateway(o opus) (relay, error) {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: 2 * maxCalls})
	if err != nil {
		return nil, err
	}
	return &gateway{e, map[string]*joined{}, o}, nil
}

// sides are the policies of caller and called: video phones, of which the first may have keys.
func sides() (caller, called *media.Policy) {
	caller, called = media.VideoPhone(), media.VideoPhone()
	caller.Security = media.SDESOptional
	return caller, called
}

// offer implements switchboard: what the caller offers is offered to the called one.
func (g *gateway) offer(id, sdp string) (string, error) {
	offer, err := media.ParseDescription([]byte(sdp))
	if err != nil {
		return "", err
	}
	caller, called := sides()
	c := &joined{offer: offer}
	if c.near, err = g.engine.Open(caller, nil); err != nil {
		return "", err
	}
	if c.far, err = g.engine.Open(called, nil); err != nil {
		return "", err
	}
	g.calls[id] = c
	want := offer.Plan()
	if g.opus.transcodes() {
		want = media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}
	}
	onward, err := c.far.Offer(want)
	return text(onward, err)
}

// answer implements switchboard.
func (g *gateway) answer(id, sdp string) (string, error) {
	c := g.calls[id]
	if c == nil {
		return "", errNoCall
	}
	answer, err := media.ParseDescription([]byte(sdp))
	if err != nil {
		return "", err
	}
	if err := c.far.Accept(answer); err != nil {
		return "", err
	}
	want, o := c.far.Plan(), (*media.RelayOptions)(nil)
	if g.opus.transcodes() {
		o = g.opus.relay()
		if !common(c.offer.Plan(), want) {
			want = nil // what the caller likes best
		}
	}
	back, err := c.near.Answer(c.offer, want)
	if err != nil {
		return "", err
	}
	if _, err := media.NewRelay(c.near, c.far, o); err != nil { // for the life of the program
		return "", err
	}
	return text(back, nil)
}

// common reports whether two sides have a codec in common.
func common(p, q media.Plan) bool {
	a, _ := p.Find(media.Audio)
	b, _ := q.Find(media.Audio)
	return slices.ContainsFunc(a.Codecs, func(c media.Codec) bool { return slices.Contains(b.Codecs, c) })
}

func (g *gateway) close() error { return g.engine.Close() }

// text is a description as it is sent.
func text(d media.Description, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := d.AppendText(nil)
	return string(b), err
}
