package alexatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Renegotiation is a change that the device asks for in a call that stands: see [Call.Update].
type Renegotiation uint8

const (
	// Hold offers a=inactive as CALL_HOLD.
	Hold Renegotiation = iota
	// Resume offers what stood before Hold as CALL_RESUME: a=sendrecv, or a=recvonly for what is muted.
	Resume
	// Mute offers a=recvonly as CALL_UPDATE: the device keeps hearing.
	Mute
	// Unmute offers a=sendrecv as CALL_UPDATE.
	Unmute
	// CloseCamera closes the lid of the camera: it offers a=recvonly for video as CALL_UPDATE. Amazon describes the same for mute only.
	CloseCamera
	// OpenCamera offers a=sendrecv for video as CALL_UPDATE.
	OpenCamera
	// Reconnect restarts ICE with an offer of what stands as CALL_UPDATE, as after the loss and return of the device's network. It needs
	// EchoOptions.NoMedia.
	Reconnect
	// Refresh offers what stands as CALL_UPDATE, as real devices were seen to do right after acceptance.
	Refresh
)

// wire returns renegotiationType and what the device wants from now on.
func (r Renegotiation) wire(now wants) (string, wants) {
	switch r {
	case Hold:
		now.held = true
		return "CALL_HOLD", now
	case Resume:
		now.held = false
		return "CALL_RESUME", now
	case Mute, Unmute:
		now.muted = r == Mute
	case CloseCamera, OpenCamera:
		now.covered = r == CloseCamera
	case Refresh, Reconnect:
	}
	return "CALL_UPDATE", now
}

// open makes the call's media, which closes when the call ends.
func (k *Call) open(offers bool) error {
	m, err := k.echo.newMedia(k.ctx, offers)
	if err != nil {
		return err
	}
	k.media = m
	if !k.cloud.run(func() {
		<-k.ctx.Done()
		if err := m.close(); err != nil {
			k.cloud.log.Debug("media closed", "session", k.id, "error", err)
		}
	}) {
		k.cancel()
		return fmt.Errorf("%w: %w", ErrClosed, m.close())
	}
	return nil
}

// storyInbound is what a called device does (Amazon's page "alexa-callsignaling-requests-for-asp", typical workflow).
func (k *Call) storyInbound(offer *remoteSDP) {
	o := &k.echo.opts
	if o.Reject != "" && slices.Contains(unrungTable, o.Reject) {
		_ = k.end(k.cloud.ctx, o.Reject, "the device does not take the call")
		return
	}
	if !k.step(msgCallRinging, nil, StateRinging) || o.RingOnly {
		return
	}
	if o.Reject != "" {
		if k.sleep(o.AnswerAfter) {
			_ = k.end(k.cloud.ctx, o.Reject, "the device does not take the call")
		}
		return
	}
	answer, err := k.media.answer(offer)
	if err != nil {
		k.fail("the offer of InitiateInboundCall", err)
		return
	}
	sdp := map[string]any{"sdpDetails": sdpFields("ANSWER", answer)}
	k.mu.Lock()
	k.local = answer
	k.mu.Unlock()
	if !k.step(msgCallInProgress, sdp, StateInProgress) || !k.sleep(o.AnswerAfter) {
		return
	}
	bare := map[string]any{"sdpDetails": map[string]any{}}
	if k.cloud.faultsNow().BareAccept {
		sdp = bare
	}
	k.media.sendOnAccept()
	if !k.step(msgCallAccepted, sdp, StateConnected) {
		return
	}
	k.connected()
	if k.cloud.faultsNow().AcceptTwice && !k.step(msgCallAccepted, bare, StateConnected) {
		return
	}
	k.reoffer()
}

// reoffer offers what stands again if the faults have it, without waiting for what comes of it.
func (k *Call) reoffer() {
	if !k.cloud.faultsNow().ReofferAfterAccept {
		return
	}
	k.cloud.run(func() { _ = k.Update(k.ctx, Refresh) }) // a failure is among the violations
}

// step sends one event of the story and waits for its Ack. A missing Ack is noted, and the story goes on; an event that the skill
// does not take ends the call. It returns false when the story is over.
func (k *Call) step(name string, more map[string]any, s State) bool {
	if err := k.say(k.cloud.ctx, name, more, func() { k.advance(s) }); err != nil {
		_ = k.end(k.cloud.ctx, "INTERNAL_ERROR", "the skill did not take "+name)
		return false
	}
	k.awaitAck(ackOf(name))
	return k.ctx.Err() == nil
}

// awaitAck waits for an Ack, and notes when it does not come.
func (k *Call) awaitAck(name string) {
	limit := k.cloud.opts.ackTimeout()
	ok := k.await(k.ctx, limit, func() bool { return k.acked[name] >= k.sent[name] })
	if !ok && k.ctx.Err() == nil {
		k.cloud.violate("no %s within %v", name, limit)
	}
}

// connected lets audio flow and starts the time after which the device hangs up.
func (k *Call) connected() {
	k.media.sendOnAccept()
	if d := k.echo.opts.HangUpAfter; d > 0 {
		k.cloud.run(func() {
			if k.sleep(d) {
				_ = k.end(k.cloud.ctx, "SUCCESS", "Call ended by user")
			}
		})
	}
}

// ack sends an Ack of the cloud, unless it is told not to or the call has ended.
func (k *Call) ack(name string) {
	if k.cloud.faultsNow().AckNever || k.State() == StateEnded {
		return
	}
	_ = k.cloud.tell(k.cloud.ctx, k.echo, k.fields(name, nil)) // a failure is among the violations
}

// fail ends a call because the device cannot work with an SDP of the skill.
func (k *Call) fail(what string, err error) {
	if k.State() == StateEnded {
		return // it was the end of the call that broke the negotiation off
	}
	k.cloud.violate("%s cannot be used: %v", what, err)
	_ = k.end(k.cloud.ctx, "INTERNAL_ERROR", "media could not be set up")
}

// answerUpdate answers a re-offer of the skill, and then waits for CallUpdateAck behind the answer of that request.
func (k *Call) answerUpdate(offer *remoteSDP, renegotiationType string) {
	answer, err := k.media.answer(offer)
	if err != nil {
		k.fail("the offer of CallUpdate", err)
		return
	}
	k.mu.Lock()
	k.local = answer
	k.sent[msgCallUpdateAck]++
	ended := k.state == StateEnded
	k.mu.Unlock()
	if ended {
		return
	}
	err = k.cloud.tell(k.cloud.ctx, k.echo, k.fields(msgCallUpdateResponse, map[string]any{
		"renegotiationType": renegotiationType,
		"sdpDetails":        sdpFields("ANSWER", answer),
	}))
	if err != nil {
		k.endUpdate(err)
		return
	}
	k.enqueue(func() {
		k.awaitAck(msgCallUpdateAck)
		k.endUpdate(nil)
	})
}

// Update has the device renegotiate the call: CallUpdate with an offer, then the skill's CallUpdateResponse, then CallUpdateAck, and
// returns after that. It fails when the call is not connected yet, with ErrEnded when it has ended or ends meanwhile, with ErrUpdating
// when another update is in hand, and when the skill does not answer within CloudOptions.AckTimeout; then what stood before stands on.
func (k *Call) Update(ctx context.Context, r Renegotiation) error {
	k.mu.Lock()
	switch {
	case k.state == StateEnded:
		k.mu.Unlock()
		return ErrEnded
	case k.state != StateConnected:
		k.mu.Unlock()
		return errors.New("alexatest: the call is not connected")
	case k.update != updateNone:
		k.mu.Unlock()
		return ErrUpdating
	}
	k.update, k.updateErr = updateOwn, nil
	k.mu.Unlock()

	var (
		kind, offer string
		err         error
	)
	ready := k.enqueue(func() { // behind the Ack of CallAccepted, and behind what that did with the media
		var want wants
		kind, want = r.wire(k.media.wanted())
		if r == Reconnect {
			err = k.media.reconnect()
		}
		if err == nil {
			offer, err = k.media.offer(want)
		}
	})
	select {
	case <-ready:
	case <-ctx.Done():
		k.enqueue(k.dropUpdate)
		return fmt.Errorf("alexatest: %w", ctx.Err())
	}
	repeats := k.cloud.faultsNow().deliveries() - 1
	if err == nil {
		err = k.say(ctx, msgCallUpdate, map[string]any{
			"renegotiationType": kind, "sdpDetails": sdpFields("OFFER", offer),
		}, func() {
			k.update, k.local, k.repeats = updateOwnAsk, offer, repeats
		})
	}
	if err != nil {
		k.dropUpdate()
		return err
	}
	limit := k.cloud.opts.ackTimeout()
	over := func() bool { return k.update == updateNone }
	if k.await(ctx, limit, over) {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.updateErr
	}
	k.dropUpdate()
	switch {
	case k.ctx.Err() != nil:
		return ErrEnded
	case ctx.Err() != nil:
		return fmt.Errorf("alexatest: %w", ctx.Err())
	default:
		k.cloud.violate("no CallUpdateResponse within %v", limit)
		return fmt.Errorf("alexatest: no CallUpdateResponse within %v", limit)
	}
}

// dropUpdate gives an own offer up, unless its answer is being taken. The offer has been made before.
func (k *Call) dropUpdate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.update != updateOwn && k.update != updateOwnAsk {
		return
	}
	k.media.rollback()
	k.update, k.updateErr = updateNone, nil
	k.notify()
}

// endUpdate lets the next update begin.
func (k *Call) endUpdate(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.update, k.updateErr = updateNone, err
	k.notify()
}
