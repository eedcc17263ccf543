package alexatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// EchoOptions configures [Cloud.NewEcho]. The zero value and nil are valid: an Echo that answers every call at once and plays silence.
type EchoOptions struct {
	// NoMedia makes an Echo that only signals: its SDP is well formed and leads nowhere. It opens no socket, so it can be used under
	// testing/synctest.
	NoMedia bool

	// Play is what the Echo sends as PCMU or PCMA; the zero value is silence. See Limitations about Opus and G.722.
	Play Source

	// Codecs are the codecs of the Echo in the order of its offers: CodecOpus, CodecG722, CodecPCMU, CodecPCMA, CodecTelephoneEvent.
	// Nil: Opus, PCMU, PCMA.
	Codecs []string

	// Camera gives the Echo a camera and a screen: H.264 in a second m-section. Without it, offers of video are rejected. Only an Echo
	// without media can have one: see NoMedia.
	Camera bool

	// OfferStyle is how the Echo writes its offers.
	OfferStyle OfferStyle

	// MediaBeforeAnswer sends audio as soon as the transport is up. The default is to send once the call is accepted, as real devices
	// do.
	MediaBeforeAnswer bool

	// AnswerAfter is the time from CallInProgress to CallAccepted, and from CallRinging to a rejection, in calls to the Echo.
	AnswerAfter time.Duration

	// RingOnly leaves calls to the Echo ringing until somebody ends them.
	RingOnly bool

	// Reject ends calls to the Echo with this callResult.code: DEVICE_BUSY, UNAUTHORIZED and UNAUTHORISED without ringing;
	// SUCCESS (the user declines), SESSION_TIMEOUT and INTERNAL_ERROR after ringing for AnswerAfter. "": calls are accepted.
	Reject string

	// HangUpAfter is the time after which the Echo ends an accepted call; 0: it does not.
	HangUpAfter time.Duration
}

// unrungTable has the codes of calls that do not even ring.
var unrungTable = []string{"DEVICE_BUSY", "UNAUTHORIZED", "UNAUTHORISED"}

// codecs are those of an Echo whose options were checked.
func (o *EchoOptions) codecs() []string { return o.Codecs }

// Echo is a simulated device. It is made by [Cloud.NewEcho] and lives as long as its cloud. Its methods are safe for concurrent use.
type Echo struct {
	cloud *Cloud
	opts  EchoOptions
	play  *track

	externalUserID, profileID    string
	userID, deviceID, endpointID string
	unitID, persistentUnitID     string

	mu      sync.Mutex
	calls   []*Call // latest last
	waiting []*Call // not yet returned by NextCall
	changed chan struct{}
}

// maxKept is how many calls an Echo remembers.
const maxKept = 1000

// newEchoIdentity returns an Echo with nothing but its ids.
func newEchoIdentity() *Echo {
	id := func(prefix string, n int) string { return prefix + randomText(n) }
	return &Echo{
		profileID:        id("amzn1.alexa.communications.profile.did.", 24),
		userID:           id("amzn1.ask.account.", 120),
		deviceID:         id("amzn1.ask.device.", 120),
		endpointID:       id("amzn1.alexa.endpoint.did.", 24),
		unitID:           id("amzn1.ask.unit.", 60),
		persistentUnitID: id("amzn1.alexa.unit.did.", 24),
		changed:          make(chan struct{}),
	}
}

// NewEcho adds a device to the cloud. externalUserID is its address: the RAW_ADDRESS of participants in calls to it, as the account
// association of the provisioning API sets it. Options may be nil. It fails when the address is taken, the WAV file cannot be read, or
// an option has an unknown value.
func (c *Cloud) NewEcho(externalUserID string, o *EchoOptions) (*Echo, error) {
	if o == nil {
		o = &EchoOptions{}
	}
	e := newEchoIdentity()
	e.cloud, e.opts, e.externalUserID = c, *o, externalUserID
	var err error
	if e.opts.Codecs, err = checkCodecs(o.Codecs); err != nil {
		return nil, err
	}
	if o.Reject != "" && !slices.Contains(resultCodeTable, o.Reject) {
		return nil, fmt.Errorf("alexatest: unknown code %q", o.Reject)
	}
	switch {
	case o.Camera && !o.NoMedia:
		return nil, errors.New("alexatest: a camera needs EchoOptions.NoMedia")
	case o.OfferStyle == OfferBundleVideo && !o.Camera:
		return nil, errors.New("alexatest: OfferBundleVideo needs EchoOptions.Camera")
	}
	if e.play, err = o.Play.open(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if externalUserID == "" || c.echoes[externalUserID] != nil {
		return nil, fmt.Errorf("alexatest: external user id %q is empty or taken", externalUserID)
	}
	c.echoes[externalUserID] = e
	return e, nil
}

// findEcho finds a device by address; c.mu is held.
func (c *Cloud) findEcho(kind, value string) *Echo {
	switch kind {
	case "RAW_ADDRESS":
		return c.echoes[value]
	case "COMMUNICATION_PROFILE_ID":
		for _, e := range c.echoes {
			if e.profileID == value {
				return e
			}
		}
	}
	return nil
}

// ExternalUserID returns the Echo's address.
func (e *Echo) ExternalUserID() string { return e.externalUserID }

// ProfileID returns the Echo's communication profile id, by which it can be addressed too.
func (e *Echo) ProfileID() string { return e.profileID }

// Call has the Echo call an address, such as the provider contact id of a contact: it sends InitiateOutboundCall with an offer, and
// returns once the skill has answered that event with 200. ctx bounds that, not the call.
func (e *Echo) Call(ctx context.Context, callee string) (*Call, error) {
	k := newCall(e.cloud, e, newUUID())
	k.caller, k.callee = e.profileID, callee
	if err := k.open(true); err != nil {
		k.cancel()
		return nil, err
	}
	offer, err := k.media.offer(wants{})
	if err != nil {
		k.cancel()
		return nil, err
	}
	k.local = offer
	e.cloud.mu.Lock()
	closed := e.cloud.closed
	if !closed {
		e.cloud.calls[k.id] = k
		e.cloud.draws.know(k.id)
	}
	e.cloud.mu.Unlock()
	if closed {
		k.cancel()
		return nil, ErrClosed
	}
	e.keep(k)
	err = k.say(ctx, msgInitiateOutboundCall, map[string]any{
		"participants": []any{
			map[string]any{"id": map[string]any{"type": "COMMUNICATION_PROFILE_ID", "value": e.profileID}, "isOriginator": true},
			map[string]any{"id": map[string]any{"type": "RAW_ADDRESS", "value": callee}, "isOriginator": false},
		},
		"sdpDetails": sdpFields("OFFER", offer),
	}, func() {})
	if err != nil {
		k.finish("INTERNAL_ERROR", "the skill did not take InitiateOutboundCall")
		return nil, err
	}
	return k, nil
}

// Calls returns the Echo's calls, those of both directions and those that ended, oldest first: at most the latest 1000.
func (e *Echo) Calls() []*Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// NextCall returns the next call to the Echo that it has not returned before, and waits for it if need be.
func (e *Echo) NextCall(ctx context.Context) (*Call, error) {
	for {
		e.mu.Lock()
		if len(e.waiting) > 0 {
			k := e.waiting[0]
			e.waiting = e.waiting[1:]
			e.mu.Unlock()
			return k, nil
		}
		changed := e.changed
		e.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("alexatest: no call came: %w", ctx.Err())
		case <-e.cloud.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// keep remembers a call.
func (e *Echo) keep(k *Call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = lastCalls(append(e.calls, k))
}

// add remembers a call to the Echo, and wakes who waits for it.
func (e *Echo) add(k *Call) {
	e.keep(k)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = lastCalls(append(e.waiting, k))
	close(e.changed)
	e.changed = make(chan struct{})
}

func lastCalls(ks []*Call) []*Call {
	if len(ks) > maxKept {
		ks = slices.Clone(ks[len(ks)-maxKept:])
	}
	return ks
}

// newMedia makes the media of one call, whose life is ctx.
func (e *Echo) newMedia(ctx context.Context, offers bool) (media, error) {
	if e.opts.NoMedia {
		return newCannedMedia(ctx.Done(), &e.opts), nil
	}
	return newPionMedia(ctx, &e.opts, e.play, offers)
}
