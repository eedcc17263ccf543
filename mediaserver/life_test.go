package mediaserver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/mediaserver"
)

// TestFaultHangup has the caller hang up in whatever a session may be: one event, where somebody is left to be asked about, and one end.
func TestFaultHangup(t *testing.T) {
	greeting := []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "greeting.wav"}}
	for name, c := range map[string]struct {
		command mediaserver.Command // nothing: the caller is connected with b
		events  int
	}{
		"prompt":      {mediaserver.Command{Phrases: greeting}, 1},
		"record":      {mediaserver.Command{Record: &mediaserver.Record{File: "words.wav"}}, 1},
		"gather":      {mediaserver.Command{Digits: &mediaserver.Digits{Max: 4}}, 1},
		"echo":        {mediaserver.Command{Echo: &mediaserver.Echo{}}, 1},
		"waiting":     {mediaserver.Command{After: time.Hour}, 1},
		"ringing":     {mediaserver.Command{Call: call(uri("c"))}, 0},
		"connection":  {mediaserver.Command{Call: call(uri("b"))}, 1},
		"leaving IVR": {mediaserver.Command{Hangup: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				a := s.phone("a", 300)
				s.phone("b", 500)
				s.phone("c", 1100).answers = false
				s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
				s.app.command = func(*mediaserver.IVRRequest) (*mediaserver.Command, error) { return &c.command, nil }
				s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
					if e.Event == mediaserver.CalledPartyDrop {
						time.Sleep(2 * time.Second) // the caller hangs up meanwhile
						return ivr()
					}
					return drop()
				}
				a.call()
				s.after(700 * time.Millisecond)
				a.hangup()
				s.after(5 * time.Second)
				if len(s.app.events) != c.events || !s.app.completed() {
					t.Errorf("%d events, want %d:\n%v", len(s.app.events), c.events, s.app.lines)
				}
			})
		})
	}
}

// TestFaultNoDecision has an application decide nothing: a call that comes in is refused, and who is there is hung up.
func TestFaultNoDecision(t *testing.T) {
	never := func() (*mediaserver.Action, error) { time.Sleep(time.Hour); return ivr() }
	for name, decide := range map[string]func() (*mediaserver.Action, error){
		"error": func() (*mediaserver.Action, error) { return nil, errors.New("down") },
		"nil":   func() (*mediaserver.Action, error) { return nil, nil },
		"panic": func() (*mediaserver.Action, error) { panic("oh") },
		"never": never,
		"connect with nobody": func() (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: "x-p1"}, nil
		},
		"no action": func() (*mediaserver.Action, error) { return &mediaserver.Action{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				a, b := s.phone("a", 300), s.phone("b", 500)
				s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return decide() }
				a.call()
				s.after(16 * time.Second)
				wantOver(t, a, bridge.Unreachable)
				s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
				s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) { return decide() }
				a.call()
				s.after(2 * time.Second)
				b.hangup()
				s.after(16 * time.Second)
				wantOver(t, a, bridge.Unreachable)
				time.Sleep(2 * time.Hour) // an application that sleeps is none of ours
			})
		})
	}
}

// wantOver checks how a phone's call has ended.
func wantOver(t *testing.T, p *phone, why bridge.Cause) {
	t.Helper()
	_, err := p.line().Next(context.Background(), p.line().Info().Rev)
	if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != why || !end.Remote {
		t.Errorf("%s: %v, want %v", p.uri, err, why)
	}
}

// TestFaultOverload has an application that is there and cannot decide. Whose call has not been answered is refused for that.
func TestFaultOverload(t *testing.T) {
	overload := fmt.Errorf("reception: %w", mediaserver.ErrOverload)
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return nil, overload }
		a.call()
		s.after(time.Second)
		wantOver(t, a, bridge.Overload)

		s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) { return nil, overload }
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			c := call(uri("b"))
			c.DelayAnswer = true
			return c, nil
		}
		b.refuses = bridge.Busy
		a.call()
		s.after(time.Second)
		wantOver(t, a, bridge.Overload)

		b.refuses = bridge.Normal
		a.call()
		s.after(2 * time.Second)
		b.hangup()
		s.after(time.Second)
		wantOver(t, a, bridge.Unreachable)
	})
}

// TestFaultLoop has an application that never comes to an end.
func TestFaultLoop(t *testing.T) {
	t.Run("events", func(t *testing.T) {
		onStage(t, func(s *stage) {
			a := s.phone("a", 300)
			s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("nobody")), nil }
			s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) { return call(uri("nobody")), nil }
			a.call()
			s.after(time.Second)
			if n := len(s.app.events); n < 5 || n > 10 {
				t.Errorf("%d events in a row, want at most 10", n)
			}
			wantOver(t, a, bridge.Overload)
		})
	})
	t.Run("slow events", func(t *testing.T) {
		onStage(t, func(s *stage) {
			a := s.phone("a", 0)
			s.phone("nobody", 0).answers = false
			s.server.RingFor = time.Second
			s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("nobody")), nil }
			s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) {
				c := call(uri("nobody"))
				c.MaxRing = 110 * time.Millisecond
				return c, nil
			}
			a.call()
			s.after(5 * time.Minute)
			if n := len(s.app.events); n > 1000 || n < 900 {
				t.Errorf("%d events, want at most 1000", n)
			}
			wantOver(t, a, bridge.Overload)
		})
	})
	t.Run("commands", func(t *testing.T) {
		onStage(t, func(s *stage) {
			a := s.phone("a", 300)
			s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
			s.app.command = func(*mediaserver.IVRRequest) (*mediaserver.Command, error) {
				return &mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "missing"}}}, nil
			}
			a.call()
			s.after(time.Minute)
			wantOver(t, a, bridge.Internal)
		})
	})
}

// TestFaultTransferTarget has the target of a supervised transfer never answer: who asked decides, and the caller, who is parked, is got back.
func TestFaultTransferTarget(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.phone("b", 500)
		s.phone("c", 1100).answers = false
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
		s.app.command = hold
		a.call()
		s.after(time.Second)
		first := s.app.last()
		s.app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
			switch e.Event {
			case mediaserver.CallerConnectionSplit:
				return ivr()
			case mediaserver.CalleeConnectionSplit:
				c := call(uri("c"))
				c.MaxRing = 5 * time.Second
				return c, nil
			case mediaserver.CalledPartyDrop:
				if e.Reason != bridge.NoAnswer {
					t.Errorf("reason %v, want no answer", e.Reason)
				}
				return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: first.CallerID, ReplyID: e.ReplyID}, nil
			case mediaserver.CallingPartyDrop:
			}
			return drop()
		}
		s.ok(s.server.Split(s.t.Context(), first.ConnectionID, first.ReplyID))
		s.after(100 * time.Millisecond)
		s.hear("a:M b:R")
		s.after(6 * time.Second)
		s.hear("a:b b:a")
		a.hangup()
		s.after(time.Second)
	})
}

// TestDelayedAnswer has a caller whose call is answered when the called party's is, and refused as that one's is.
func TestDelayedAnswer(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		b.rings = time.Second
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			c := call(uri("b"))
			c.DelayAnswer = true
			return c, nil
		}
		a.call()
		s.after(500 * time.Millisecond)
		if got := a.line().Info().Phase; got != bridge.Alerting {
			t.Errorf("while the other rings, the caller is %v", got)
		}
		s.after(time.Second)
		s.hear("a:b b:a")
		a.hangup()
		s.after(time.Second)
		b.refuses = bridge.Busy
		a.call()
		s.after(time.Second)
		wantOver(t, a, bridge.Busy)
	})
}

// TestHold has a phone hold and resume while an IVR talks to it, and while it is with nobody.
func TestHold(t *testing.T) {
	onStage(t, func(s *stage) {
		a := s.phone("a", 300)
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
		s.app.command = func(r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
			c, err := hold(r)
			c.After, c.Hangup = 0, true
			c.Digits = &mediaserver.Digits{Max: 1}
			return c, err
		}
		s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) {
			time.Sleep(10 * time.Second)
			return drop()
		}
		a.call()
		s.hear("a:M")
		held := plan.Clone()
		held[0].Dir = media.Inactive
		s.ok(a.line().Update(s.t.Context(), held))
		if m, _ := a.line().Media().Plan().Find(media.Audio); m.Dir != media.Inactive {
			t.Errorf("held, the sound is %v", m.Dir)
		}
		s.ok(a.line().Update(s.t.Context(), plan))
		s.hear("a:M")
		a.press("1")
		s.after(time.Second)
		s.ok(a.line().Update(s.t.Context(), held))
		s.ok(a.line().Update(s.t.Context(), plan))
		s.after(10 * time.Second)
		wantOver(t, a, bridge.Normal)
	})
}

// TestFaultConference has a conference's members leave in any order, the one who made it first.
func TestFaultConference(t *testing.T) {
	onStage(t, func(s *stage) {
		room := ""
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return call(uri("b")), nil }
		s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: room}, nil
		}
		a, b := s.phone("a", 300), s.phone("b", 500)
		a.call()
		s.after(time.Second)
		talk := s.app.last()
		var err error
		room, err = s.server.CreateConference(s.t.Context(), talk.SessionID, talk.ReplyID)
		s.ok(err)
		if err := s.server.StartRecording(s.t.Context(), room, talk.ReplyID, "room.wav"); !errors.Is(err, mediaserver.ErrState) {
			t.Errorf("a recording of a conference that nobody is in: %v", err)
		}
		s.ok(s.server.Split(s.t.Context(), talk.ConnectionID, talk.ReplyID))
		s.after(time.Second)
		s.hear("a:b b:a")
		s.ok(s.server.StartRecording(s.t.Context(), room, talk.ReplyID, "room.wav"))
		if err := s.server.Split(s.t.Context(), room, talk.ReplyID); !errors.Is(err, mediaserver.ErrState) {
			t.Errorf("split of a conference: %v", err)
		}
		s.after(3 * time.Second)
		a.hangup()
		s.after(time.Second)
		s.hear("")
		if s.app.completed() {
			t.Error("the session has ended with somebody in its conference")
		}
		b.hangup()
		s.after(time.Second)
		if n := len(s.app.events); n != 2 || !s.app.completed() {
			t.Errorf("%d events, want those of the split", n)
		}
		s.shelf.holds(t, "room.wav", 300, 500)
	})
}
