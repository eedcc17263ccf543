package alexa

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// Dial calls the devices of a unit: InitiateInboundCall. to is the external user id of an account association ("7201"), a
// communication profile id ("amzn1.alexa.communications.profile.…"), a telephone number ("tel:+12065550100"), or a SIP URI with one of
// them as its user; Addresses decides. All devices of the unit ring. An empty o.Plan is taken as nil, for a device cannot be asked to make the offer.
func (k *Skill) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	k.init()
	if o == nil {
		o = &bridge.DialOptions{}
	}
	s, err := k.place(to, o)
	if err != nil {
		return nil, err
	}
	err = s.leg.wait(ctx, func(i bridge.Info) bool { return i.Phase >= bridge.Alerting })
	if err == nil {
		return s.leg, nil
	}
	if _, ended := errors.AsType[*bridge.EndError](err); ended && s.leg.Ended() != nil {
		return nil, err
	}
	s.send(event{kind: evEnd, cause: bridge.Cancelled})
	return nil, &bridge.EndError{Cause: bridge.Cancelled, Err: err}
}

// place starts the session of a call to a device.
func (k *Skill) place(to string, o *bridge.DialOptions) (*session, error) {
	if k.lacks != nil {
		return nil, &bridge.EndError{Cause: bridge.Internal, Err: k.lacks}
	}
	parties, err := k.invited(to, o.From)
	if err != nil {
		return nil, err
	}
	id := rand.Text()
	s, err := k.prepare(id, bridge.Info{ID: id, From: parties.from, To: parties.to, Attr: o.Attr, Placed: time.Now()}, true)
	if err != nil {
		return nil, &bridge.EndError{Cause: bridge.Overload, Err: err}
	}
	s.leg.participants, s.invite = parties.ids, parties.invite
	if len(o.Plan) > 0 {
		s.leg.want = o.Plan
	}
	offer, err := s.leg.terminal.Offer(s.leg.want)
	if err != nil {
		_ = s.leg.terminal.Close()
		return nil, &bridge.EndError{Cause: bridge.Media, Err: err}
	}
	s.leg.kinds = offer.Plan()
	if err := k.start(s, state{called: true}); err != nil {
		_ = s.leg.terminal.Close()
		return nil, &bridge.EndError{Cause: bridge.Overload, Err: err}
	}
	s.send(event{kind: evPlace, sdp: s.put(offer, "")})
	return s, nil
}

// receive starts the session of a call that a device makes, and hands it to the Bridge.
func (k *Skill) receive(m *Message, from Origin) {
	if k.session(m.SessionID) != nil {
		k.stats.repeated.Add(1) // the same call again
		return
	}
	info := bridge.Info{ID: m.SessionID, Placed: time.Now(), Pending: true}
	if err := k.parties(m, &info); err != nil {
		k.refuse(m.SessionID, from, causeOfAddress(err), err)
		return
	}
	var offer media.Description
	bad := errNoOffer
	if m.SDP != nil {
		offer, bad = media.ParseDescription([]byte(m.SDP.Value))
	}
	if bad != nil {
		k.stats.malformed.Add(1)
		k.refuse(m.SessionID, from, bridge.Media, bad)
		return
	}
	info.Far = k.policy.Read(offer)
	s, err := k.prepare(m.SessionID, info, false)
	if err != nil {
		k.refuse(m.SessionID, from, bridge.Overload, err)
		return
	}
	s.leg.kinds = info.Far
	s.origin, s.leg.offered, s.leg.participants = from, description{sdp: offer}, m.Participants
	switch err := k.start(s, state{taken: true}); {
	case errors.Is(err, errExists):
		k.stats.repeated.Add(1)
		_ = s.leg.terminal.Close()
		return
	case err != nil:
		_ = s.leg.terminal.Close()
		k.refuse(m.SessionID, from, bridge.Overload, err)
		return
	}
	s.log.Info("call from a device")
	if err := k.intake.Receive(s.leg); err != nil {
		s.send(event{kind: evEnd, cause: bridge.Overload})
	}
}

var errNoOffer = errors.New("alexa: message without an offer")

// refuse ends a call that cannot be taken.
func (k *Skill) refuse(id string, from Origin, cause bridge.Cause, why error) {
	k.logger().Warn("call refused", "session", id, "cause", cause.String(), "err", why)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin(func() {
		k.opened(id, from)
		if k.sayOver(k.life, id, from, CallResult{Code: resultOf(cause), Message: cause.String()}) != nil {
			k.untold()
		}
	})
}
