package sip

import (
	"context"
	"fmt"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// Ping asks who a URI names whether it is there (OPTIONS, RFC 3261 section 11), with Credentials if it asks for them. It returns nil for a
// 2xx, and else an *Error: one without an Err is a response too, so the far side lives. Without a response it gives up after 32 seconds, or
// when ctx ends.
func (a *Agent) Ping(ctx context.Context, uri string) error {
	d, err := a.begun(uri, bridge.Party{})
	if err != nil {
		return err
	}
	req := d.request(sipmsg.OPTIONS, 0)
	req.AppendHeader(sipmsg.NewHeader("Accept", typeSDP))
	_, err = a.ask(ctx, d, req)
	return err
}

// begun returns a dialog for requests outside calls. It is none for the far side, but what such requests need is the same.
func (a *Agent) begun(to string, from bridge.Party) (*dialog, error) {
	target, err := parseURI(to)
	if err != nil {
		return nil, fmt.Errorf("sip: request: %w", err)
	}
	caller, err := a.o.asCaller(from)
	if err != nil {
		return nil, fmt.Errorf("sip: From: %w", err)
	}
	d := a.newDialog(caller, nameAddr{uri: bareURI(&target)})
	d.target, d.login.creds = target, a.credentialsFor(target.Host)
	return d, d.aim()
}

// bareURI returns a URI as it stands in To and Referred-By: without parameters.
func bareURI(u *sipmsg.Uri) sipmsg.Uri {
	return sipmsg.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
}

// ask sends a request outside calls and waits for its success. Any other end of it is an *Error, ErrClosed or the end of ctx.
func (a *Agent) ask(ctx context.Context, d *dialog, req *sipmsg.Request) (*sipmsg.Response, error) {
	rest, err := a.route(ctx, &d.target, d.net)
	var way conn
	if err == nil {
		way, err = rest.next(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, failure(req.Method, nil, err)
	}
	type outcome struct {
		res *sipmsg.Response
		err error
	}
	result := make(chan outcome, 1)
	x := &exchange{dialog: d, req: req, way: way, rest: rest, handle: func(res *sipmsg.Response, err error) {
		if res == nil || !res.IsProvisional() {
			result <- outcome{res, failure(req.Method, res, err)}
		}
	}}
	sent := a.post(d.callID, func() {
		if err := x.send(); err != nil {
			result <- outcome{nil, failure(req.Method, nil, err)}
		}
	})
	if !sent {
		return nil, ErrClosed
	}
	select {
	case r := <-result:
		return r.res, r.err
	case <-ctx.Done():
		a.post(d.callID, x.abandon)
		return nil, context.Cause(ctx)
	case <-a.ctx.Done():
		return nil, ErrClosed
	}
}

// failure returns the error for the end of a request: nil for a 2xx.
func failure(method sipmsg.RequestMethod, res *sipmsg.Response, err error) error {
	switch {
	case err != nil:
		return unanswered(method, err)
	case res.IsSuccess():
		return nil
	}
	return errorOf(method, res)
}

// abandon drops a request whose response nobody waits for any more.
func (x *exchange) abandon() {
	x.gone = true
	if x.tx != nil {
		x.tx.drop()
	}
}
