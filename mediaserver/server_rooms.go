package mediaserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// Limits of conferences that are made before anybody says for which session (the documents have createconferenceconnection without a body).
const (
	maxRooms  = 1000      // that wait for somebody to join, or are in a session
	roomLasts = time.Hour // without anybody
)

// A room is a conference that was made for no session. It becomes that of the first one from which somebody joins.
type room struct {
	made time.Time

	mu      sync.Mutex // held while it becomes a session's
	session *session   // nil: of none yet
	link    linkID
}

// newRoom makes a conference for whoever comes first.
func (s *Server) newRoom() (string, error) {
	r := &s.running
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return "", fmt.Errorf("mediaserver: conference: %w", ErrState)
	}
	for id, one := range r.rooms {
		if time.Since(one.made) > roomLasts && one.of() == nil {
			delete(r.rooms, id)
		}
	}
	if len(r.rooms) >= maxRooms {
		return "", ErrFull
	}
	if r.rooms == nil {
		r.rooms = map[string]*room{}
	}
	id := idOf(rand.Text(), idLink, linkID(1))
	r.rooms[id] = &room{made: time.Now()}
	return id, nil
}

// of returns the session that a room has become part of; nil: none.
func (r *room) of() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

func (s *Server) room(id string) *room {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	return s.running.rooms[id]
}

// closeRooms forgets the rooms of a session that has ended. It is called with the lock of running.
func (r *running) closeRooms(of *session) {
	for id, one := range r.rooms {
		if one.of() == of {
			delete(r.rooms, id)
		}
	}
}

// enter returns the link of a conference that somebody of the session is to join.
func (s *session) enter(ctx context.Context, id string) (linkID, error) {
	session, n, ok := parseID(id, idLink)
	if ok && session == s.id {
		return linkID(n), nil
	}
	r := s.server.room(id)
	if r == nil {
		return 0, ErrNotFound
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil {
		l, err := s.ask(ctx, input{kind: inConference})
		if err != nil {
			return 0, err
		}
		r.session, r.link = s, l
		s.aliases.Store(l, id)
	}
	if r.session != s {
		return 0, ErrNotFound
	}
	return r.link, nil
}
