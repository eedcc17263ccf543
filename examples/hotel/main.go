// Command hotel lets guests call the front desk with the Echo in their room, and the front desk call the room. Without -serve it needs
// nothing: Alexa's cloud, an Echo and a phone are simulated, and the sound that arrives is checked. With -serve it is the real thing.
package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

const longest = 4 * time.Hour // of a call: one whose end is lost would hold a line for ever, for its sound may go on

type options struct {
	serve, json                                                                      bool
	calls                                                                            int
	spoil, pbx, skillAddr, skillID, skillCert, skillKey, skillRootCA, skillChainAddr string
	alexaEndpoint, lwaURL, sipAddr, publicIP, mediaAddr, register, transferTo        string
	devices                                                                          map[string]string // SIP user -> external user id
	secrets                                                                          lwa.Credentials   // from the environment alone
	sipPassword                                                                      string            // likewise
}

func main() {
	o := parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if o.serve {
		serve(ctx, o)
	} else if !simulate(ctx, o) {
		os.Exit(1)
	}
}

// parse reads the flags. Those of -serve have their defaults in environment variables.
func parse(args []string) *options {
	o := &options{devices: map[string]string{}}
	f := flag.NewFlagSet("hotel", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real skill; else simulate. Needs $LWA_CLIENT_ID, $LWA_CLIENT_SECRET, $LWA_REFRESH_TOKEN")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.IntVar(&o.calls, "calls", 1, "simulation: how often to place the calls")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, tone or hangup")
	text := func(p *string, name, def, usage string) {
		key := "HOTEL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	text(&o.pbx, "pbx", "", "SIP URI of the front desk; in a simulation, a real phone for the guest's call")
	text(&o.register, "register", "", "SIP URI to register at the PBX for all calls, with $SIP_PASSWORD; without it, nothing is registered")
	text(&o.transferTo, "transfer-to", "none", "SIP URI that phones may transfer calls to, * for any text: sip:*@pbx.example.com")
	text(&o.skillAddr, "skill-addr", ":8443", "where to listen for Alexa's events")
	text(&o.skillID, "skill-id", "", "id of the skill")
	text(&o.skillCert, "skill-cert", "", "TLS certificate file; without it, plain HTTP for a proxy in front")
	text(&o.skillKey, "skill-key", "", "TLS key file")
	text(&o.skillRootCA, "skill-root-ca", "", "PEM file with one more trusted root for the signing chain")
	text(&o.skillChainAddr, "skill-chain-addr", "", "where to dial for the signing chain, for tests")
	text(&o.alexaEndpoint, "alexa-endpoint", "https://api.eu.amazonalexa.com", "base URL of Alexa's API")
	text(&o.lwaURL, "lwa-url", lwa.DefaultTokenURL, "URL of Login with Amazon")
	text(&o.sipAddr, "sip-addr", "0.0.0.0:5060", "where to listen for SIP, UDP and TCP")
	text(&o.publicIP, "public-ip", "", "address at which phones and Alexa reach this machine")
	text(&o.mediaAddr, "media-addr", "0.0.0.0:40000", "UDP address for media; the next port is taken too")
	f.Func("device", "NAME=EXTERNAL_USER_ID, repeatable: the SIP user that reaches an Alexa device [$HOTEL_DEVICE, with commas]", func(s string) error {
		name, id, ok := strings.Cut(s, "=")
		if o.devices[name] = id; !ok || name == "" || id == "" {
			return fmt.Errorf("%q is not NAME=EXTERNAL_USER_ID", s)
		}
		return nil
	})
	for s := range strings.FieldsFuncSeq(os.Getenv("HOTEL_DEVICE"), func(r rune) bool { return r == ',' || r == ' ' }) {
		check(f.Set("device", s))
	}
	o.secrets.ClientID, o.secrets.ClientSecret = os.Getenv("LWA_CLIENT_ID"), os.Getenv("LWA_CLIENT_SECRET")
	o.secrets.RefreshToken, o.sipPassword = os.Getenv("LWA_REFRESH_TOKEN"), os.Getenv("SIP_PASSWORD")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
}

// hotel is the bridge between the rooms and the front desk.
type hotel struct {
	skill  *alexa.Skill
	phones *sip.Agent
	server *http.Server
	tokens *lwa.Source
	media  *engine.Engine
}

// open connects a skill with a SIP agent: calls from a device go to o.pbx, calls to the name of a device go to the device.
func open(ctx context.Context, o *options, roots *x509.CertPool) *hotel {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	rooms, desk, ready, public := &bridge.Router{}, &bridge.Router{}, make(chan struct{}), netip.Addr{}
	join := &bridge.JoinOptions{Dialer: desk, MaxDuration: longest}
	check(public.UnmarshalText([]byte(o.publicIP)))
	media := must(engine.Listen(o.mediaAddr, &engine.Options{PublicIP: public, Logger: log}))
	tokens := must(lwa.NewSource(o.secrets, &lwa.Options{TokenURL: o.lwaURL, Logger: log}))
	skill := &alexa.Skill{ID: o.skillID, Client: &alexa.Client{Endpoint: o.alexaEndpoint, Tokens: tokens, Logger: log}, Engine: media, Bridge: desk, Roots: roots, Logger: log}
	if o.skillChainAddr != "" {
		dial := new(net.Dialer).DialContext
		skill.DialContext = func(ctx context.Context, n, _ string) (net.Conn, error) { return dial(ctx, n, o.skillChainAddr) }
	}
	for name, id := range o.devices {
		rooms.Routes = append(rooms.Routes, bridge.Route{To: "sip:" + name + "@*", Bridge: bridge.To(skill, id, join)})
	}
	take := bridge.Func(func(call context.Context, in bridge.Leg) error {
		if <-ready; ctx.Err() != nil { // what has waited would ring at a device for nothing
			return in.Hangup(call, bridge.Overload)
		}
		return rooms.Handle(call, in)
	})
	phones := must(sip.Listen(o.sipAddr, media, &sip.Options{Bridge: take, PublicAddr: o.publicIP, Logger: log}))
	line := bridge.Dialer(phones)
	if o.register != "" { // a PBX that says nothing is asked again until ctx ends, which is no error: there is nothing left but to drain
		login := []sip.Credentials{{Username: strings.Split(strings.TrimPrefix(o.register, "sip:"), "@")[0], Password: o.sipPassword}}
		if own, err := phones.Register(ctx, &sip.RegisterOptions{AOR: bridge.Party{URI: o.register}, Credentials: login}); ctx.Err() == nil {
			line = must(own, err)
		}
	}
	desk.Routes = []bridge.Route{{Bridge: bridge.To(line, o.pbx, join)}, {To: o.transferTo, Via: []bridge.Dialer{line}}}
	close(ready) // phones have waited; the skill takes calls from listen on
	return &hotel{skill, phones, &http.Server{Handler: skill, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}, tokens, media}
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
	_ = errors.Join(h.phones.Drain(ctx), h.skill.Drain(ctx), h.server.Close(), h.phones.Close(), h.tokens.Close(), h.media.Close())
}

// serve runs the hotel until ctx ends.
func serve(ctx context.Context, o *options) {
	if o.skillID == "" || o.pbx == "" || (o.skillCert == "") != (o.skillKey == "") {
		check(errors.New("-skill-id and -pbx are needed, and -skill-cert with its -skill-key"))
	}
	roots := must(x509.SystemCertPool())
	if o.skillRootCA != "" && !roots.AppendCertsFromPEM(must(os.ReadFile(o.skillRootCA))) {
		check(fmt.Errorf("no certificate in %s", o.skillRootCA))
	}
	h := open(ctx, o, roots)
	defer h.drain(0)
	answer := h.server.Serve
	if o.skillCert != "" {
		answer = func(l net.Listener) error { return h.server.ServeTLS(l, o.skillCert, o.skillKey) }
	}
	fmt.Printf("events on %s, SIP on %s\n", h.listen(o.skillAddr, answer), h.phones.Addr())
	<-ctx.Done()
	fmt.Println("draining")
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "hotel:", err)
		os.Exit(1)
	}
}
