package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
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
	music     = "music.wav" // in the prompt store
	musicTone = 880         // Hz
)

// hotel is the media server between the operator and the rooms.
type hotel struct {
	*switchboard
	skill           *alexa.Skill
	phones          *sip.Agent
	console, events *http.Server
	tokens          *lwa.Source
	media           *engine.Engine
	prompts         *mediaserver.Folder
	folder          string // of the prompts
}

// open connects a skill and a SIP agent with a media server, which guests and the operator call.
func open(ctx context.Context, o *options, roots *x509.CertPool) *hotel {
	log, public := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), netip.Addr{}
	check(public.UnmarshalText([]byte(o.publicIP)))
	h := &hotel{switchboard: &switchboard{domain: o.pbx, desk: o.operator}, folder: must(os.MkdirTemp("", "conference-prompts-"))}
	h.media = must(engine.Listen(o.mediaAddr, &engine.Options{PublicIP: public, Logger: log}))
	h.tokens = must(lwa.NewSource(o.secrets, &lwa.Options{TokenURL: o.lwaURL, Logger: log}))
	h.prompts = must(mediaserver.OpenFolder(h.folder))
	check(h.prompts.Put(ctx, "", music, toneFile(musicTone, time.Second)))
	h.server = &mediaserver.Server{Application: h.switchboard, Clock: audio.NewClock(nil), Prompts: h.prompts, Logger: log}
	rooms, out := h.openSkill(o, roots, log), &bridge.Router{}
	h.server.Dialer = out
	ready := make(chan struct{})
	take := bridge.Func(func(call context.Context, in bridge.Leg) error {
		if <-ready; ctx.Err() != nil {
			return in.Hangup(call, bridge.Overload)
		}
		return h.server.Handle(call, in)
	})
	operators := func(user string) (sip.Secret, bool) { return sip.Password(o.operatorPassword), user == o.operator }
	h.phones = must(sip.Listen(o.sipAddr, h.media, &sip.Options{Bridge: take, Users: operators, PublicAddr: o.publicIP, Logger: log}))
	line := bridge.Dialer(h.phones)
	if o.register != "" { // a PBX that says nothing is asked again until ctx ends, which is no error: there is nothing left but to drain
		login := []sip.Credentials{{Username: mediaserver.UserOf(o.register), Password: o.sipPassword}}
		if own, err := h.phones.Register(ctx, &sip.RegisterOptions{AOR: bridge.Party{URI: o.register}, Credentials: login}); ctx.Err() == nil {
			line = must(own, err)
		}
	}
	out.Routes = append(rooms, bridge.Route{Via: []bridge.Dialer{line}})
	close(ready) // phones have waited; the skill takes calls from listen on
	h.console = &http.Server{Handler: h.routes(o.token), ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	h.events = &http.Server{Handler: h.skill, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return h
}

// openSkill makes a skill, to which the Echo of a room is sip:ROOM@PBX like a phone, and returns the routes to those rooms.
func (h *hotel) openSkill(o *options, roots *x509.CertPool, log *slog.Logger) (rooms []bridge.Route) {
	addresses := &alexa.Addressing{Domain: o.pbx}
	h.skill = &alexa.Skill{
		ID: o.skillID, Client: &alexa.Client{Endpoint: o.alexaEndpoint, Tokens: h.tokens, Logger: log}, Engine: h.media, Bridge: h.server,
		Addresses: addresses, Roots: roots, Logger: log,
	}
	if o.skillChainAddr != "" {
		dial := new(net.Dialer).DialContext
		h.skill.DialContext = func(ctx context.Context, n, _ string) (net.Conn, error) { return dial(ctx, n, o.skillChainAddr) }
	}
	for room, id := range o.devices {
		party := bridge.Party{URI: h.uri(room), Name: "room " + room}
		addresses.Known = append(addresses.Known, alexa.KnownAddress{ID: alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: id}, Party: party})
		rooms = append(rooms, bridge.Route{To: party.URI, Via: []bridge.Dialer{h.skill}})
	}
	return rooms
}

// routes are the buttons of the operator's console.
func (h *hotel) routes(token string) http.Handler {
	button := func(press func(r *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
				http.Error(w, "not the operator's token", http.StatusUnauthorized)
			} else if err := press(r); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /talk/{room}", button(func(r *http.Request) error { return h.Talk(r.Context(), r.PathValue("room")) }))
	mux.HandleFunc("POST /confer", button(func(r *http.Request) error { return h.Confer(r.Context()) }))
	return mux
}

// listen serves HTTP, until drain.
func listen(addr string, serve func(net.Listener) error) net.Addr {
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
	_ = errors.Join(h.server.Drain(ctx), h.phones.Drain(ctx), h.skill.Drain(ctx))
	_ = errors.Join(h.console.Close(), h.events.Close(), h.phones.Close(), h.tokens.Close(), h.media.Close())
	h.server.Clock.Close()
	_ = errors.Join(h.prompts.Close(), os.RemoveAll(h.folder))
}

// toneFile returns a WAV file.
func toneFile(hz float64, length time.Duration) *bytes.Reader {
	const rate = 8000
	pcm := make([]int16, int(rate*length/time.Second))
	must(audio.NewTones([]audio.Tone{{Hz: [2]float64{hz}}}, &audio.TonesOptions{Rate: rate}).Read(pcm))
	return bytes.NewReader(audio.AppendWAV(nil, pcm, rate))
}
