package alexatest

import "net/http"

// Faults are the ways in which the cloud misbehaves on purpose. The zero value has none. They are set by CloudOptions.Faults and
// [Cloud.SetFaults].
type Faults struct {
	// Status is the HTTP status of accepted signaling requests; 0: 200. Amazon does not name it; any 2xx is possible.
	Status int

	// TokenExpired refuses the next signaling request with 401 and revokes its token. It applies once.
	TokenExpired bool

	// Refuse are statuses with which the next signaling requests are refused, one each, in order, whatever they hold.
	Refuse []int

	// AckNever sends no CallRingingAck, CallInProgressAck, CallAcceptedAck and CallUpdateAck.
	AckNever bool

	// DuplicateEvents delivers every event twice: the same bytes with the same requestId, one after the other.
	DuplicateEvents bool

	// BareAccept sends CallAccepted with an empty sdpDetails, for the answer went in CallInProgress.
	BareAccept bool
}

// SetFaults replaces all faults from now on.
func (c *Cloud) SetFaults(f Faults) {
	f.Refuse = append([]int(nil), f.Refuse...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
}

// faultsNow returns the faults in force, without using any up.
func (c *Cloud) faultsNow() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}

// tokenExpired is what takeRefusal returns for the fault of that name.
const tokenExpired = -1

// takeRefusal uses up one fault that refuses a request, and returns its status; 0: the request is served.
func (c *Cloud) takeRefusal() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.faults.TokenExpired {
		c.faults.TokenExpired = false
		return tokenExpired
	}
	if len(c.faults.Refuse) == 0 {
		return 0
	}
	status := c.faults.Refuse[0]
	c.faults.Refuse = c.faults.Refuse[1:]
	return status
}

// successStatus is the HTTP status of an accepted request.
func (f Faults) successStatus() int {
	if f.Status != 0 {
		return f.Status
	}
	return http.StatusOK
}

// copies is how often an event is delivered.
func (f Faults) copies() int {
	if f.DuplicateEvents {
		return 2
	}
	return 1
}
