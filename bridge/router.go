package bridge

import (
	"context"
	"errors"
	"strings"
)

// A Route says where calls of a kind go. From and To are patterns for the URIs of the two parties: "*" stands for any text, an empty
// pattern for any URI; the case of letters does not matter.
type Route struct {
	From, To string
	Bridge   Bridge   // takes calls in; nil: this route takes none
	Via      []Dialer // place calls out, in turn; nil: this route places none
}

// A Router is a Bridge for calls in and a Dialer for calls out. The first route that matches decides. It is safe for concurrent use as
// long as Routes is not changed; where two servers pass calls to each other, the Routes of the one that begins last are set before it
// begins.
type Router struct{ Routes []Route }

// Handle hands a call to the Bridge of the first route that matches and has one.
func (r *Router) Handle(ctx context.Context, in Leg) error {
	info := in.Info()
	for _, route := range r.Routes {
		if route.Bridge != nil && route.matches(info.From.URI, info.To.URI) {
			return route.Bridge.Handle(ctx, in)
		}
	}
	return &EndError{Cause: NotFound}
}

// Dial places a call through the first route that matches and has dialers. The next dialer is tried when one ends with Unreachable or
// Overload: those say nothing of the called party.
func (r *Router) Dial(ctx context.Context, to string, o *DialOptions) (Leg, error) {
	from := ""
	if o != nil {
		from = o.From.URI
	}
	for _, route := range r.Routes {
		if len(route.Via) > 0 && route.matches(from, to) {
			return dialInTurn(ctx, route.Via, to, o)
		}
	}
	return nil, &EndError{Cause: NotFound}
}

func dialInTurn(ctx context.Context, via []Dialer, to string, o *DialOptions) (Leg, error) {
	var err error
	for _, d := range via {
		var leg Leg
		if leg, err = d.Dial(ctx, to, o); err == nil {
			return leg, nil
		}
		end, ok := errors.AsType[*EndError](err)
		if !ok || end.Cause != Unreachable && end.Cause != Overload || ctx.Err() != nil {
			return nil, err
		}
	}
	return nil, err
}

func (r *Route) matches(from, to string) bool { return glob(r.From, from) && glob(r.To, to) }

// glob matches s against a pattern in which "*" stands for any text.
func glob(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(strings.ToLower(pattern), "*")
	s, ok := strings.CutPrefix(strings.ToLower(s), parts[0])
	last := len(parts) - 1
	if !ok || last == 0 {
		return ok && s == ""
	}
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}
