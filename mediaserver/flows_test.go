package mediaserver_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

// The flows of iotcomms.md 5, each with who hears whom. The phones sound tones of their own.

func uri(name string) string { return "sip:" + name + "@hotel.example" }

func ivr() (*mediaserver.Action, error) { return &mediaserver.Action{Kind: mediaserver.IVR}, nil }

// TestAutoAttendant is flow 5.1.
func TestAutoAttendant(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.phone("b", 500)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
		s.app.command = func(r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
			greeting := []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "greeting.wav"}}
			if r.Digits == nil {
				return &mediaserver.Command{Phrases: greeting, Digits: &mediaserver.Digits{Max: 1}}, nil
			}
			return &mediaserver.Command{Phrases: greeting, Hangup: true}, nil
		}
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.Event == mediaserver.CalledPartyDrop {
				return call(uri("b")), nil
			}
			return drop()
		}
		a.call()
		s.hear("a:G")
		a.press("2")
		s.after(2 * time.Second)
		s.hear("a:b b:a")
		a.hangup()
		s.after(time.Second)
		s.app.want(t, `
			newCall from sip:a@hotel.example
			callAnswered
			getIvrCommand a
			getIvrCommand a 2
			callEvent calledPartyDrop about "a" (normal)
			ringing b
			callAnswered
			callEvent callingPartyDrop about "b" (normal)
			sessionCompleted`)
	})
}

// TestRecording is flow 5.2.
func TestRecording(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.phone("b", 500)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			c := call(uri("b"))
			c.Record, c.Filename = true, "talk.wav"
			return c, nil
		}
		a.call()
		s.after(time.Second)
		s.hear("a:b b:a")
		s.after(2 * time.Second)
		a.hangup()
		s.after(time.Second)
		s.app.want(t, `
			newCall from sip:a@hotel.example
			ringing b
			callAnswered
			callEvent callingPartyDrop about "b" (normal)
			sessionCompleted
			recordingReady`)
		n := s.app.notices[len(s.app.notices)-1]
		if n.Filename != "talk.wav" || n.Truncated || n.Duration < 3*time.Second || n.Duration > 5*time.Second {
			t.Errorf("recorded %s %v, truncated %t", n.Filename, n.Duration, n.Truncated)
		}
		s.shelf.holds(t, "talk.wav", 300, 500)
	})
}

// TestMonitoring is flow 5.3.
func TestMonitoring(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.phone("b", 500)
		m := s.phone("m", 1300)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			c := call(uri("b"))
			c.Monitor = uri("m")
			return c, nil
		}
		a.call()
		s.after(time.Second)
		s.hear("a:b b:a m:ab")
		m.hangup()
		s.after(time.Second)
		s.hear("a:b b:a")
		a.hangup()
		s.after(time.Second)
		s.app.want(t, `
			newCall from sip:a@hotel.example
			ringing b
			callAnswered
			monitorConnected m
			monitorDisconnected m
			callEvent callingPartyDrop about "b" (normal)
			sessionCompleted`)
	})
}

// hold has an IVR play music for ever.
func hold(*mediaserver.IVRRequest) (*mediaserver.Command, error) {
	return &mediaserver.Command{Background: &mediaserver.Background{
		Phrase: mediaserver.Phrase{Format: mediaserver.PhraseFile, File: "music.wav"}, RepeatPause: 100 * time.Millisecond,
	}, After: time.Hour}, nil
}

// TestAttendedTransfer is flow 5.4: A talks to B, B asks C, and A gets C.
func TestAttendedTransfer(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		b := s.phone("b", 500)
		s.phone("c", 1100)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
		s.app.command = hold
		a.call()
		s.after(time.Second)
		s.hear("a:b b:a")
		first := s.app.last()
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.Event == mediaserver.CallerConnectionSplit {
				return ivr()
			}
			time.Sleep(100 * time.Millisecond) // after A is parked
			return call(uri("c")), nil
		}
		s.ok(s.server.Split(s.t.Context(), first.ConnectionID, first.ReplyID))
		s.after(time.Second)
		s.hear("a:M b:c c:b")
		inquiry := s.app.last()
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.Event == mediaserver.CallerConnectionSplit {
				return drop()
			}
			time.Sleep(100 * time.Millisecond) // after B has left
			return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: first.CallerID, ReplyID: e.ReplyID}, nil
		}
		s.ok(s.server.Split(s.t.Context(), inquiry.ConnectionID, inquiry.ReplyID))
		s.after(time.Second)
		s.hear("a:c c:a")
		if got := b.line().Info().Phase; got != bridge.Over {
			t.Errorf("B is %v", got)
		}
		s.app.event = nil
		s.phones[uri("c")].hangup()
		s.after(time.Second)
		s.app.want(t, `
			newCall from sip:a@hotel.example
			ringing b
			callAnswered
			callEvent callerConnectionSplit about "a" (normal)
			callAnswered
			getIvrCommand a
			callEvent calleeConnectionSplit about "b" (normal)
			ringing c
			callAnswered
			callEvent callerConnectionSplit about "b" (normal)
			callEvent calleeConnectionSplit about "c" (normal)
			callAnswered
			callEvent calledPartyDrop about "a" (normal)
			sessionCompleted`)
	})
}

// TestConference is flow 5.5: A talks to B, parks B, calls C, and all three confer.
func TestConference(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.phone("b", 500)
		c := s.phone("c", 1100)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
		s.app.command = hold
		a.call()
		s.after(time.Second)
		first := s.app.last()
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.Event == mediaserver.CalleeConnectionSplit {
				return ivr()
			}
			time.Sleep(100 * time.Millisecond) // after B is parked
			return call(uri("c")), nil
		}
		s.ok(s.server.Split(s.t.Context(), first.ConnectionID, first.ReplyID))
		s.after(50 * time.Millisecond)
		parked := s.app.last()
		s.after(time.Second)
		s.hear("a:c b:M c:a")
		inquiry := s.app.last()
		room, err := s.server.CreateConference(s.t.Context(), "", "")
		s.ok(err)
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			if e.User == "" {
				return drop()
			}
			return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: room}, nil
		}
		s.ok(s.server.Split(s.t.Context(), inquiry.ConnectionID, inquiry.ReplyID))
		s.after(time.Second)
		s.ok(s.server.Split(s.t.Context(), parked.ConnectionID, parked.ReplyID))
		s.after(time.Second)
		s.hear("a:bc b:ac c:ab")
		c.hangup()
		s.after(time.Second)
		s.hear("a:b b:a")
		s.app.event = nil
		a.hangup()
		s.phones[uri("b")].hangup()
		s.after(time.Second)
		if n := len(s.app.events); n != 6 {
			t.Errorf("%d events, want 6: nobody is asked when a conference is left", n)
		}
	})
}

// TestOutbound is flow 5.6: a device is called, and connected with an alarm centre.
func TestOutbound(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		b := s.phone("b", 500)
		b.rings = 3 * time.Second
		s.app.command = func(*mediaserver.IVRRequest) (*mediaserver.Command, error) {
			return &mediaserver.Command{Call: call(uri("b"))}, nil
		}
		placed, err := s.server.Place(s.t.Context(), &mediaserver.CallOptions{
			Destination: mediaserver.Destination{Addr: uri("a")}, Reference: "alarm 7",
		})
		s.ok(err)
		s.after(400 * time.Millisecond)
		s.hear("a:R")
		s.after(3 * time.Second)
		s.hear("a:b b:a")
		a.hangup()
		s.after(time.Second)
		s.app.want(t, `
			ringing a
			callAnswered
			getIvrCommand a
			ringing b
			callAnswered
			callEvent callingPartyDrop about "b" (normal)
			sessionCompleted`)
		for _, n := range s.app.notices {
			if n.SessionID != placed.SessionID || n.Reference != "alarm 7" {
				t.Errorf("a notice of session %s, reference %q", n.SessionID, n.Reference)
			}
		}
	})
}
