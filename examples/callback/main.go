// Command callback is an application of a media server as an HTTP server of its own, as one in any other language would be: whoever calls is
// greeted, and reaches reception, housekeeping or the concierge by a key, or the reception by waiting. Of this module it uses the check of the
// signature alone.
//
// Without -serve it needs nothing: a media server that calls it back, a guest's phone and those of the hotel are simulated, and what each hears
// is checked. With -serve it waits for the callbacks of a real one.
package main

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alexacall/alexacall/mediaserver/rest"
)

const stopFor = 5 * time.Second // that answers may take at the end

type options struct {
	serve, json                        bool
	spoil                              string
	addr, cert, certKey, key           string
	reception, housekeeping, concierge string
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
	f := flag.NewFlagSet("callback", flag.ExitOnError)
	f.BoolVar(&o.serve, "serve", false, "serve a real media server; else simulate")
	f.BoolVar(&o.json, "json", false, "simulation: the outcome as a JSON object on the last line")
	f.StringVar(&o.spoil, "break", "", "simulation: spoil one thing on purpose: one-way, tone, signature or greeting")
	text := func(p *string, name, def, usage string) {
		key := "CALLBACK_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f.StringVar(p, name, cmp.Or(os.Getenv(key), def), usage+" [$"+key+"]")
	}
	text(&o.addr, "addr", "127.0.0.1:8081", "where to listen for callbacks")
	text(&o.cert, "cert", "", "TLS certificate file; without it, plain HTTP for a proxy in front")
	text(&o.certKey, "cert-key", "", "TLS key file")
	text(&o.key, "key", "", "PEM file of the public key that callbacks are signed with")
	text(&o.reception, "reception", "", "address that key 1 calls, and who waits")
	text(&o.housekeeping, "housekeeping", "", "address that key 2 calls; the reception's if there is none")
	text(&o.concierge, "concierge", "", "address that key 3 calls; the reception's if there is none")
	if _ = f.Parse(args); f.NArg() > 0 { // Parse exits on an error
		check(fmt.Errorf("%q is not a flag", f.Arg(0)))
	}
	return o
}

// newApplication returns what the options ask for.
func newApplication(o *options, keys ...*rsa.PublicKey) *application {
	return &application{keys: keys, departments: map[string]string{
		receptionKey: o.reception, "2": cmp.Or(o.housekeeping, o.reception), "3": cmp.Or(o.concierge, o.reception),
	}}
}

// newServer returns an HTTP server of an application.
func newServer(a *application) *http.Server {
	return &http.Server{Handler: a, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}

// serve answers callbacks until ctx ends.
func serve(ctx context.Context, o *options) {
	if o.reception == "" || o.key == "" {
		check(errors.New("-reception and -key are needed"))
	}
	keys := must(rest.ParseKeys(must(os.ReadFile(o.key))))
	server := newServer(newApplication(o, keys...))
	l := must(net.Listen("tcp", o.addr))
	fmt.Println("callbacks on", l.Addr())
	context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopFor)
		defer cancel()
		_ = server.Shutdown(last)
	})
	var err error
	if o.cert != "" {
		err = server.ServeTLS(l, o.cert, o.certKey)
	} else {
		err = server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		check(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "callback:", err)
		os.Exit(1)
	}
}
