package mediaserver

import (
	"context"
	"errors"
	"io"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// seat has somebody take part in a conference.
func (s *session) seat(d *deed) {
	room := s.rooms[d.link]
	if room == nil {
		var err error
		if room, err = audio.NewMixer(s.server.Clock, nil); err != nil {
			s.log.Error("no mixer", "err", err)
			return
		}
		s.rooms[d.link] = room
	}
	p, in := s.people[d.party], input{kind: inSeatLost, party: d.party, link: d.link}
	s.start(func(ctx context.Context) input {
		speakable(ctx, p.leg)
		member, err := room.Join(p.leg.Media().Stream(media.Audio), nil)
		if err == nil {
			tending, stop := context.WithCancel(ctx)
			tended := make(chan struct{})
			go func() {
				defer close(tended)
				tend(tending, p.leg)
			}()
			err = member.Wait(ctx)
			member.Leave()
			stop()
			<-tended
		}
		if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, media.ErrClosed) {
			return input{} // it has moved on, or its leg is over
		}
		in.err = err
		return in
	}, p)
}

// closeRoom ends a conference.
func (s *session) closeRoom(id linkID) {
	if room := s.rooms[id]; room != nil {
		delete(s.rooms, id)
		_ = room.Close()
	}
}

// ears are what the monitors of a session listen with: a conference in which everybody is heard and nobody but they hears.
type ears struct {
	room *audio.Mixer
	of   map[partyID]*audio.Member
}

// monitor calls somebody who is to listen.
func (s *session) monitor(d *deed) {
	p, id, a := newPerson(nil, UserOf(d.action.Addr)), d.party, d.action
	s.people[id] = p
	if s.ears == nil {
		room, err := audio.NewMixer(s.server.Clock, nil)
		if err != nil {
			s.log.Error("no mixer", "err", err)
			return
		}
		s.ears = &ears{room: room, of: map[partyID]*audio.Member{}}
	}
	room := s.ears.room
	s.start(func(ctx context.Context) input {
		leg, in := s.dial(id, p, true, a, bridge.DialOptions{Plan: ours(), From: s.server.caller(a)})
		if leg == nil || leg.Info().Phase != bridge.Up {
			return in
		}
		speakable(ctx, leg)
		member, err := room.Join(leg.Media().Stream(media.Audio), &audio.MemberOptions{Listen: true})
		if err != nil {
			s.log.Warn("a monitor cannot hear", "err", err)
			end(leg, bridge.Media)
			return input{}
		}
		tend(ctx, leg)
		member.Leave()
		return input{}
	}, p)
}

// keep has the monitors hear exactly those who are up.
func (e *ears) keep(s *session) {
	if e == nil {
		return
	}
	for id, member := range e.of {
		if s.state.party(id) == nil {
			delete(e.of, id)
			member.Leave()
		}
	}
	for i := range s.state.parties {
		p := &s.state.parties[i]
		if p.kind != partyLeg || p.phase != partyUp || e.of[p.id] != nil {
			continue
		}
		if member, err := e.room.Join(ear{s.people[p.id].leg.Media().Stream(media.Audio)}, &audio.MemberOptions{Deaf: true}); err == nil {
			e.of[p.id] = member
		}
	}
}

// close ends what the monitors listen with.
func (e *ears) close() {
	if e != nil {
		_ = e.room.Close()
	}
}

// An ear is the side of a stream that is listened to; what a mixer would send on it goes nowhere.
type ear struct{ media.Stream }

// Codec implements media.Stream: one that costs nothing to make.
func (ear) Codec() media.Codec { return media.PCMU() }

// Write implements media.Stream.
func (ear) Write(*media.Packet) error { return nil }
