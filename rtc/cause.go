package rtc

import (
	"context"
	"errors"

	"github.com/alexacall/alexacall/bridge"
)

// typeTable says in which words Alexa is told why there is no answer, by cause.
var typeTable = [...]ErrorType{
	bridge.Normal:      EndpointUnreachable,
	bridge.Busy:        EndpointBusy,
	bridge.NoAnswer:    EndpointUnreachable,
	bridge.Declined:    EndpointBusy,
	bridge.Cancelled:   EndpointUnreachable,
	bridge.Elsewhere:   EndpointBusy,
	bridge.NotFound:    NoSuchEndpoint,
	bridge.Unreachable: EndpointUnreachable,
	bridge.Forbidden:   InsufficientPermissions,
	bridge.Overload:    RateLimitExceeded,
	bridge.Media:       InvalidValue,
	bridge.Internal:    InternalError,
}

// typeOf returns what Alexa is told of a cause.
func typeOf(c bridge.Cause) ErrorType {
	if int(c) < len(typeTable) {
		return typeTable[c]
	}
	return InternalError
}

// causeOf returns the cause of a session that ends with an error of a type.
func causeOf(t ErrorType) bridge.Cause {
	switch t {
	case EndpointBusy, AlreadyInOperation:
		return bridge.Busy
	case EndpointUnreachable, BridgeUnreachable, EndpointLowPower, NotCalibrated, FirmwareOutOfDate, HardwareMalfunction, NotInOperation:
		return bridge.Unreachable
	case NotSupportedInCurrentMode, CloudControlDisabled:
		return bridge.Declined
	case NoSuchEndpoint:
		return bridge.NotFound
	case ExpiredAuthorizationCredential, InvalidAuthorizationCredential, InsufficientPermissions, TooManyFailedAttempts:
		return bridge.Forbidden
	case RateLimitExceeded:
		return bridge.Overload
	case InvalidValue, ValueOutOfRange:
		return bridge.Media
	default:
		return bridge.Internal
	}
}

// faultOf returns what Alexa is told of a cause. No text of an error goes there.
func faultOf(c bridge.Cause) *Fault {
	return &Fault{Type: typeOf(c), Message: "the session could not begin: " + c.String()}
}

// faultIn returns the Fault in err's chain, or one of another type.
func faultIn(err error, other ErrorType, message string) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		other, message = InternalError, "the skill could not find out in time"
	}
	return &Fault{Type: other, Message: message}
}
