// Command ivr lets guests reach the departments of a hotel with the Echo in their room: whatever they call, a media server greets them, and
// the key that they press says who rings at the hotel's PBX: 1 the reception, 2 housekeeping, 3 the concierge. Who presses nothing, as most do
// who talk to an Echo, gets the reception; so does who calls a department that does not answer.
//
// Without -serve it needs nothing: Alexa's cloud, the Echo of a room and a PBX that asks for a password are simulated, and what is heard is
// checked. With -serve it is the real thing.
//
// # Compatibility
//
// Whether and how an Echo sends the keys that somebody presses is not documented. That of the simulation sends telephone events (RFC 4733); keys
// are heard in the sound too.
package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

type options struct {
	serve, json                                                          bool
	calls                                                                int
	patience                                                             time.Duration
	spoil, pbx, housekeeping, concierge, greeting                        string
	skillAddr, skillID, skillCert, skillKey, skillRootCA, skillChainAddr string
	alexaEndpoint, lwaURL, sipAddr, publicIP, mediaAddr, register        string
	secrets                                                              lwa.Credentials // from the environment alone
	sipPassword                                                          string          // likewise
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
	o := &options{}
	f := flag.NewFlagSet("ivr", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real skill; else simulate. Needs $LWA_CLIENT_ID, $LWA_CLIENT_SECRET, $LWA_REFRESH_TOKEN")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.IntVar(&o.calls, "calls", 1, "simulation: how often to place the calls")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, tone, hangup, digits or greeting")
	f.DurationVar(&o.patience, "patience", 5*time.Second, "how long to wait for a key after the greeting")
	text := func(p *string, name, def, usage string) {
		key := "IVR_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	text(&o.pbx, "pbx", "", "SIP URI of the reception")
	text(&o.housekeeping, "housekeeping", "", "SIP URI of housekeeping; without it, the reception's")
	text(&o.concierge, "concierge", "", "SIP URI of the concierge; without it, the reception's")
	text(&o.greeting, "greeting", "", "sound file (WAV, Ogg Opus, MP3) that guests are greeted with; without it, a tone")
	text(&o.register, "register", "", "SIP URI to register at the PBX for all calls, with $SIP_PASSWORD; without it, nothing is registered")
	text(&o.skillAddr, "skill-addr", ":8443", "where to listen for Alexa's events")
	text(&o.skillID, "skill-id", "", "id of the skill")
	text(&o.skillCert, "skill-cert", "", "TLS certificate file; without it, plain HTTP for a proxy in front")
	text(&o.skillKey, "skill-key", "", "TLS key file")
	text(&o.skillRootCA, "skill-root-ca", "", "PEM file with one more trusted root for the signing chain")
	text(&o.skillChainAddr, "skill-chain-addr", "", "where to dial for the signing chain, for tests")
	text(&o.alexaEndpoint, "alexa-endpoint", "https://api.eu.amazonalexa.com", "base URL of Alexa's API")
	text(&o.lwaURL, "lwa-url", lwa.DefaultTokenURL, "URL of Login with Amazon")
	text(&o.sipAddr, "sip-addr", "0.0.0.0:5060", "where to listen for SIP, UDP and TCP; phones that call get the same as guests")
	text(&o.publicIP, "public-ip", "", "address at which phones and Alexa reach this machine")
	text(&o.mediaAddr, "media-addr", "0.0.0.0:40000", "UDP address for media; the next port is taken too")
	o.secrets.ClientID, o.secrets.ClientSecret = os.Getenv("LWA_CLIENT_ID"), os.Getenv("LWA_CLIENT_SECRET")
	o.secrets.RefreshToken, o.sipPassword = os.Getenv("LWA_REFRESH_TOKEN"), os.Getenv("SIP_PASSWORD")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
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
	answer := h.http.Serve
	if o.skillCert != "" {
		answer = func(l net.Listener) error { return h.http.ServeTLS(l, o.skillCert, o.skillKey) }
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
		fmt.Fprintln(os.Stderr, "ivr:", err)
		os.Exit(1)
	}
}
