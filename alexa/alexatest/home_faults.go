package alexatest

import (
	"net/http"
	"slices"
	"time"
)

// HomeFaults are the ways in which Alexa misbehaves on purpose. The zero value has none. They are set by HomeOptions.Faults and
// [Home.SetFaults].
type HomeFaults struct {
	// DuplicateDirectives delivers every directive of a session twice at the same time: the same bytes with the same messageId. Answers
	// that differ are a violation.
	DuplicateDirectives bool

	// RepeatDirectives delivers every directive of a session again once it was answered. Answers that differ are a violation.
	RepeatDirectives bool

	// NeverConnected sends no SessionConnected.
	NeverConnected bool

	// DisconnectTwice sends SessionDisconnected a second time, with another messageId. It is to be answered with success as well.
	DisconnectTwice bool

	// DisconnectEarly sends SessionDisconnected 100 ms after an offer: while it waits for its answer or, where it has been answered by then,
	// before the media is connected. [Show.Talk] then fails: with [ErrEnded] where the offer is answered all the same.
	DisconnectEarly bool

	// DisconnectUnknown sends, before every offer, SessionDisconnected for a session that never was. It is to be answered with success.
	DisconnectUnknown bool

	// GarbageOffers sends, before every offer, three that cannot be answered, each in a session of its own: no SDP, no m-section, no
	// credentials of ICE. That one is answered with anything but an ErrorResponse is a violation.
	GarbageOffers bool

	// TokenExpired refuses the next event at the gateway with 401 and revokes its token. It applies once.
	TokenExpired bool

	// Gateway are the fates of the next events at the gateway, one each, in order, whatever they hold.
	Gateway []GatewayFault
}

// GatewayFault is how the gateway treats one event with a good token.
type GatewayFault struct {
	// Status is the HTTP status, such as 403, 429, 500 or 503; 0: the event is taken.
	Status int
	// Code is payload.code of the refusal, such as SKILL_DISABLED_EXCEPTION; "": the first that is documented for the status.
	Code string
	// RetryAfter is named in the answer, in whole seconds; 0: it is not.
	RetryAfter time.Duration
	// Silent gives no answer at all, until the client gives up. The event has no effect.
	Silent bool
	// Lost cuts the connection in place of the answer. The event has its effect all the same when Status is 0.
	Lost bool
}

// gatewayCodeTable has the documented codes of refusals (Amazon's page "send-events").
var gatewayCodeTable = map[int]string{
	http.StatusBadRequest:            "INVALID_REQUEST_EXCEPTION",
	http.StatusUnauthorized:          "INVALID_ACCESS_TOKEN_EXCEPTION",
	http.StatusForbidden:             "SKILL_DISABLED_EXCEPTION",
	http.StatusNotFound:              "SKILL_NOT_FOUND_EXCEPTION",
	http.StatusRequestEntityTooLarge: "REQUEST_ENTITY_TOO_LARGE_EXCEPTION",
	http.StatusTooManyRequests:       "THROTTLING_EXCEPTION",
	http.StatusInternalServerError:   "INTERNAL_SERVICE_EXCEPTION",
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE_EXCEPTION",
}

// SetFaults replaces all faults from now on.
func (h *Home) SetFaults(f HomeFaults) {
	f.Gateway = slices.Clone(f.Gateway)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = f
}

// faultsNow returns the faults in force, without using any up.
func (h *Home) faultsNow() HomeFaults {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults
}

// takeFault uses up the fate of one event at the gateway. expired: its token is to be revoked.
func (h *Home) takeFault() (f GatewayFault, expired bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.faults.TokenExpired {
		h.faults.TokenExpired = false
		return f, true
	}
	if len(h.faults.Gateway) > 0 {
		f, h.faults.Gateway = h.faults.Gateway[0], h.faults.Gateway[1:]
	}
	return f, false
}
