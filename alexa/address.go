package alexa

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alexacall/alexacall/bridge"
)

const (
	maxURI        = 1024 // bytes of a URI that is read or written
	maxCallerName = 128  // bytes of customParams.callerName
	profilePrefix = "amzn1.alexa.communications.profile."
)

// An AddressMap says who the participants of a call are to the rest of telephony, and back. *[Addressing] is the one that there is; a
// program that keeps its rooms elsewhere embeds it and overrides a method. Its methods are called a few times for each call, from any number
// of goroutines, and on the path of an answer to Amazon: they wait for nobody. The text of an error is logged, so it names no number.
type AddressMap interface {
	// Party returns the party that a participant is. An error for the called one ends the call: with the cause of a *bridge.EndError in
	// it, else as NotFound. An error for the caller makes the call anonymous.
	Party(id ParticipantID) (bridge.Party, error)
	// Callee returns whom Skill.Dial is to call. An error ends the call likewise.
	Callee(to string) (ParticipantID, error)
	// Caller returns who Skill.Dial is to say calls. On an error, and for a party without a URI, it is Skill.Contact.
	Caller(from bridge.Party) (ParticipantID, error)
}

// An Addressing maps participants and parties by rule, and by a table for what no rule knows. Nil and the zero Addressing are valid; it
// may be used from any number of goroutines as long as it is not changed.
//
// From Alexa, with the Domain "pbx.example.com":
//
//	RAW_ADDRESS 7201                     sip:7201@pbx.example.com
//	PHONE_NUMBER +12065550100            sip:+12065550100@pbx.example.com;user=phone   (RFC 3261 section 19.1.6)
//	COMMUNICATION_PROFILE_ID amzn1.x     sip:amzn1.x@pbx.example.com
//	RAW_ADDRESS sip:100@trunk.example    as it is, for "raw address value is used as is"
//
// Without a Domain they are "7201", "tel:+12065550100" (RFC 3966) and "amzn1.x". A number without a global form, such as 911, is its
// digits, as an extension is.
//
// To Alexa, the way back: what no scheme begins is an external user id or a profile id as it stands; the user of a SIP URI is one too, but
// for a number in its global form, with a plus sign, which is a PHONE_NUMBER, as that of a tel URI is. The user may have escapes (RFC 3261
// section 19.1.2).
type Addressing struct {
	// Domain is what stands behind the @ of the SIP URIs: a host, and perhaps a port and parameters, as in
	// "pbx.example.com:5061;transport=tls". Only SIP URIs of this host can be called then. Empty: there are no SIP URIs, and Callee
	// takes those of every host.
	//
	// With a Domain, callers of this host, and numbers in global form, are named to Alexa as they are. Without one, none is but Known.
	Domain string

	// Known are those whom the rules get wrong. The first that fits decides, both ways. URIs are compared by user and host.
	Known []KnownAddress
}

// A KnownAddress says that a participant and a party are the same. A Party without a URI has the one of the rules, and gains a name.
type KnownAddress struct {
	ID    ParticipantID
	Party bridge.Party
}

var _ AddressMap = (*Addressing)(nil)

// Party implements AddressMap. The error is an *AddressError.
func (a *Addressing) Party(id ParticipantID) (bridge.Party, error) {
	name := ""
	for _, k := range a.known() {
		if k.ID.Type == id.Type && k.ID.Value == id.Value {
			if k.Party.URI != "" {
				return k.Party, nil
			}
			name = k.Party.Name
			break
		}
	}
	uri, err := a.uri(id)
	if err != nil {
		return bridge.Party{}, err
	}
	return bridge.Party{URI: uri, Name: name}, nil
}

// uri returns the URI of a participant by the rules.
func (a *Addressing) uri(id ParticipantID) (string, error) {
	if err := checkAddress(id.Value); err != nil {
		return "", err
	}
	number := ""
	switch scheme(id.Value) {
	case "sip", "sips":
		if _, err := parseSIP(id.Value); err != nil {
			return "", err
		}
		return id.Value, nil
	case "tel":
		t, err := parseTel(id.Value)
		if err != nil {
			return "", err
		}
		if !t.global() {
			return id.Value, nil
		}
		number = t.digits
	default:
		if id.Type == PhoneNumber {
			// Alexa's own directory may hold a number as people write it, and short ones such as "911" have no global form.
			t, err := parseSubscriber(strings.ReplaceAll(id.Value, " ", ""))
			switch {
			case err == nil && t.global():
				number = t.digits
			case t.digits != "":
				id.Value = t.digits
			}
		}
	}
	if a == nil || a.Domain == "" {
		if number != "" {
			return "tel:" + number, nil
		}
		return id.Value, nil
	}
	return a.sip(id.Value, number)
}

// sip returns a SIP URI in the Domain: that of a number in global form if there is one.
func (a *Addressing) sip(value, number string) (string, error) {
	uri := "sip:" + escapeUser(value) + "@" + a.Domain
	if number != "" {
		uri = "sip:" + number + "@" + a.Domain + ";user=phone"
	}
	if _, err := parseSIP(uri); err != nil {
		return "", err
	}
	return uri, nil
}

// Callee implements AddressMap. The error is an *AddressError.
func (a *Addressing) Callee(to string) (ParticipantID, error) {
	if id, ok := a.find(to); ok {
		return id, nil
	}
	switch scheme(to) {
	case "sip", "sips":
		u, err := parseSIP(to)
		if err != nil {
			return ParticipantID{}, err
		}
		if !a.ours(u) {
			return ParticipantID{}, &AddressError{Of: "SIP URI", Text: "of another domain"}
		}
		return a.ofUser(u)
	case "tel":
		t, err := parseTel(to)
		if err != nil {
			return ParticipantID{}, err
		}
		return a.ofNumber(t)
	}
	if err := checkAddress(to); err != nil {
		return ParticipantID{}, err
	}
	return raw(to), nil
}

// Caller implements AddressMap. The error is an *AddressError.
func (a *Addressing) Caller(from bridge.Party) (ParticipantID, error) {
	if id, ok := a.find(from.URI); ok {
		return id, nil
	}
	unknown := &AddressError{Of: "caller", Text: "not one that Alexa knows"}
	if a == nil || a.Domain == "" {
		return ParticipantID{}, unknown
	}
	switch scheme(from.URI) {
	case "sip", "sips":
		u, err := parseSIP(from.URI)
		if err != nil {
			return ParticipantID{}, err
		}
		id, err := a.ofUser(u)
		if err == nil && !a.ours(u) && id.Type != PhoneNumber {
			err = unknown
		}
		if err != nil {
			return ParticipantID{}, err
		}
		return id, nil
	case "tel":
		t, err := parseTel(from.URI)
		if err != nil {
			return ParticipantID{}, err
		}
		return a.ofNumber(t)
	}
	// Another device, whose call came in by way of a Skill and goes out by way of one.
	if strings.HasPrefix(from.URI, profilePrefix) && checkAddress(from.URI) == nil {
		return raw(from.URI), nil
	}
	return ParticipantID{}, unknown
}

// ofUser returns who the user of a SIP URI is to Alexa.
func (a *Addressing) ofUser(u sipURI) (ParticipantID, error) {
	if u.user == "" {
		return ParticipantID{}, &AddressError{Of: "SIP URI", Text: "no user"}
	}
	t, err := parseSubscriber(u.user)
	if u.phone {
		if err != nil {
			// Phones set user=phone on all that they dial, digits without a context too: the host is the context.
			if t.digits == "" {
				return ParticipantID{}, err
			}
			return raw(t.digits), nil
		}
		return a.ofNumber(t)
	}
	// The parameter is lost on the way through many proxies; the plus sign says it as well.
	if err == nil && t.global() && t.digits == u.user {
		return ParticipantID{Type: PhoneNumber, Value: t.digits}, nil
	}
	return raw(u.user), nil
}

// ofNumber returns who a telephone number is to Alexa.
func (a *Addressing) ofNumber(t telNumber) (ParticipantID, error) {
	if t.global() {
		return ParticipantID{Type: PhoneNumber, Value: t.digits}, nil
	}
	if a == nil || a.Domain == "" || !strings.EqualFold(t.context, hostOf(a.Domain)) {
		return ParticipantID{}, &AddressError{Of: "telephone number", Text: "local to another context"}
	}
	return raw(t.digits), nil
}

func (a *Addressing) known() []KnownAddress {
	if a == nil {
		return nil
	}
	return a.Known
}

// find returns the known participant with a URI.
func (a *Addressing) find(uri string) (ParticipantID, bool) {
	if uri == "" {
		return ParticipantID{}, false
	}
	u, bad := parseSIP(uri)
	for _, k := range a.known() {
		if k.Party.URI == uri || bad == nil && u.names(k.Party.URI) {
			return k.ID, true
		}
	}
	return ParticipantID{}, false
}

// ours reports whether a SIP URI is of the Domain.
func (a *Addressing) ours(u sipURI) bool {
	return a == nil || a.Domain == "" || strings.EqualFold(u.host, hostOf(a.Domain))
}

// raw says how Alexa is to read an address that is used as it is.
func raw(value string) ParticipantID {
	if strings.HasPrefix(value, profilePrefix) {
		return ParticipantID{Type: CommunicationProfileID, Value: value}
	}
	return ParticipantID{Type: RawAddress, Value: value}
}

// callerName returns a name fit to be shown and spoken: one line, without what turns the direction of writing, and not too long.
func callerName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsControl(r), r == 0x2028, r == 0x2029:
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, name))
	if len(name) <= maxCallerName {
		return name
	}
	end := maxCallerName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.TrimSpace(name[:end])
}
