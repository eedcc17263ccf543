package rtc

import "slices"

// An ErrorType says to Alexa why a directive could not be handled, so that it can tell the user.
type ErrorType string

// The types of Alexa.ErrorResponse, and AcceptGrantFailed, the one type of Alexa.Authorization.ErrorResponse.
//
// Source: "Alexa.ErrorResponse" and Amazon's message schema.
const (
	AlreadyInOperation             ErrorType = "ALREADY_IN_OPERATION"
	BridgeUnreachable              ErrorType = "BRIDGE_UNREACHABLE" // the hub behind which the endpoint is
	CloudControlDisabled           ErrorType = "CLOUD_CONTROL_DISABLED"
	EndpointBusy                   ErrorType = "ENDPOINT_BUSY"
	EndpointLowPower               ErrorType = "ENDPOINT_LOW_POWER"
	EndpointUnreachable            ErrorType = "ENDPOINT_UNREACHABLE"
	ExpiredAuthorizationCredential ErrorType = "EXPIRED_AUTHORIZATION_CREDENTIAL" // Alexa refreshes the token of account linking
	FirmwareOutOfDate              ErrorType = "FIRMWARE_OUT_OF_DATE"
	HardwareMalfunction            ErrorType = "HARDWARE_MALFUNCTION"
	InsufficientPermissions        ErrorType = "INSUFFICIENT_PERMISSIONS"
	InternalError                  ErrorType = "INTERNAL_ERROR"
	InvalidAuthorizationCredential ErrorType = "INVALID_AUTHORIZATION_CREDENTIAL"
	InvalidDirective               ErrorType = "INVALID_DIRECTIVE"
	InvalidValue                   ErrorType = "INVALID_VALUE"
	NoSuchEndpoint                 ErrorType = "NO_SUCH_ENDPOINT"
	NotCalibrated                  ErrorType = "NOT_CALIBRATED"
	NotInOperation                 ErrorType = "NOT_IN_OPERATION"
	NotSupportedInCurrentMode      ErrorType = "NOT_SUPPORTED_IN_CURRENT_MODE"
	PowerLevelNotSupported         ErrorType = "POWER_LEVEL_NOT_SUPPORTED"
	RateLimitExceeded              ErrorType = "RATE_LIMIT_EXCEEDED"
	TemperatureValueOutOfRange     ErrorType = "TEMPERATURE_VALUE_OUT_OF_RANGE"
	TooManyFailedAttempts          ErrorType = "TOO_MANY_FAILED_ATTEMPTS"
	ValueOutOfRange                ErrorType = "VALUE_OUT_OF_RANGE"

	AcceptGrantFailed ErrorType = "ACCEPT_GRANT_FAILED"
)

var errorTypeTable = []ErrorType{
	AlreadyInOperation, BridgeUnreachable, CloudControlDisabled, EndpointBusy, EndpointLowPower, EndpointUnreachable,
	ExpiredAuthorizationCredential, FirmwareOutOfDate, HardwareMalfunction, InsufficientPermissions, InternalError,
	InvalidAuthorizationCredential, InvalidDirective, InvalidValue, NoSuchEndpoint, NotCalibrated, NotInOperation,
	NotSupportedInCurrentMode, PowerLevelNotSupported, RateLimitExceeded, TemperatureValueOutOfRange, TooManyFailedAttempts,
	ValueOutOfRange,
}

// A Fault is what an error event says. It is an error, so that a program's own functions can return the fault that Alexa is to be told of.
type Fault struct {
	Type    ErrorType
	Message string // for a developer to read; Alexa does not speak it

	// Mode is the mode that the endpoint is in, for NotSupportedInCurrentMode alone: ModeAsleep and so on. Empty is ModeOther.
	Mode DeviceMode
}

// Error returns type and message in one line.
func (f *Fault) Error() string {
	if f.Message == "" {
		return "rtc: " + printable(string(f.Type), 128)
	}
	return "rtc: " + printable(string(f.Type), 128) + ": " + printable(f.Message, maxText)
}

// size returns how many bytes of text f holds; 0 for nil.
func (f *Fault) size() int {
	if f == nil {
		return 0
	}
	return len(f.Type) + len(f.Message) + len(f.Mode)
}

// A DeviceMode is a mode in which an endpoint does not do what it is asked.
type DeviceMode string

// The modes that a door can be in. Amazon's schema has another, for lamps.
const (
	ModeAsleep         DeviceMode = "ASLEEP"
	ModeNotProvisioned DeviceMode = "NOT_PROVISIONED"
	ModeOther          DeviceMode = "OTHER"
)

var modeTable = []DeviceMode{ModeAsleep, ModeNotProvisioned, ModeOther}

func parseFault(payload node) *Fault {
	f := &Fault{Type: ErrorType(payload.text("type", maxID)), Message: payload.text("message", maxText)}
	if f.Type == "" {
		payload.fail("type", "missing")
	}
	if mode := DeviceMode(payload.text("currentDeviceMode", maxID)); f.Type == NotSupportedInCurrentMode && mode != ModeOther {
		f.Mode = mode
	}
	return f
}

type wireFault struct {
	Type    ErrorType  `json:"type"`
	Message string     `json:"message"`
	Mode    DeviceMode `json:"currentDeviceMode,omitempty"`
}

// wire returns the payload of an event of type t.
func (f *Fault) wire(t MessageType) (any, error) {
	if f == nil {
		return nil, errMember("payload", "is missing")
	}
	known := slices.Contains(errorTypeTable, f.Type)
	if t == AcceptGrantError {
		known = f.Type == AcceptGrantFailed
	}
	if !known {
		return nil, errMember("payload.type", "is not one of this event")
	}
	w := wireFault{Type: f.Type, Message: printable(f.Message, maxText-len("...")), Mode: f.Mode} // any message will do: there must be an answer
	switch {
	case f.Type != NotSupportedInCurrentMode && f.Mode != "":
		return nil, errMember("payload.currentDeviceMode", "does not belong to this type")
	case f.Type == NotSupportedInCurrentMode && f.Mode == "":
		w.Mode = ModeOther
	case f.Mode != "" && !slices.Contains(modeTable, f.Mode):
		return nil, errMember("payload.currentDeviceMode", "is unknown")
	}
	return w, nil
}
