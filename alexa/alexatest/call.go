package alexatest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

var (
	// ErrEnded is returned by what needs a call that stands.
	ErrEnded = errors.New("alexatest: the call has ended")
	// ErrUpdating is returned by [Call.Update] when another update is in hand, of either side.
	ErrUpdating = errors.New("alexatest: another update of the call is in hand")
)

// State is how far a call has come. It only grows.
type State uint8

const (
	// StateOffered is the state from the first message on.
	StateOffered State = iota
	// StateRinging follows CallRinging.
	StateRinging
	// StateInProgress follows CallInProgress: the answer is there, so media can be set up.
	StateInProgress
	// StateConnected follows CallAccepted.
	StateConnected
	// StateEnded follows CallEnded of either side, and the end of the cloud.
	StateEnded
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"offered", "ringing", "in progress", "connected", "ended", "unknown"}[min(s, StateEnded+1)]
}

// update says which side's CallUpdate is in hand.
type update uint8

const (
	updateNone    update = iota
	updateOwn            // the device offered, or is about to
	updateOwnAsk         // CallUpdate was sent: CallUpdateResponse may come
	updateOwnDone        // CallUpdateResponse has come and is being taken
	updateFar            // the skill offered; until its CallUpdateAck
)

// Call is one call of an Echo. It is made by [Echo.Call], or by the skill's InitiateInboundCall and then found with [Echo.NextCall].
// Its methods are safe for concurrent use.
type Call struct {
	cloud          *Cloud
	echo           *Echo
	id             string
	inbound        bool // as Amazon has it: the skill calls the device
	caller, callee string
	media          media
	ctx            context.Context // ends with the call
	cancel         context.CancelFunc
	lane           chan struct{} // held while the device says something: its events go one after the other

	mu            sync.Mutex
	state         State
	reached       [StateEnded + 1]bool
	code, message string
	local, remote string         // the latest SDP of each side
	sent, acked   map[string]int // by the name of the Ack
	update        update
	repeats       int // of CallUpdate, which may each have an answer
	updateErr     error
	changed       chan struct{} // closed and replaced with every change
	tail          chan struct{} // closed when the last of the queued reactions is done
}

func newCall(c *Cloud, e *Echo, id string) *Call {
	k := &Call{
		cloud: c, echo: e, id: id,
		lane:    make(chan struct{}, 1),
		sent:    make(map[string]int),
		acked:   make(map[string]int),
		changed: make(chan struct{}),
	}
	k.reached[StateOffered] = true
	k.ctx, k.cancel = context.WithCancel(c.ctx)
	return k
}

// SessionID returns the call's id in all messages.
func (k *Call) SessionID() string { return k.id }

// Caller returns the address of the originator: of the device itself when it calls.
func (k *Call) Caller() string { return k.caller }

// Callee returns the address that was called.
func (k *Call) Callee() string { return k.callee }

// State returns the call's state now.
func (k *Call) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// WaitState returns once the call has been in the state s, or has gone past it. When the call ends without having come so far,
// the error is ErrEnded with the code of the end; when ctx ends, its error.
func (k *Call) WaitState(ctx context.Context, s State) error {
	for {
		k.mu.Lock()
		reached, ended, changed, code := k.reached[min(s, StateEnded)], k.state == StateEnded, k.changed, k.code
		state := k.state
		k.mu.Unlock()
		switch {
		case reached:
			return nil
		case ended:
			return fmt.Errorf("%w: %s", ErrEnded, code)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("alexatest: call is %v, not %v: %w", state, s, ctx.Err())
		}
	}
}

// Ended returns code and message of the CallEnded that ended the call, whoever sent it; "" while the call stands, and "" as code
// when the cloud was closed under it.
func (k *Call) Ended() (code, message string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.code, k.message
}

// LocalSDP returns what the device said last, offer or answer.
func (k *Call) LocalSDP() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.local
}

// RemoteSDP returns what the skill said last, offer or answer.
func (k *Call) RemoteSDP() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.remote
}

// Heard returns what the device has heard so far. It stays available after the end.
func (k *Call) Heard() Recording { return k.media.heard() }

// WaitHeard returns when the device has heard at least d of audio in this call, silence counted like any other. It returns ErrEnded
// when the call ends before, and the error of ctx when that ends.
func (k *Call) WaitHeard(ctx context.Context, d time.Duration) error {
	return k.media.waitHeard(ctx, d)
}

// Press has the keys 0-9, *, # and A-D pressed, 100 ms each, and returns when they are out. They go as telephone events (RFC 4733), which
// take [EchoOptions].Codecs with CodecTelephoneEvent and no Opus agreed; whether a device has keys at all is not known. It fails when they
// cannot be sent, when the call has ended and when ctx ends.
func (k *Call) Press(ctx context.Context, keys string) error { return k.media.press(ctx, keys) }

// Hangup ends the call from the device with CallEnded, code SUCCESS, and returns when the skill has answered that event. It is nil
// when the call had ended before.
func (k *Call) Hangup(ctx context.Context) error {
	return k.End(ctx, "SUCCESS", "Call ended by user")
}

// End is Hangup with another callResult. The code is sent as it is, also one that Amazon does not document.
func (k *Call) End(ctx context.Context, code, message string) error {
	return k.end(ctx, code, message)
}

// advance moves the state on; k.mu is held.
func (k *Call) advance(s State) {
	if s > k.state {
		k.state = s
	}
	k.reached[s] = true
	k.notify()
}

// notify wakes everybody who waits for a change; k.mu is held.
func (k *Call) notify() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// await waits until f, which is called with k.mu held, is true. It returns false when the time is over or the call or ctx has ended.
func (k *Call) await(ctx context.Context, limit time.Duration, f func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		k.mu.Lock()
		ok, changed := f(), k.changed
		k.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		case <-k.ctx.Done():
			return false
		}
	}
}

// sleep waits for d; false when the call ended first.
func (k *Call) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return k.ctx.Err() == nil
	case <-k.ctx.Done():
		return false
	}
}

// finish ends the call without a word; false when it had ended before.
func (k *Call) finish(code, message string) bool {
	k.mu.Lock()
	if k.state == StateEnded {
		k.mu.Unlock()
		return false
	}
	k.code, k.message = code, message
	k.advance(StateEnded)
	k.mu.Unlock()
	k.cancel()
	k.cloud.forget(k)
	return true
}

// end ends the call from the device's side.
func (k *Call) end(ctx context.Context, code, message string) error {
	if err := k.hold(ctx); err != nil {
		return err
	}
	defer func() { <-k.lane }()
	if !k.finish(code, message) {
		return nil
	}
	return k.cloud.tell(ctx, k.echo, k.fields(msgCallEnded, map[string]any{
		"callResult": map[string]any{"code": code, "message": message},
	}))
}

// hold takes the lane, which the caller gives back.
func (k *Call) hold(ctx context.Context) error {
	select {
	case k.lane <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("alexatest: %w", ctx.Err())
	case <-k.cloud.ctx.Done():
		return ErrClosed
	}
}

// say sends an event of the device's own accord. prepare is called, with k.mu held, just before, and not when the call has ended.
func (k *Call) say(ctx context.Context, name string, more map[string]any, prepare func()) error {
	if err := k.hold(ctx); err != nil {
		return err
	}
	defer func() { <-k.lane }()
	k.mu.Lock()
	if k.state == StateEnded {
		k.mu.Unlock()
		return ErrEnded
	}
	k.sent[ackOf(name)]++
	prepare()
	k.mu.Unlock()
	return k.cloud.tell(ctx, k.echo, k.fields(name, more))
}

// fields is the request object of an event of this call.
func (k *Call) fields(name string, more map[string]any) map[string]any {
	m := map[string]any{"type": namespace + name, "sessionId": k.id}
	maps.Copy(m, more)
	return m
}

func sdpFields(kind, text string) map[string]any {
	return map[string]any{"type": kind, "value": text}
}

// ackOf names the Ack that the skill owes for an event; "" for none.
func ackOf(event string) string {
	switch event {
	case msgCallRinging:
		return msgCallRingingAck
	case msgCallInProgress:
		return msgCallInProgressAck
	case msgCallAccepted:
		return msgCallAcceptedAck
	case msgCallUpdateResponse:
		return msgCallUpdateAck
	default:
		return ""
	}
}
