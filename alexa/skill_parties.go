package alexa

import (
	"cmp"
	"errors"
	"slices"

	"github.com/alexacall/alexacall/bridge"
)

const defaultContact = "alexacall"

// Participants returns the parties of the call as Alexa names them, the originator first. It belongs to the caller.
func (l *Leg) Participants() []Participant {
	out := slices.Clone(l.participants)
	slices.SortStableFunc(out, func(a, b Participant) int {
		switch {
		case a.Originator == b.Originator:
			return 0
		case a.Originator:
			return -1
		}
		return 1
	})
	return out
}

func (k *Skill) addresses() AddressMap {
	if k.Addresses == nil {
		return (*Addressing)(nil)
	}
	return k.Addresses
}

// parties says in info who calls whom in a call that a device makes.
func (k *Skill) parties(m *Message, info *bridge.Info) error {
	if p, ok := m.Callee(); ok {
		to, err := k.addresses().Party(p.ID)
		if err != nil {
			return err
		}
		info.To = to
	}
	if p, ok := m.Caller(); ok {
		from, err := k.addresses().Party(p.ID)
		if err != nil {
			k.logger().Warn("caller without an address", "session", m.SessionID, "err", err)
			from = bridge.Party{}
		}
		info.From = from
	}
	return nil
}

// invitation says who calls whom in a call to a device, in both worlds.
type invitation struct {
	from, to   bridge.Party
	ids        []Participant
	callerName string // "": not sent
}

// invited makes the invitation that Dial was asked for. The error is an *EndError.
func (k *Skill) invited(to string, from bridge.Party) (*invitation, error) {
	callee, err := k.addresses().Callee(to)
	if err != nil {
		return nil, &bridge.EndError{Cause: causeOfAddress(err), Err: err}
	}
	i := &invitation{from: from, to: bridge.Party{URI: to}}
	contact := cmp.Or(k.Contact, defaultContact)
	caller := ParticipantID{Type: RawAddress, Value: contact}
	if from.URI == "" {
		i.from.URI = contact
	} else if known, err := k.addresses().Caller(from); err == nil {
		caller = known
		if p, err := k.addresses().Party(known); err == nil {
			i.from.Name = cmp.Or(from.Name, p.Name)
		}
	}
	if p, err := k.addresses().Party(callee); err == nil {
		i.to.Name = p.Name
	}
	i.ids = []Participant{{ID: caller, Originator: true}, {ID: callee}}
	if k.SendCallerName {
		i.callerName = callerName(i.from.Name)
	}
	return i, nil
}

// invite completes InitiateInboundCall.
func (i *invitation) invite(m *Message) {
	m.Participants = i.ids
	if i.callerName != "" {
		m.CustomParams = &CustomParams{CallerName: i.callerName}
	}
}

// causeOfAddress returns the cause with which a call ends that leads to nobody.
func causeOfAddress(err error) bridge.Cause {
	if end, ok := errors.AsType[*bridge.EndError](err); ok {
		return end.Cause
	}
	return bridge.NotFound
}
