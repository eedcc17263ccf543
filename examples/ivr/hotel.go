package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip"
)

const (
	ringFor = 30 * time.Second // a phone that nobody answers

	greeting       = "greeting" // in the prompt store: .wav, .ogg or .mp3
	greetingTone   = 880        // Hz, where there is no file
	greetingLength = 800 * time.Millisecond
)

// hotel is the media server between the rooms and the PBX.
type hotel struct {
	calls   *mediaserver.Server
	desk    *frontDesk
	skill   *alexa.Skill
	phones  *sip.Agent
	http    *http.Server
	tokens  *lwa.Source
	media   *engine.Engine
	prompts *mediaserver.Folder
	folder  string // of the prompts
}

// open connects a skill, a SIP agent and a media server: whoever calls talks to the media server, which calls the departments at the PBX.
func open(ctx context.Context, o *options, roots *x509.CertPool) *hotel {
	log, public := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), netip.Addr{}
	check(public.UnmarshalText([]byte(o.publicIP)))
	h := &hotel{desk: newFrontDesk(o)}
	h.media = must(engine.Listen(o.mediaAddr, &engine.Options{PublicIP: public, Logger: log}))
	h.tokens = must(lwa.NewSource(o.secrets, &lwa.Options{TokenURL: o.lwaURL, Logger: log}))
	h.openPrompts(ctx, o.greeting)
	h.calls = &mediaserver.Server{Application: h.desk, Clock: audio.NewClock(nil), Prompts: h.prompts, Logger: log}
	h.skill = &alexa.Skill{
		ID: o.skillID, Client: &alexa.Client{Endpoint: o.alexaEndpoint, Tokens: h.tokens, Logger: log}, Engine: h.media, Bridge: h.calls, Roots: roots, Logger: log,
	}
	if o.skillChainAddr != "" {
		dial := new(net.Dialer).DialContext
		h.skill.DialContext = func(ctx context.Context, n, _ string) (net.Conn, error) { return dial(ctx, n, o.skillChainAddr) }
	}
	ready := make(chan struct{})
	take := bridge.Func(func(call context.Context, in bridge.Leg) error {
		if <-ready; ctx.Err() != nil {
			return in.Hangup(call, bridge.Overload)
		}
		return h.calls.Handle(call, in)
	})
	h.phones = must(sip.Listen(o.sipAddr, h.media, &sip.Options{Bridge: take, PublicAddr: o.publicIP, Logger: log}))
	h.calls.Dialer = h.phones
	if o.register != "" { // a PBX that says nothing is asked again until ctx ends, which is no error: there is nothing left but to drain
		login := []sip.Credentials{{Username: strings.Split(strings.TrimPrefix(o.register, "sip:"), "@")[0], Password: o.sipPassword}}
		if line, err := h.phones.Register(ctx, &sip.RegisterOptions{AOR: bridge.Party{URI: o.register}, Credentials: login}); ctx.Err() == nil {
			h.calls.Dialer = must(line, err)
		}
	}
	close(ready) // phones have waited; the skill takes calls from listen on
	h.http = &http.Server{Handler: h.skill, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return h
}

// openPrompts makes a prompt store with the greeting.
func (h *hotel) openPrompts(ctx context.Context, file string) {
	h.folder = must(os.MkdirTemp("", "ivr-prompts-"))
	h.prompts = must(mediaserver.OpenFolder(h.folder))
	if file == "" {
		check(h.prompts.Put(ctx, "", greeting+".wav", toneFile(greetingTone, greetingLength)))
		return
	}
	f := must(os.Open(file))
	defer f.Close()
	check(h.prompts.Put(ctx, "", greeting+strings.ToLower(filepath.Ext(file)), f))
}

// toneFile returns a WAV file.
func toneFile(hz float64, length time.Duration) *bytes.Reader {
	const rate = 8000
	pcm := make([]int16, int(rate*length/time.Second))
	must(audio.NewTones([]audio.Tone{{Hz: [2]float64{hz}}}, &audio.TonesOptions{Rate: rate}).Read(pcm))
	return bytes.NewReader(audio.AppendWAV(nil, pcm, rate))
}

// listen answers Alexa's events, until drain.
func (h *hotel) listen(addr string, serve func(net.Listener) error) net.Addr {
	l := must(net.Listen("tcp", addr))
	go func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			check(err)
		}
	}()
	return l.Addr()
}

// drain refuses new calls, ends those that stand after grace, which is no error here, and closes everything.
func (h *hotel) drain(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = errors.Join(h.calls.Drain(ctx), h.phones.Drain(ctx), h.skill.Drain(ctx), h.http.Close(), h.phones.Close(), h.tokens.Close(), h.media.Close())
	h.calls.Clock.Close()
	_ = errors.Join(h.prompts.Close(), os.RemoveAll(h.folder))
}
