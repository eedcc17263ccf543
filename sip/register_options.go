package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// Bounds of how long a registration lasts unless it is refreshed.
const (
	defaultExpires = time.Hour
	maxExpires     = 7 * 24 * time.Hour
)

var errExpires = errors.New("an expiry that is not between one second and seven days")

// RegisterOptions are the options of Register. They are not changed once it has been called.
type RegisterOptions struct {
	// AOR is who is registered, the address of record: a SIP URI such as "sip:100@example.com", and a display name or none.
	AOR bridge.Party
	// Registrar is the SIP URI that is asked; the default is the host and the port of AOR. TLS is meant by "sips:" or ";transport=tls".
	Registrar string
	// Proxy is the SIP URI of an outbound proxy that every request goes to first (RFC 3261 section 8.1.2). The default is none.
	Proxy string
	// User is the user of our Contact: calls that come have it in Info.To. The default is that of AOR.
	User string
	// Credentials answer challenges, before Options.Credentials. Those with neither a Realm nor a Host are for the registrar alone.
	Credentials []Credentials
	// Expires is how long the registrar is asked to keep the registration unless it is refreshed, in whole seconds: from one second to
	// seven days; 0 means an hour. The registrar may grant less.
	Expires time.Duration
}

// LogValue returns the host of Registrar, if that is set: numbers and passwords are not logged.
func (o RegisterOptions) LogValue() slog.Value {
	registrar, _ := parseURI(o.Registrar)
	return slog.GroupValue(slog.String("registrar", registrar.Host))
}

// enrolment is RegisterOptions that have been checked and completed.
type enrolment struct {
	aor       nameAddr
	registrar sipmsg.Uri
	proxy     []sipmsg.Uri // one or none
	user      string
	creds     []Credentials
	expires   time.Duration
}

func (a *Agent) enrol(o *RegisterOptions) (enrolment, error) {
	e := enrolment{expires: o.Expires}
	var err error
	if e.aor, err = parseParty(o.AOR); err != nil {
		return e, fmt.Errorf("sip: register: AOR: %w", err)
	}
	e.registrar = bareURI(&e.aor.uri)
	if o.Registrar != "" {
		if e.registrar, err = parseURI(o.Registrar); err != nil {
			return e, fmt.Errorf("sip: register: Registrar: %w", err)
		}
	}
	e.registrar.User, e.registrar.Password = "", "" // RFC 3261 section 10.2
	if o.Proxy != "" {
		proxy, err := parseURI(o.Proxy)
		if err != nil {
			return e, fmt.Errorf("sip: register: Proxy: %w", err)
		}
		if !proxy.UriParams.Has("lr") {
			proxy.UriParams.Add("lr", "")
		}
		e.proxy = []sipmsg.Uri{proxy}
	}
	if e.user = o.User; e.user == "" {
		e.user = e.aor.uri.User
	}
	if !validUser(e.user) || len(e.user) > maxURI {
		return e, fmt.Errorf("sip: register: User: %w", errURI)
	}
	for _, c := range slices.Concat(o.Credentials, a.credentialsFor(e.registrar.Host)) {
		if c.Realm == "" && c.Host == "" {
			c.Host = e.registrar.Host
		}
		e.creds = append(e.creds, c)
	}
	switch e.expires = e.expires.Round(time.Second); {
	case o.Expires == 0:
		e.expires = defaultExpires
	case e.expires < time.Second, e.expires > maxExpires:
		return e, fmt.Errorf("sip: register: %w", errExpires)
	}
	return e, nil
}
