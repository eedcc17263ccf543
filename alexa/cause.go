package alexa

import (
	"net/http"

	"github.com/alexacall/alexacall/bridge"
)

// resultOf says in which words Alexa is told why we end a call. Alexa has no word for a party that declines, or is not found.
func resultOf(c bridge.Cause) ResultCode {
	switch c {
	case bridge.Normal, bridge.Cancelled, bridge.Elsewhere:
		return ResultSuccess
	case bridge.Busy, bridge.Declined:
		return ResultDeviceBusy
	case bridge.NoAnswer:
		return ResultSessionTimeout
	case bridge.Forbidden:
		return ResultUnauthorized
	default:
		return ResultInternalError
	}
}

// causeOf says what the code of a CallEnded means in a call that was accepted. Before that, Normal is a user who does not want it.
func causeOf(code ResultCode) bridge.Cause {
	switch code.Canonical() {
	case ResultSuccess:
		return bridge.Normal
	case ResultDeviceBusy:
		return bridge.Busy
	case ResultSessionTimeout:
		return bridge.NoAnswer
	case ResultUnauthorized:
		return bridge.Forbidden
	default:
		return bridge.Internal
	}
}

// causeOfError says what it means that Alexa did not take a message.
func causeOfError(e *Error) bridge.Cause {
	switch e.Status {
	case http.StatusNotFound:
		return bridge.NotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return bridge.Forbidden
	case http.StatusTooManyRequests:
		return bridge.Overload
	case 0:
		return bridge.Unreachable
	default:
		return bridge.Internal
	}
}

// endsCall reports whether a failure means that Alexa has no such call any more.
func endsCall(e *Error) bool { return e.Status == http.StatusNotFound }

// refusesMessage reports whether a failure means that a message does not fit the call: because the call is over, or for a fault of its
// own, which Amazon gives the same status.
func refusesMessage(e *Error) bool { return e.Status == http.StatusBadRequest }
