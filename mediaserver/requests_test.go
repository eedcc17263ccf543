package mediaserver_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

// TestFaultRequests has requests name what is not theirs: ids of others, replyIds that are stale, forged or of something else.
func TestFaultRequests(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
		a.call()
		s.after(time.Second)
		c, ctx := s.app.last(), s.t.Context()
		other := &mediaserver.Server{Application: s.app, Clock: s.server.Clock, Domain: "other.example", Dialer: s}
		a2, err := other.Place(ctx, &mediaserver.CallOptions{Destination: mediaserver.Destination{Addr: uri("nobody")}})
		s.ok(err)
		forged := c.ReplyID[:len(c.ReplyID)-2] + "AA"
		for _, id := range []string{"", "x", c.SessionID, c.ConnectionID + "1", "../" + c.ConnectionID, strings.Repeat("9", 1000), c.CallerID, a2.ParticipantID} {
			if err := s.server.Split(ctx, id, c.ReplyID); !errors.Is(err, mediaserver.ErrNotFound) && !errors.Is(err, mediaserver.ErrReply) {
				t.Errorf("split of %.40q: %v", id, err)
			}
		}
		for name, reply := range map[string]string{
			"none": "", "forged": forged, "long": strings.Repeat("x", 1000), "of another server": a2.ReplyID, "an id": c.ConnectionID,
		} {
			for what, err := range map[string]error{
				"split":      s.server.Split(ctx, c.ConnectionID, reply),
				"record":     s.server.StartRecording(ctx, c.ConnectionID, reply, "x.wav"),
				"stop":       s.server.StopRecording(ctx, c.ConnectionID, reply),
				"hangup":     s.server.HangupParticipant(ctx, c.CallerID, reply),
				"connect":    s.server.Connect(ctx, c.CallerID, c.CalleeID, reply),
				"conference": second(s.server.CreateConference(ctx, c.SessionID, reply)),
			} {
				if !errors.Is(err, mediaserver.ErrReply) {
					t.Errorf("%s with a replyId that is %s: %v", what, name, err)
				}
			}
		}
		for what, err := range map[string]error{
			"connect with oneself":     s.server.Connect(ctx, c.CallerID, c.CallerID, c.ReplyID),
			"connect from a talk":      s.server.Connect(ctx, c.CallerID, c.CalleeID, c.ReplyID),
			"stop what is not there":   s.server.StopRecording(ctx, c.ConnectionID, c.ReplyID),
			"of another, with his own": other.Split(ctx, c.ConnectionID, c.ReplyID),
		} {
			if !errors.Is(err, mediaserver.ErrState) && !errors.Is(err, mediaserver.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		s.hear("a:b b:a")
		s.ok(s.server.StartRecording(ctx, c.ConnectionID, c.ReplyID, "x.wav"))
		if err := s.server.StartRecording(ctx, c.ConnectionID, c.ReplyID, "y.wav"); !errors.Is(err, mediaserver.ErrState) {
			t.Errorf("a second recording: %v", err)
		}
		s.after(time.Second)
		s.ok(s.server.StopRecording(ctx, c.ConnectionID, c.ReplyID))
		s.after(time.Second)
		if n := s.app.notices[len(s.app.notices)-1]; n.Kind != mediaserver.RecordingReady || n.Filename != "x.wav" {
			t.Errorf("after the recording was stopped: %+v", n)
		}
		s.ok(s.server.HangupParticipant(ctx, c.CalleeID, c.ReplyID))
		s.after(time.Second)
		wantOver(t, b, bridge.Normal)
		if err := s.server.Split(ctx, c.ConnectionID, c.ReplyID); !errors.Is(err, mediaserver.ErrNotFound) {
			t.Errorf("split of a session that has ended: %v", err)
		}
		s.ok(other.Drain(ctx))
	})
}

// TestFaultStartedAnew has a server that has had no session yet be asked with what stood for things before it was started.
func TestFaultStartedAnew(t *testing.T) {
	onStage(t, func(s *stage) {
		before := &mediaserver.Server{Application: s.app, Clock: s.server.Clock, Domain: s.server.Domain, Dialer: s}
		p, err := before.Place(s.t.Context(), &mediaserver.CallOptions{Destination: mediaserver.Destination{Addr: uri("nobody")}})
		s.ok(err)
		s.ok(before.Drain(s.t.Context()))
		ctx := s.t.Context()
		for what, err := range map[string]error{
			"a conference of a replyId alone": second(s.server.CreateConference(ctx, "", p.ReplyID)),
			"a conference of a session":       second(s.server.CreateConference(ctx, p.SessionID, p.ReplyID)),
			"a participant":                   s.server.HangupParticipant(ctx, p.ParticipantID, p.ReplyID),
			"a connection":                    s.server.Split(ctx, p.SessionID+"-c1", p.ReplyID),
		} {
			if !errors.Is(err, mediaserver.ErrNotFound) && !errors.Is(err, mediaserver.ErrReply) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestConnect has a program connect two who are parked, and take one of them to a conference and back.
func TestConnect(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(b.uri), nil }
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.Event == mediaserver.CallerConnectionSplit || e.Event == mediaserver.CalleeConnectionSplit {
				return ivr()
			}
			return drop()
		}
		s.app.command = hold
		a.call()
		s.after(time.Second)
		c := s.app.last()
		s.ok(s.server.Split(s.t.Context(), c.ConnectionID, c.ReplyID))
		if err := s.server.Split(s.t.Context(), c.ConnectionID, c.ReplyID); !errors.Is(err, mediaserver.ErrReply) {
			t.Errorf("split of what was split: %v, want that the replyId is stale", err)
		}
		s.after(time.Second)
		s.hear("a:M b:M")
		s.ok(s.server.Connect(s.t.Context(), c.CalleeID, c.CallerID, s.app.last().ReplyID))
		s.after(time.Second)
		s.hear("a:b b:a")
		if now := s.app.last(); now.CallerID != c.CalleeID || now.CalleeID != c.CallerID {
			t.Errorf("%s calls %s, want the first one to call the other", now.CallerID, now.CalleeID)
		}
		a.hangup()
		s.after(time.Second)
		wantOver(t, b, bridge.Normal)
		if n := len(s.app.events); n != 3 {
			t.Errorf("%d events, want 3: an IVR that somebody is taken from is not asked about", n)
		}
	})
}

// TestHangupOfIVR has a program send an IVR away in the middle of a command, and one that nobody talks to any more.
func TestHangupOfIVR(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
		s.app.command = hold
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			switch {
			case e.User == "":
				time.Sleep(2 * time.Second)
				return drop()
			case strings.HasSuffix(e.ConnectionID, "-c1"):
				return ivr()
			}
			return drop()
		}
		a.call()
		s.hear("a:M")
		first := s.app.last()
		s.ok(s.server.HangupParticipant(s.t.Context(), first.CalleeID, first.ReplyID))
		s.after(time.Second)
		s.hear("a:M")
		second := s.app.last()
		if second.ConnectionID == first.ConnectionID {
			t.Error("a is with the IVR that was sent away")
		}
		if err := s.server.HangupParticipant(s.t.Context(), first.CalleeID, first.ReplyID); !errors.Is(err, mediaserver.ErrNotFound) {
			t.Errorf("an IVR that has left: %v", err)
		}
		s.ok(s.server.Split(s.t.Context(), second.ConnectionID, second.ReplyID))
		s.after(time.Second)
		s.ok(s.server.HangupParticipant(s.t.Context(), second.CalleeID, second.ReplyID))
		s.after(time.Millisecond)
		if !s.app.completed() {
			t.Error("the session goes on with nobody in it")
		}
		s.after(2 * time.Second)
		s.app.want(t, `
			newCall from sip:a@hotel.example
			callAnswered
			getIvrCommand a
			callEvent calledPartyDrop about "a" (normal)
			callAnswered
			getIvrCommand a
			callEvent callerConnectionSplit about "a" (normal)
			callEvent calleeConnectionSplit about "" (normal)
			sessionCompleted`)
	})
}

// TestFull has more sessions than a server takes, and one that drains.
func TestFull(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		s.server.MaxSessions = 1
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
		s.app.command = hold
		a.call()
		s.after(time.Second)
		near, _ := bridge.Pipe(plan)
		err := s.server.Handle(s.t.Context(), near)
		if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != bridge.Overload || !errors.Is(err, mediaserver.ErrFull) {
			t.Errorf("one more: %v", err)
		}
		s.calls.Go(func() { s.after(time.Second); a.hangup() })
		s.ok(s.server.Drain(s.t.Context()))
		if err := s.server.Handle(s.t.Context(), near); !errors.Is(err, bridge.ErrDraining) {
			t.Errorf("after Drain: %v", err)
		}
		if _, err := s.server.Place(s.t.Context(), &mediaserver.CallOptions{Destination: mediaserver.Destination{Addr: b.uri}}); !errors.Is(err, bridge.ErrDraining) {
			t.Errorf("a call after Drain: %v", err)
		}
		_ = near.Hangup(s.t.Context(), bridge.Normal)
	})
}

// TestRoomOfNobody has conferences that were made for no session: the first session has each, and no other, and they are not kept for ever.
func TestRoomOfNobody(t *testing.T) {
	onStage(t, func(s *stage) {
		ctx := s.t.Context()
		room, err := s.server.CreateConference(ctx, "", "")
		s.ok(err)
		a, b, c := s.phone("a", 300), s.phone("b", 500), s.phone("c", 1100)
		s.app.newCall = func(e *mediaserver.NewCall) (*mediaserver.Action, error) {
			if e.From.URI == c.uri {
				return call("sip:nobody@hotel.example"), nil
			}
			return call(b.uri), nil
		}
		s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: room}, nil
		}
		a.call()
		s.after(time.Second)
		talk := s.app.last()
		if err := s.server.StartRecording(ctx, room, talk.ReplyID, "x.wav"); !errors.Is(err, mediaserver.ErrState) {
			t.Errorf("a recording of a conference without a session: %v", err)
		}
		s.ok(s.server.Split(ctx, talk.ConnectionID, talk.ReplyID))
		s.after(time.Second)
		s.hear("a:b b:a")
		for _, n := range s.app.notices {
			if n.Kind == mediaserver.ConferenceJoined && n.ConnectionID != room {
				t.Errorf("joined %q, want %q", n.ConnectionID, room)
			}
		}
		c.call()
		s.after(time.Second)
		wantOver(t, c, bridge.Unreachable)
		a.hangup()
		b.hangup()
		s.after(time.Second)
		for n := range 1000 {
			if _, err := s.server.CreateConference(ctx, "", ""); err != nil {
				t.Fatalf("conference %d: %v", n, err)
			}
		}
		if _, err := s.server.CreateConference(ctx, "", ""); !errors.Is(err, mediaserver.ErrFull) {
			t.Errorf("one more: %v", err)
		}
		s.after(2 * time.Hour)
		_, err = s.server.CreateConference(ctx, "", "")
		s.ok(err)
	})
}
