package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

var errNobody = errors.New("the operator talks to nobody")

// switchboard is the application of the media server. It has one operator, who is in one session at a time.
type switchboard struct {
	server *mediaserver.Server
	domain string // host of the SIP URIs
	desk   string // user name of the operator

	told func(*mediaserver.Notice) // of all that happens; nil: nobody

	mu       sync.Mutex
	session  string            // of the operator
	operator string            // participant; "": a guest has called, and the operator has not answered
	talk     *link             // of the operator with a guest; nil: there is none
	rooms    map[string]string // of the guests who have been parked, by participant
	parked   map[string]*link  // with music, by room
	next     string            // the room that the operator is connected with next
	room     string            // the conference, once there is one
}

// link is a connection, with what is needed to take it apart.
type link struct{ caller, connection, reply string }

// NewCall connects the operator with a room, and a guest with the operator. Whoever calls during a session is refused.
func (b *switchboard) NewCall(_ context.Context, e *mediaserver.NewCall) (*mediaserver.Action, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != "" {
		return &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Busy}, nil
	}
	b.session, b.operator, b.talk, b.next, b.room = e.SessionID, "", nil, "", ""
	b.rooms, b.parked = map[string]string{}, map[string]*link{}
	if e.CallID == "" { // not by SIP, so a guest's Echo: by SIP only the operator can call
		return b.call(b.desk), nil
	}
	b.operator = e.ParticipantID
	return b.call(mediaserver.UserOf(e.To.URI)), nil
}

// Talk has whom the operator talks to parked, and the operator talk to another room: to the guest of it who is parked, or else it is called.
func (b *switchboard) Talk(ctx context.Context, room string) error {
	b.mu.Lock()
	b.next = room
	talk := b.talk
	b.mu.Unlock()
	if talk == nil {
		return errNobody
	}
	return b.server.Split(ctx, talk.connection, talk.reply)
}

// Confer has everybody meet in a conference.
func (b *switchboard) Confer(ctx context.Context) error {
	b.mu.Lock()
	talk, session := b.talk, b.session
	links := slices.Collect(maps.Values(b.parked))
	b.mu.Unlock()
	if talk == nil {
		return errNobody
	}
	room, err := b.server.CreateConference(ctx, session, talk.reply)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.room, b.talk = room, nil
	b.mu.Unlock()
	for _, l := range append(links, talk) {
		err = errors.Join(err, b.server.Split(ctx, l.connection, l.reply))
	}
	return err
}

// CallEvent says where somebody goes whose connection has ended.
func (b *switchboard) CallEvent(ctx context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.parked, func(_ string, l *link) bool { return l.connection == e.ConnectionID })
	split := e.Event == mediaserver.CallerConnectionSplit || e.Event == mediaserver.CalleeConnectionSplit
	switch {
	case e.User == "": // an IVR, of which nobody has need any more
	case split && b.room != "":
		return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: b.room}, nil
	case split && e.ParticipantID == b.operator:
		b.talk = nil
		if b.parked[b.next] != nil {
			return b.retrieve(b.next, e.ReplyID), nil
		}
		return b.call(b.next), nil
	case split:
		b.rooms[e.ParticipantID] = e.User
		return &mediaserver.Action{Kind: mediaserver.IVR}, nil
	case e.ParticipantID == b.operator: // the guest has left, or has not answered: back to who is parked
		b.talk = nil
		for room := range b.parked {
			return b.retrieve(room, e.ReplyID), nil
		}
	default: // the operator has left, or has not answered
		for _, l := range b.parked {
			_ = b.server.HangupParticipant(ctx, l.caller, l.reply) // it may have left too
		}
	}
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

// IVRCommand plays music to who is parked.
func (b *switchboard) IVRCommand(context.Context, *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	return &mediaserver.Command{
		Background: &mediaserver.Background{Phrase: mediaserver.Phrase{Format: mediaserver.PhraseFile, File: music}}, After: time.Hour,
	}, nil
}

// Notify remembers who is connected with whom.
func (b *switchboard) Notify(_ context.Context, n *mediaserver.Notice) {
	b.mu.Lock()
	switch l := (&link{n.CallerID, n.ConnectionID, n.ReplyID}); {
	case n.SessionID != b.session:
	case n.Kind == mediaserver.SessionCompleted:
		b.session = ""
	case n.Kind != mediaserver.Answered:
	case b.operator == "": // whom a guest has called
		b.operator, b.talk = n.CalleeID, l
	case n.CallerID == b.operator || n.CalleeID == b.operator:
		b.talk = l
	default:
		b.parked[b.rooms[n.CallerID]] = l
	}
	b.mu.Unlock()
	if b.told != nil {
		b.told(n)
	}
}

// retrieve connects the operator with a guest who is parked, in answer to the question what the operator does next.
func (b *switchboard) retrieve(room, reply string) *mediaserver.Action {
	guest := b.parked[room].caller
	delete(b.parked, room)
	return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: guest, ReplyID: reply}
}

func (b *switchboard) call(user string) *mediaserver.Action {
	return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: b.uri(user)}}
}

func (b *switchboard) uri(user string) string { return "sip:" + user + "@" + b.domain }
