// Command conference is the switchboard of a hotel, whose rooms have Echos or phones: the operator talks to a guest, parks the guest with music,
// talks to others, and has all of them confer. Whatever a guest calls with an Echo, the operator's phone rings at the hotel's PBX; the operator
// calls sip:ROOM@us with a password. What comes after is asked for by HTTP, as by the buttons of a console:
//
//	POST /talk/ROOM   park whom the operator talks to, and take another guest back who is parked, or call the room
//	POST /confer      everybody into one conference
//
// Without -serve it needs nothing: Alexa's cloud, the Echos of two rooms, the phones of another and of the operator, and the hotel's PBX are
// simulated, and what each hears is checked. With -serve it is the real thing.
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

	"github.com/alexacall/alexacall/alexa/lwa"
)

type options struct {
	serve, json                                                          bool
	spoil, pbx, register, operator, controlAddr                          string
	skillAddr, skillID, skillCert, skillKey, skillRootCA, skillChainAddr string
	alexaEndpoint, lwaURL, sipAddr, publicIP, mediaAddr                  string
	devices                                                              map[string]string // room -> communication profile id
	secrets                                                              lwa.Credentials   // from the environment alone
	sipPassword, operatorPassword, token                                 string            // likewise
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
	f := flag.NewFlagSet("conference", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real skill and operator; else simulate. Needs $LWA_CLIENT_ID, $LWA_CLIENT_SECRET, $LWA_REFRESH_TOKEN, "+
		"$OPERATOR_PASSWORD and $CONTROL_TOKEN, the bearer token of HTTP")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, tone, hangup, music or echo")
	text := func(p *string, name, def, usage string) {
		key := "CONFERENCE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	text(&o.pbx, "pbx", "", "host, or host and port, of the PBX that has the operator and the rooms with phones: sip:ROOM@PBX")
	text(&o.register, "register", "", "SIP URI to register at the PBX for all calls, with $SIP_PASSWORD; without it, nothing is registered")
	text(&o.operator, "operator", "operator", "user name of the operator, at the PBX too; who calls as the operator has to know $OPERATOR_PASSWORD")
	text(&o.controlAddr, "control-addr", "127.0.0.1:8080", "where to listen for the operator's console, by HTTP")
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
	f.Func("device", "ROOM=COMMUNICATION_PROFILE_ID, repeatable: a room with an Echo [$CONFERENCE_DEVICE, with commas]", func(s string) error {
		room, id, ok := strings.Cut(s, "=")
		if o.devices[room] = id; !ok || room == "" || id == "" {
			return fmt.Errorf("%q is not ROOM=COMMUNICATION_PROFILE_ID", s)
		}
		return nil
	})
	for s := range strings.FieldsFuncSeq(os.Getenv("CONFERENCE_DEVICE"), func(r rune) bool { return r == ',' || r == ' ' }) {
		check(f.Set("device", s))
	}
	o.secrets.ClientID, o.secrets.ClientSecret, o.secrets.RefreshToken = os.Getenv("LWA_CLIENT_ID"), os.Getenv("LWA_CLIENT_SECRET"), os.Getenv("LWA_REFRESH_TOKEN")
	o.sipPassword, o.operatorPassword, o.token = os.Getenv("SIP_PASSWORD"), os.Getenv("OPERATOR_PASSWORD"), os.Getenv("CONTROL_TOKEN")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
}

// serve runs the switchboard until ctx ends.
func serve(ctx context.Context, o *options) {
	if o.skillID == "" || o.pbx == "" || o.operatorPassword == "" || o.token == "" || (o.skillCert == "") != (o.skillKey == "") {
		check(errors.New("-skill-id, -pbx, $OPERATOR_PASSWORD and $CONTROL_TOKEN are needed, and -skill-cert with its -skill-key"))
	}
	roots := must(x509.SystemCertPool())
	if o.skillRootCA != "" && !roots.AppendCertsFromPEM(must(os.ReadFile(o.skillRootCA))) {
		check(fmt.Errorf("no certificate in %s", o.skillRootCA))
	}
	h := open(ctx, o, roots)
	defer h.drain(0)
	answer := h.events.Serve
	if o.skillCert != "" {
		answer = func(l net.Listener) error { return h.events.ServeTLS(l, o.skillCert, o.skillKey) }
	}
	console, events := listen(o.controlAddr, h.console.Serve), listen(o.skillAddr, answer)
	fmt.Printf("console on %s, events on %s, SIP on %s\n", console, events, h.phones.Addr())
	<-ctx.Done()
	fmt.Println("draining")
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "conference:", err)
		os.Exit(1)
	}
}
