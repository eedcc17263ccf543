package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/lambda/forward"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/rtc"
	"github.com/alexacall/alexacall/sip"
)

// household is the one user of the skill. A program for many asks its own authorization server whose a token is.
const household = "household"

// house is the bridge between the doors and Alexa.
type house struct {
	skill    *rtc.Skill
	phones   *sip.Agent
	server   *http.Server
	receiver *forward.Receiver // nil without a Lambda function that forwards
	accounts *lwa.Accounts
	media    *engine.Engine

	mu    sync.Mutex
	talks map[string]*rtc.Leg // the latest talk at each door
}

// open connects a skill with a SIP agent: who talks to a door calls its phone, and a phone that calls us rings at Alexa.
func open(o *options) *house {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := &house{talks: map[string]*rtc.Leg{}}
	h.media = must(engine.Listen(o.mediaAddr, engineOptions(o, log)))
	store := must(lwa.OpenFileStore(o.grants))
	h.accounts = must(lwa.NewAccounts(lwa.Credentials{ClientID: o.clientID, ClientSecret: o.clientSecret}, &lwa.Options{TokenURL: o.lwaURL, Store: store, Logger: log}))
	h.skill = &rtc.Skill{
		Endpoints: o.doors,
		Authorize: func(_ context.Context, token string) (string, error) {
			if subtle.ConstantTimeCompare([]byte(token), []byte(o.token)) != 1 {
				return "", errors.New("not our user's token")
			}
			return household, nil
		},
		Grant: func(ctx context.Context, user, code string) error {
			return h.accounts.Accept(ctx, user, lwa.Code{Code: code})
		},
		Gateway: &rtc.Gateway{Endpoint: o.alexaEndpoint, Forget: h.accounts.Forget, Logger: log, TokensOf: func(ctx context.Context, user string) (rtc.TokenSource, error) {
			return h.accounts.Source(ctx, user)
		}},
		Engine: h.media, Bridge: bridge.Func(h.talk), Logger: log,
	}
	doors := &bridge.Router{}
	for i, door := range o.doors {
		o.doors[i].HalfDuplex = o.halfDuplex
		doors.Routes = append(doors.Routes, bridge.Route{To: "sip:" + door.ID + "@*", Bridge: bridge.To(h, door.ID, nil)})
	}
	h.phones = must(sip.Listen(o.sipAddr, h.media, sipOptions(o, doors, log)))
	h.server = &http.Server{Handler: h.routes(o, log), ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return h
}

func engineOptions(o *options, log *slog.Logger) *engine.Options {
	options := &engine.Options{Logger: log}
	if o.publicIP != "" {
		options.PublicIP = must(netip.ParseAddr(o.publicIP))
	}
	if o.stun != "" {
		options.STUN = []string{o.stun}
	}
	return options
}

func sipOptions(o *options, doors bridge.Bridge, log *slog.Logger) *sip.Options {
	phone := media.VideoPhone()
	phone.Video, phone.Feedback = media.AlexaDoor().Video, phone.Feedback|media.NACK // whatever an Echo Show decodes may come from the door
	options := &sip.Options{Bridge: doors, Policy: phone, PublicAddr: o.publicIP, Logger: log}
	if o.sipSecret != "" {
		options.Users = func(string) (sip.Secret, bool) { return sip.Password(o.sipSecret), true }
		for _, door := range o.doors {
			user, host, _ := strings.Cut(strings.TrimPrefix(door.URI, "sip:"), "@")
			host, _, _ = strings.Cut(host, ":")
			host, _, _ = strings.Cut(host, ";")
			options.Credentials = append(options.Credentials, sip.Credentials{Host: host, Username: user, Password: o.sipSecret})
		}
	}
	return options
}

// Dial rings at Alexa for a door and returns the talk that comes of it. It implements bridge.Dialer.
func (h *house) Dial(ctx context.Context, id string, o *bridge.DialOptions) (bridge.Leg, error) {
	leg, err := h.skill.Dial(ctx, id, o)
	h.remember(leg)
	return leg, err
}

// talk calls the door phone that somebody wants to talk to.
func (h *house) talk(ctx context.Context, in bridge.Leg) error {
	h.remember(in)
	return bridge.To(h.phones, in.Info().To.URI, nil).Handle(ctx, in)
}

func (h *house) remember(leg bridge.Leg) {
	if talk, ok := leg.(*rtc.Leg); ok {
		h.mu.Lock()
		h.talks[talk.EndpointID()] = talk
		h.mu.Unlock()
	}
}

// routes are what the program answers by HTTP: directives, and the two ways of the talk at a half-duplex door.
func (h *house) routes(o *options, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	if o.forwardKey == "" {
		mux.Handle("/", h.skill)
	} else {
		h.receiver = &forward.Receiver{Keys: []forward.Key{must(forward.NewKey([]byte(o.forwardKey)))}, Handle: h.skill.HandleDirective, Logger: log}
		mux.Handle("/", h.receiver)
	}
	if o.halfDuplex {
		mux.HandleFunc("POST /talk/{door}", h.pushToTalk(o.token, true))
		mux.HandleFunc("POST /listen/{door}", h.pushToTalk(o.token, false))
	}
	return mux
}

// pushToTalk answers whoever has the people in the house be heard at a door, or else the visitor in the house, as with a button of a home automation.
func (h *house) pushToTalk(token string, on bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "not our user's token", http.StatusUnauthorized)
			return
		}
		if err := h.push(r.PathValue("door"), on); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}
}

// push turns the talk at a door round.
func (h *house) push(door string, on bool) error {
	h.mu.Lock()
	talk := h.talks[door]
	h.mu.Unlock()
	if talk == nil || talk.Info().Phase == bridge.Over {
		return errors.New("nobody talks there")
	}
	return talk.Talk(on)
}

// listen answers directives, until drain.
func (h *house) listen(addr, cert, key string) net.Addr {
	l := must(net.Listen("tcp", addr))
	go func() {
		var err error
		if cert == "" {
			err = h.server.Serve(l)
		} else {
			err = h.server.ServeTLS(l, cert, key)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			check(err)
		}
	}()
	return l.Addr()
}

// drain refuses new talks, ends those that stand after grace, which is no error here, and closes everything.
func (h *house) drain(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = errors.Join(h.phones.Drain(ctx), h.skill.Drain(ctx), h.server.Close(), h.phones.Close())
	if h.receiver != nil {
		_ = h.receiver.Close() // it has no error
	}
	_ = errors.Join(h.accounts.Close(), h.media.Close())
}
