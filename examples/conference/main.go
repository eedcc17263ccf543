// Command conference is the switchboard of a hotel: the operator calls a room, parks the guest with music, calls other rooms, and has all of
// them confer. The operator calls sip:ROOM@us with a password; what comes after is asked for by HTTP, as by the buttons of a console:
//
//	POST /add/ROOM    park whom the operator talks to, and call another room
//	POST /confer      everybody into one conference
//
// Without -serve it needs nothing: the operator's phone, those of three rooms and the hotel's PBX are simulated, and what each hears is checked.
// With -serve it is the real thing.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type options struct {
	serve, json                          bool
	spoil                                string
	pbx, register, operator, controlAddr string
	sipAddr, publicIP, mediaAddr         string
	sipPassword, operatorPassword, token string // from the environment alone
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
	f := flag.NewFlagSet("conference", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real operator; else simulate. Needs $OPERATOR_PASSWORD and $CONTROL_TOKEN, the bearer token of HTTP")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, tone, hangup or music")
	text := func(p *string, name, def, usage string) {
		key := "CONFERENCE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	text(&o.pbx, "pbx", "", "host, or host and port, of the PBX that has the rooms: sip:ROOM@PBX")
	text(&o.register, "register", "", "SIP URI to register at the PBX for all calls, with $SIP_PASSWORD; without it, nothing is registered")
	text(&o.operator, "operator", "operator", "user name of the operator, who has to know $OPERATOR_PASSWORD")
	text(&o.controlAddr, "control-addr", "127.0.0.1:8080", "where to listen for the operator's console, by HTTP")
	text(&o.sipAddr, "sip-addr", "0.0.0.0:5060", "where to listen for SIP, UDP and TCP")
	text(&o.publicIP, "public-ip", "", "address at which phones reach this machine")
	text(&o.mediaAddr, "media-addr", "0.0.0.0:40000", "UDP address for media; the next port is taken too")
	o.sipPassword, o.operatorPassword, o.token = os.Getenv("SIP_PASSWORD"), os.Getenv("OPERATOR_PASSWORD"), os.Getenv("CONTROL_TOKEN")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
}

// serve runs the switchboard until ctx ends.
func serve(ctx context.Context, o *options) {
	if o.pbx == "" || o.operatorPassword == "" || o.token == "" {
		check(errors.New("-pbx, $OPERATOR_PASSWORD and $CONTROL_TOKEN are needed"))
	}
	h := open(ctx, o)
	defer h.drain(0)
	l := must(net.Listen("tcp", o.controlAddr))
	fmt.Printf("console on %s, SIP on %s\n", l.Addr(), h.phones.Addr())
	h.listen(l)
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
