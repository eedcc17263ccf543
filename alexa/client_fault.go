package alexa

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// A Fault says what kind of failure an Error is.
type Fault uint8

// The eight exceptions that "Requests Exposed by Alexa.Comms.CallSignaling Interface" documents, in its order. Amazon's own names for
// them, and their statuses, could not be read from it: the statuses are inferred, and what Alexa calls an exception is Error.Exception.
const (
	FaultState        Fault = iota + 1 // 400: the call is not in progress or not in ringing state
	FaultRequest                       // 400: the request is malformed, or a required parameter is missing
	FaultUnauthorized                  // 401: the access token is missing or expired
	FaultForbidden                     // 403: no permission, or a token of the wrong kind
	FaultNotFound                      // 404: no such call, or nobody to be called
	FaultConflict                      // 409: the request conflicts with another one being processed
	FaultThrottled                     // 429: more calls than the allowed limit
	FaultInternal                      // 500 and above: a fault of Amazon's
)

// Failures that have no exception.
const (
	FaultStatus    Fault = iota + 16 // a status that is not documented, such as that of a redirect
	FaultNoToken                     // the token source gave none
	FaultDNS                         // the name of the host could not be resolved
	FaultConnect                     // no connection to the host
	FaultTLS                         // the host is not who it should be, or does not speak TLS
	FaultSilence                     // no answer in time; it may have succeeded, late
	FaultBroken                      // the connection broke before the answer; it may have succeeded
	FaultCancelled                   // the caller's context was cancelled
	FaultSetup                       // the request could not be made: Client.Endpoint is no URL
)

// faultTable has the names of faults.
var faultTable = map[Fault]string{
	FaultState: "call not in progress", FaultRequest: "malformed request", FaultUnauthorized: "token refused", FaultForbidden: "no permission",
	FaultNotFound: "not found", FaultConflict: "conflict", FaultThrottled: "too many requests", FaultInternal: "Alexa failed",
	FaultStatus: "unexpected status", FaultNoToken: "no token", FaultDNS: "name not resolved", FaultConnect: "not connected",
	FaultTLS: "not secure", FaultSilence: "no answer in time", FaultBroken: "connection broke", FaultCancelled: "cancelled", FaultSetup: "not set up",
}

// String returns the kind of failure in words.
func (f Fault) String() string {
	if s, ok := faultTable[f]; ok {
		return s
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Fault returns what kind of failure e is: by its Status, or if there was no answer, by its Err.
func (e *Error) Fault() Fault {
	switch {
	case e.Status == 0:
		return faultOf(e.Err)
	case e.Status == http.StatusBadRequest && e.namesState():
		return FaultState
	case e.Status == http.StatusBadRequest:
		return FaultRequest
	case e.Status == http.StatusUnauthorized:
		return FaultUnauthorized
	case e.Status == http.StatusForbidden:
		return FaultForbidden
	case e.Status == http.StatusNotFound:
		return FaultNotFound
	case e.Status == http.StatusConflict:
		return FaultConflict
	case e.Status == http.StatusTooManyRequests:
		return FaultThrottled
	case e.Status >= 500:
		return FaultInternal
	}
	return FaultStatus
}

// namesState reports whether a 400 is about the state of the call, by the words that Amazon describes it with. Whether it says them is
// not known: nothing may depend on it but what a person reads.
func (e *Error) namesState() bool {
	text := strings.ToLower(e.Exception + " " + e.Message)
	return strings.Contains(text, "not in progress") || strings.Contains(text, "ringing state")
}

// faultOf tells failures without an answer apart.
func faultOf(err error) Fault {
	if _, ok := errors.AsType[notSent](err); ok {
		return FaultSetup
	}
	if _, ok := errors.AsType[noToken](err); ok {
		return FaultNoToken
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return FaultDNS
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return FaultConnect
	}
	if isTLS(err) {
		return FaultTLS
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return FaultSilence
	}
	if _, ok := errors.AsType[cut](err); ok || errors.Is(err, context.Canceled) {
		return FaultCancelled
	}
	return FaultBroken
}

// isTLS reports whether a handshake failed, or an alert came. Unless it was an alert, the message has not been sent then.
func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	return errors.Is(err, http.ErrSchemeMismatch) || isAlert(err)
}

// isAlert reports whether the other side has sent an alert. crypto/tls has no type for it outside of QUIC, but an Op that nobody else uses.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// neverSent reports whether a request failed before anything of it could arrive. An alert may come after it has been sent.
func neverSent(err error) bool {
	switch faultOf(err) {
	case FaultSetup, FaultNoToken, FaultDNS, FaultConnect:
		return true
	case FaultTLS:
		return !isAlert(err)
	default:
		return false
	}
}

// notSent is an error of a request that could not even be made.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

// noToken is an error of a token source.
type noToken struct{ error }

func (e noToken) Unwrap() error { return e.error }

// cut is a context's cause, which ended a sending.
type cut struct{ error }

func (e cut) Unwrap() error { return e.error }
