package sip

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// CallOptions are what calls that we place say beyond bridge.DialOptions; nil is valid.
type CallOptions struct {
	Identity    Identity
	Credentials []Credentials // come before those of Options, or of RegisterOptions
	// Headers are more header fields of the INVITE, by their names, of which each begins with X- or P-, or is Remote-Party-ID; at most 64 of
	// 2 KiB. What Identity has is not among them. Where its Privacy hides the caller, all but X- fields go to Options.Trusted alone.
	Headers map[string]string
}

// As returns the agent as a Dialer whose calls all carry o. It is safe for concurrent use; o may not be changed afterwards.
func (a *Agent) As(o *CallOptions) bridge.Dialer { return &dialer{agent: a, o: o} }

// As is Agent.As for calls from the registered address, as Dial places them.
func (r *Registration) As(o *CallOptions) bridge.Dialer { return &dialer{agent: r.agent, o: o, by: r} }

// dialer is an agent, or a line of it, with what its calls say.
type dialer struct {
	agent *Agent
	o     *CallOptions
	by    *Registration // nil: none
}

// Dial implements bridge.Dialer.
func (d *dialer) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	if d.by != nil {
		return d.by.dial(ctx, to, o, d.o)
	}
	return d.agent.dial(ctx, to, o, d.o, nil)
}

// check checks what a caller of ours says, before anything is sent.
func (o *CallOptions) check() error {
	for _, c := range o.Credentials {
		if c.Realm == "" && c.Host == "" {
			return errNowhere
		}
	}
	if err := checkHeaders(o.Headers); err != nil {
		return err
	}
	return o.Identity.check()
}

// fields returns the header fields that a call has besides. Whom the caller hides from is told nothing that names it.
func (o *CallOptions) fields(trusted bool) []sipmsg.Header {
	fields := o.Identity.fields(trusted)
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if trusted || !o.Identity.hides() || isExtension(name, "x-") {
			fields = append(fields, sipmsg.NewHeader(name, o.Headers[name]))
		}
	}
	return fields
}

// check checks that an identity can be written.
func (i *Identity) check() error {
	privacy := tokensOf(i.Privacy)
	if i.Privacy != "" && privacy == nil || len(i.Asserted) > maxIdentities || len(i.Diversion) > maxIdentities || len(i.UserToUser) > maxIdentities {
		return errIdentity
	}
	parties := i.Asserted
	if i.Preferred != (bridge.Party{}) {
		parties = append(slices.Clone(parties), i.Preferred)
	}
	for _, p := range parties {
		if _, err := nameAddrOf(p); err != nil {
			return err
		}
	}
	for _, d := range i.Diversion {
		if _, err := d.value(); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(i.UserToUser, func(v string) bool { return !validUUI(v) }); i >= 0 {
		return fmt.Errorf("%w: User-to-User", errIdentity)
	}
	return nil
}

// fields returns the header fields that say who is calling. Whom the caller hides from is told nothing that names it.
func (i *Identity) fields(trusted bool) []sipmsg.Header {
	var fields []sipmsg.Header
	add := func(name, value string) { fields = append(fields, sipmsg.NewHeader(name, value)) }
	if privacy := tokensOf(i.Privacy); len(privacy) > 0 {
		add("Privacy", strings.Join(privacy, ";"))
	}
	for _, v := range i.UserToUser {
		add("User-to-User", v)
	}
	if i.hides() && !trusted {
		return fields
	}
	for _, p := range i.Asserted {
		if value, err := nameAddrOf(p); err == nil {
			add("P-Asserted-Identity", value)
		}
	}
	if value, err := nameAddrOf(i.Preferred); err == nil {
		add("P-Preferred-Identity", value)
	}
	for _, d := range i.Diversion {
		if value, err := d.value(); err == nil {
			add("Diversion", value)
		}
	}
	return fields
}

// hides reports whether the caller is to be kept from who is not trusted (RFC 3323 section 4.2, RFC 3325 section 9.3).
func (i *Identity) hides() bool {
	tokens := tokensOf(strings.ToLower(i.Privacy))
	return slices.Contains(tokens, "id") || slices.Contains(tokens, "user") || slices.Contains(tokens, "header")
}

// anonymous is who calls when the caller is not to be known (RFC 3323 section 4.1.1.3).
func anonymous() nameAddr {
	return nameAddr{name: "Anonymous", uri: sipmsg.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
}

// value returns the value of a Diversion header field.
func (d *Diversion) value() (string, error) {
	value, err := nameAddrOf(d.From)
	if err != nil {
		return "", err
	}
	for _, p := range [...]struct{ name, text string }{{"reason", d.Reason}, {"privacy", d.Privacy}} {
		switch {
		case p.text == "":
		case !validToken(p.text):
			return "", fmt.Errorf("%w: Diversion", errIdentity)
		default:
			value += ";" + p.name + "=" + p.text
		}
	}
	if d.Counter < 0 || d.Counter > 127 {
		return "", fmt.Errorf("%w: Diversion", errIdentity)
	}
	if d.Counter > 0 {
		value += ";counter=" + strconv.Itoa(d.Counter)
	}
	return value, nil
}

// nameAddrOf returns a party as it stands in a header field.
func nameAddrOf(p bridge.Party) (string, error) {
	if err := checkName(p.Name); err != nil {
		return "", fmt.Errorf("%w: %w", errIdentity, err)
	}
	uri := p.URI
	if number, ok := strings.CutPrefix(uri, "tel:"); !ok || !validTel(number) {
		u, err := parseURI(uri)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errIdentity, err)
		}
		uri = u.String()
	}
	if p.Name == "" {
		return "<" + uri + ">", nil
	}
	return `"` + quotedName(p.Name) + `" <` + uri + ">", nil
}
