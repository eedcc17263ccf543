package alexa

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

const (
	headerSignature = "Signature-256"
	headerChainURL  = "SignatureCertChainUrl"

	maxSignature = 4096 // bytes of base64; an RSA key of 8,192 bits needs 1,368

	// Amazon: a request older than 150 seconds is to be refused; an event about a
	// skill itself may be delivered for an hour (as in Amazon's three SDKs).
	requestTolerance    = 150 * time.Second
	skillEventTolerance = time.Hour
)

// A Reason says which rule a refused skill request broke.
type Reason uint8

// The reasons, in the order in which they are checked.
const (
	ReasonHeader     Reason = iota + 1 // a signature header is missing, doubled or malformed
	ReasonChainURL                     // the certificate URL is not one of Amazon's
	ReasonBody                         // the body is not a skill request
	ReasonSkill                        // it is meant for another skill
	ReasonClock                        // it, or its certificate, is out of date by this host's clock; not known to be forged
	ReasonChainFetch                   // the certificate could not be fetched
	ReasonChain                        // the certificate is not one of Amazon's
	ReasonSignature                    // the signature does not fit certificate and body
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case ReasonHeader:
		return "header"
	case ReasonChainURL:
		return "certificate URL"
	case ReasonBody:
		return "body"
	case ReasonSkill:
		return "skill id"
	case ReasonClock:
		return "clock"
	case ReasonChainFetch:
		return "certificate not fetched"
	case ReasonChain:
		return "certificate"
	case ReasonSignature:
		return "signature"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// A VerifyError says why a skill request is refused. Whatever the reason, the answer to
// Alexa is status 400.
type VerifyError struct {
	Reason Reason
	Text   string // what exactly was found
	Err    error  // from below, such as a *ParseError; may be nil
}

// Error returns the facts in one line, without a secret.
func (e *VerifyError) Error() string {
	s := "alexa: request refused: " + e.Reason.String() + ": " + e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns e.Err.
func (e *VerifyError) Unwrap() error { return e.Err }

// Is reports whether target is a *VerifyError with the same Reason, as in
// errors.Is(err, &alexa.VerifyError{Reason: alexa.ReasonClock}).
func (e *VerifyError) Is(target error) bool {
	t, ok := target.(*VerifyError)
	return ok && t.Reason == e.Reason
}

func refuse(r Reason, text string) *VerifyError { return &VerifyError{Reason: r, Text: text} }

// A Verifier tells Amazon's requests to a skill's web service from forged ones, by the
// rules of "Host a Custom Skill as a Web Service" of the Alexa Skills Kit. Set the fields
// before the first use and leave them; SkillID is the only one needed. It starts no
// goroutine and is safe for concurrent use. It must not be copied.
//
// A Verifier does not remember requests: within 150 seconds a request can be delivered
// twice, by Alexa or by somebody who recorded it. Event.RequestID tells.
type Verifier struct {
	// SkillID is the id of the skill, such as
	// "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc".
	SkillID string

	// Tolerance is how far a request's timestamp may be from this host's clock, before
	// or after. 0: 150 s, which is also the most that Amazon allows: more is taken as
	// 150 s. Negative values make every request fail. Events about a skill itself
	// (AlexaSkillEvent) may always be an hour off.
	Tolerance time.Duration

	// Roots are the certificate authorities that the signing certificate, and the host
	// that it is fetched from, may lead to. Nil: those of the system.
	Roots *x509.CertPool

	// DialContext connects to s3.amazonaws.com:443, where certificates are. Nil: through a
	// proxy where the environment names one, otherwise directly, and then only to a public
	// address, whatever the name resolves to.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// HTTPClient fetches certificates in place of a client of the Verifier's own; then
	// Roots bears on the signing certificate alone and DialContext is not used. Its
	// redirect policy is not used either: redirects are refused.
	HTTPClient *http.Client

	chains chains
}

// Verify returns the event in body if header and body are a request of Amazon's to this
// skill, and not an old one. header is that of the HTTP request, its names in any letter
// case; body is the unchanged body, which the caller has read up to a limit of its own,
// MaxBody for example.
//
// The error is a *VerifyError when the request is at fault, including for a certificate
// that cannot be fetched in time. Another error means that the Verifier is not set up
// properly. Verify waits for the network at most two seconds, and only when it does not
// have the certificate yet: one fetch serves all requests that wait for it. The
// certificate is kept until it expires.
//
// What is cheap to check is checked first, so the reason need not be the only one. A
// request that is late, and was not signed with the certificate that is kept, is refused
// for its signature: ReasonClock is a sign that this host's clock is wrong, which a forged
// request is not.
func (v *Verifier) Verify(ctx context.Context, header http.Header, body []byte) (*Event, error) {
	claimed, err := v.claim(header)
	if err != nil {
		return nil, err
	}
	return v.check(ctx, claimed, body)
}

// A claim is what the header of a request says of its origin: a signature, and the normalised URL of the certificate for it.
type claim struct {
	signature []byte
	url       string
}

// claim checks a header, which can be done before the body has come.
func (v *Verifier) claim(header http.Header) (claim, error) {
	if v.SkillID == "" {
		return claim{}, errNoSkillID
	}
	if v.Tolerance < 0 {
		return claim{}, errors.New("alexa: Verifier.Tolerance is negative")
	}
	signature, url, err := readHeader(header)
	return claim{signature, url}, err
}

// check holds a body against the claim.
func (v *Verifier) check(ctx context.Context, c claim, body []byte) (*Event, error) {
	event, err := ParseEvent(body)
	if err != nil {
		return nil, &VerifyError{Reason: ReasonBody, Text: "not a skill request", Err: err}
	}
	if err := event.CheckSkill(v.SkillID); err != nil {
		return nil, err
	}
	if late := v.checkTime(event, time.Now()); late != nil {
		// A forged request says nothing of this host's clock. It is not worth a fetch, though.
		if key := v.chains.keptKey(c.url); key != nil {
			if err := c.fits(key, body); err != nil {
				return nil, err
			}
			late.Text += "; the signature is Amazon's"
		}
		return nil, late
	}
	key, err := v.chains.key(ctx, c.url, v.fetch)
	if err != nil {
		return nil, err
	}
	if err := c.fits(key, body); err != nil {
		return nil, err
	}
	return event, nil
}

// fits checks the signature: RSA PKCS #1 v1.5 with SHA-256 over the body as it came.
func (c claim) fits(key *rsa.PublicKey, body []byte) error {
	digest := sha256.Sum256(body)
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], c.signature) != nil {
		return refuse(ReasonSignature, "it is not made of this body with the certificate's key")
	}
	return nil
}

// readHeader returns the signature and the normalised URL of the certificate.
func readHeader(h http.Header) (signature []byte, url string, err error) {
	encoded, err := oneHeader(h, headerSignature)
	if err != nil {
		return nil, "", err
	}
	// The decoder would skip line ends.
	if len(encoded) > maxSignature || strings.ContainsAny(encoded, "\r\n") {
		return nil, "", refuse(ReasonHeader, headerSignature+" is too long or has line ends")
	}
	signature, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, "", &VerifyError{Reason: ReasonHeader, Text: headerSignature, Err: err}
	}
	rawURL, err := oneHeader(h, headerChainURL)
	if err != nil {
		return nil, "", err
	}
	url, err = chainURL(rawURL)
	return signature, url, err
}

// oneHeader returns the value of a header that must be there once. It also finds it in
// a map whose names are not in Go's canonical form, as forwarders from Lambda make.
func oneHeader(h http.Header, name string) (string, error) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	var found []string
	for k, values := range h {
		if textproto.CanonicalMIMEHeaderKey(k) == name {
			found = append(found, values...)
		}
	}
	switch {
	case len(found) == 0 || found[0] == "":
		return "", refuse(ReasonHeader, name+" is missing")
	case len(found) > 1:
		return "", refuse(ReasonHeader, name+" is there more than once")
	}
	return found[0], nil
}

// checkTime applies the tolerance in both directions: a timestamp of the future could
// otherwise be replayed until it has passed.
func (v *Verifier) checkTime(e *Event, now time.Time) *VerifyError {
	if e.Timestamp.IsZero() {
		return refuse(ReasonBody, "request.timestamp is missing")
	}
	limit := requestTolerance
	if v.Tolerance > 0 {
		limit = min(v.Tolerance, requestTolerance)
	}
	if isSkillEvent(e.RequestType) {
		limit = skillEventTolerance
	}
	age := now.Sub(e.Timestamp)
	if age.Abs() <= limit {
		return nil
	}
	side := "behind"
	if age < 0 {
		side = "ahead of"
	}
	return refuse(ReasonClock, fmt.Sprintf(
		"the request's time is %v %s this host's clock (limit %v): the request is late, or the clock is wrong",
		age.Abs().Round(time.Second), side, limit))
}

// isSkillEvent reports whether t is one of the events for which Amazon's SDKs allow an
// hour.
func isSkillEvent(t string) bool {
	switch t {
	case "AlexaSkillEvent.SkillEnabled", "AlexaSkillEvent.SkillDisabled",
		"AlexaSkillEvent.SkillPermissionChanged", "AlexaSkillEvent.SkillPermissionAccepted",
		"AlexaSkillEvent.SkillAccountLinked":
		return true
	}
	return false
}
