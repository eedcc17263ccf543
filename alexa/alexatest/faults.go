package alexatest

import (
	"net/http"
	"slices"
	"time"
)

// Faults are the ways in which the cloud misbehaves on purpose. The zero value has none. They are set by CloudOptions.Faults and
// [Cloud.SetFaults].
type Faults struct {
	// Status is the HTTP status of accepted signaling requests; 0: 200. Amazon does not name it; any 2xx is possible.
	Status int

	// TokenExpired refuses the next signaling request with 401 and revokes its token. It applies once.
	TokenExpired bool

	// Refuse are statuses with which the next signaling requests are refused, one each, in order, whatever they hold.
	Refuse []int

	// RetryAfter is what refusals with 429 and 503 name as Retry-After, in whole seconds; 0: they do not.
	RetryAfter time.Duration

	// Random has signaling requests fail by chance.
	Random Random

	// AckNever sends no CallRingingAck, CallInProgressAck, CallAcceptedAck and CallUpdateAck.
	AckNever bool

	// DuplicateEvents delivers every event twice: the same bytes with the same requestId, one after the other.
	DuplicateEvents bool

	// RepeatEvents delivers every event of a call a second time as a new one: with another requestId, at a later time.
	RepeatEvents bool

	// ForgedEvents sends, before every event of a call, the same event with a bad signature. That the skill takes it is a violation.
	ForgedEvents bool

	// StaleEvents sends, before every event of a call, the same event signed well, 151 s old. That the skill takes it is a violation.
	StaleEvents bool

	// BareAccept sends CallAccepted with an empty sdpDetails, for the answer went in CallInProgress.
	BareAccept bool

	// AcceptTwice sends CallAccepted a second time once the first is acknowledged, as a new event with an empty sdpDetails.
	AcceptTwice bool

	// ReofferAfterAccept has the device offer what stands once more (see [Refresh]) as soon as CallAccepted is acknowledged, as real
	// devices were seen to do.
	ReofferAfterAccept bool
}

// SetFaults replaces all faults from now on.
func (c *Cloud) SetFaults(f Faults) {
	f.Refuse, f.Random.Failures = slices.Clone(f.Refuse), slices.Clone(f.Random.Failures)
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

// staleAge is a second more than Amazon's page "Host a Custom Skill as a Web Service" lets a request be old.
const staleAge = 151 * time.Second

// impostors are what is sent before an event, each to be refused.
func (f Faults) impostors() (kinds []EventFault, names []string) {
	if f.ForgedEvents {
		kinds, names = append(kinds, EventFault{BadSignature: true}), append(names, "with a bad signature")
	}
	if f.StaleEvents {
		kinds, names = append(kinds, EventFault{Age: staleAge}), append(names, "which is too old")
	}
	return kinds, names
}
