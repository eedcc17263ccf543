// Command doorphone lets the people in a house talk to whoever stands at the door: a SIP door phone rings, and an Echo Show shows who is
// there; or somebody says "Alexa, talk to the front door". Without -serve it needs nothing: Alexa, an Echo Show and a door phone are
// simulated, and what each hears and sees is checked. With -serve it is the real thing.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/rtc"
)

type options struct {
	serve, json, halfDuplex                              bool
	spoil                                                string
	loss                                                 float64
	doors                                                rtc.Endpoints
	skillAddr, skillCert, skillKey, tokenFile            string
	alexaEndpoint, lwaURL, grants                        string
	sipAddr, publicIP, mediaAddr, stun                   string
	clientID, clientSecret, token, forwardKey, sipSecret string // from the environment alone
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
	f := flag.NewFlagSet("doorphone", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real skill; else simulate. Needs $LWA_CLIENT_ID, $LWA_CLIENT_SECRET and a token (-token-file)")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.Float64Var(&o.loss, "loss", 0, "simulation: percentage of the packets of pictures that are lost, at the door and again at the Echo Show")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, deaf, tone, hangup, video, late or absent")
	text := func(p *string, name, def, usage string) {
		key := "DOORPHONE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	f.BoolVar(&o.halfDuplex, "half-duplex", os.Getenv("DOORPHONE_HALF_DUPLEX") != "",
		"the doors carry one direction at a time: the visitor is heard until POST /talk/ID, and again after POST /listen/ID [$DOORPHONE_HALF_DUPLEX]")
	text(&o.skillAddr, "skill-addr", ":8443", "where to listen for Alexa's directives: those of a Lambda function that forwards them with $FORWARD_KEY, or plain ones")
	text(&o.skillCert, "skill-cert", "", "TLS certificate file; without it, plain HTTP for a proxy in front")
	text(&o.skillKey, "skill-key", "", "TLS key file")
	text(&o.tokenFile, "token-file", "", "file with the access token that account linking gives Alexa; without it, the token is in $SKILL_TOKEN")
	text(&o.alexaEndpoint, "alexa-endpoint", rtc.EndpointEU, "base URL of the event gateway, where doors ring")
	text(&o.lwaURL, "lwa-url", lwa.DefaultTokenURL, "URL of Login with Amazon")
	text(&o.grants, "grants", "", "file that keeps the user's grant, which comes once, when the skill is enabled")
	text(&o.sipAddr, "sip-addr", "0.0.0.0:5060", "where to listen for SIP, UDP and TCP; with $SIP_PASSWORD door phones have to know it, as do we if they ask")
	text(&o.publicIP, "public-ip", "", "address at which door phones and Alexa reach this machine")
	text(&o.mediaAddr, "media-addr", "0.0.0.0:40000", "UDP address for media; the next port is taken too")
	text(&o.stun, "stun", "", "STUN server that says at which address Alexa reaches this machine: stun:stun.example.com")
	f.Func("door", "ID=NAME=URI, repeatable: a door phone that rings by calling sip:ID@us, what the user calls it, and its SIP URI [$DOORPHONE_DOOR, with commas]", o.addDoor)
	for s := range strings.FieldsFuncSeq(os.Getenv("DOORPHONE_DOOR"), func(r rune) bool { return r == ',' }) {
		check(f.Set("door", strings.TrimSpace(s)))
	}
	o.clientID, o.clientSecret, o.forwardKey = os.Getenv("LWA_CLIENT_ID"), os.Getenv("LWA_CLIENT_SECRET"), os.Getenv("FORWARD_KEY")
	o.token, o.sipSecret = os.Getenv("SKILL_TOKEN"), os.Getenv("SIP_PASSWORD")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
}

// addDoor takes in a door as -door has it.
func (o *options) addDoor(s string) error {
	parts := strings.SplitN(s, "=", 3) // a URI may have more
	if len(parts) != 3 {
		return fmt.Errorf("%q is not ID=NAME=URI", s)
	}
	door := rtc.Endpoint{
		ID: parts[0], FriendlyName: parts[1], URI: parts[2], Users: []string{household}, Doorbell: true,
		Description: "Door phone", Manufacturer: "alexacall", Model: "doorphone",
	}
	o.doors = append(o.doors, door)
	return door.Validate()
}

// serve runs the doors until ctx ends.
func serve(ctx context.Context, o *options) {
	if o.tokenFile != "" {
		o.token = strings.TrimSpace(string(must(os.ReadFile(o.tokenFile))))
	}
	switch {
	case len(o.doors) == 0 || o.grants == "":
		check(errors.New("-door and -grants are needed"))
	case o.token == "":
		check(errors.New("a token is needed: -token-file or $SKILL_TOKEN"))
	case (o.skillCert == "") != (o.skillKey == ""):
		check(errors.New("-skill-cert needs its -skill-key"))
	}
	h := open(o)
	defer h.drain(0)
	fmt.Printf("directives on %s, SIP on %s\n", h.listen(o.skillAddr, o.skillCert, o.skillKey), h.phones.Addr())
	<-ctx.Done()
	fmt.Println("draining")
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "doorphone:", err)
		os.Exit(1)
	}
}
