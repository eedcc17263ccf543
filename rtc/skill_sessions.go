package rtc

import (
	"slices"

	"github.com/alexacall/alexacall/media"
)

// maxDoors is how many doors the Skill remembers the media of. Where there are more, any of them is forgotten.
const maxDoors = 1000

// start lets a session that an offer begins be found by its id, and runs it. It is false once Drain has begun.
func (k *Skill) start(s *session) bool {
	k.mu.Lock()
	draining := k.draining
	if !draining {
		add(k.sessions, s.asked.SessionID, s)
		k.all[s] = struct{}{}
	}
	k.mu.Unlock()
	return !draining && k.launch(s.run)
}

// own notes whose a session is. It is false once Drain has begun.
func (k *Skill) own(s *session, user string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.user = user
	return !k.draining
}

// ring lets a bell be found by its endpoint, and runs it. It is false once Drain has begun.
func (k *Skill) ring(s *session) bool {
	k.mu.Lock()
	draining := k.draining
	if !draining {
		add(k.bells, s.door.ID, s)
		k.all[s] = struct{}{}
	}
	k.mu.Unlock()
	return !draining && k.launch(s.run)
}

// bell takes the bell that was rung last at an endpoint away from those that wait; nil if there is none.
func (k *Skill) bell(endpoint string) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	waiting := k.bells[endpoint]
	if len(waiting) == 0 {
		return nil
	}
	s := waiting[len(waiting)-1]
	remove(k.bells, endpoint, s)
	return s
}

// add adds a session to those of a key.
func add(m map[string][]*session, key string, s *session) { m[key] = append(m[key], s) }

// remove takes a session away from those of a key, if it is there.
func remove(m map[string][]*session, key string, s *session) {
	left := slices.DeleteFunc(m[key], func(have *session) bool { return have == s })
	if m[key] = left; len(left) == 0 {
		delete(m, key)
	}
}

// hear lets a bell be found by the id of the session that answers it.
func (k *Skill) hear(bell, s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	bell.user, bell.endpoint, bell.token = s.user, s.endpoint, s.token
	add(k.sessions, s.asked.SessionID, bell)
}

// unhear takes that back: the bell has gone.
func (k *Skill) unhear(bell, s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	remove(k.sessions, s.asked.SessionID, bell)
}

// appear makes a session that of its endpoint, and returns the one that was it before.
func (k *Skill) appear(s *session) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	standing := k.current[s.door.ID]
	add(k.current, s.door.ID, s)
	if len(standing) == 0 {
		return nil
	}
	return standing[len(standing)-1]
}

// forget lets a session be found no more.
func (k *Skill) forget(s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, s)
	if s.asked != nil {
		remove(k.sessions, s.asked.SessionID, s)
	}
	if s.door == nil {
		return
	}
	remove(k.current, s.door.ID, s)
	remove(k.bells, s.door.ID, s)
}

// session returns the session of an id that is a user's, the one that came last; nil if there is none.
func (k *Skill) session(d *Directive, user string) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range slices.Backward(k.sessions[d.SessionID]) {
		if s.endpoint == d.EndpointID && (s.user == user || s.token == d.Token) {
			return s
		}
	}
	return nil
}

// learn remembers what a door can do, for the next session that is answered before the door has answered.
func (k *Skill) learn(endpoint string, can media.Plan) {
	can = can.Clone()
	for i := range can { // a hold that was under way is none the next time
		switch {
		case can[i].Kind == media.Audio:
			can[i].Dir = media.SendRecv
		case can[i].Dir == media.Inactive:
			can[i].Dir = media.SendOnly
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.doors[endpoint]; !known && len(k.doors) >= maxDoors {
		for other := range k.doors {
			delete(k.doors, other)
			break
		}
	}
	k.doors[endpoint] = can
}

// aloneFor returns what may be answered for a door that has not answered itself, the best first.
func (k *Skill) aloneFor(endpoint string) []media.Plan {
	if k.Alone != nil {
		return []media.Plan{k.Alone}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	plans := []media.Plan{plainDoor(), nil}
	if can, known := k.doors[endpoint]; known {
		plans = append([]media.Plan{can}, plans...)
	}
	return plans
}

// plainDoor is what most doors can do.
func plainDoor() media.Plan {
	return media.Plan{
		{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU(), media.PCMA()}},
		{Kind: media.Video, Dir: media.SendOnly, Codecs: []media.Codec{media.H264("42e01f", 1)}},
	}
}
