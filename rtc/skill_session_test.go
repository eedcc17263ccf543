package rtc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/rtc"
)

func TestDoorAnswersInTime(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		time.Sleep(time.Second)
		must(t, door.Answer(t.Context(), sound(media.PCMA())))
		want(t, "the door's codec is answered", sounds(echo.wantAnswer(time.Second)), "PCMA")
		echo.says(rtc.SessionConnected)
		time.Sleep(time.Hour) // it may last
		want(t, "the door's call", door.Info().Phase, bridge.Up)
		echo.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
		echo.says(rtc.SessionDisconnected)
		s.wantStats(rtc.SkillStats{Directives: 4, Offers: 1, Answered: 1, Stray: 1})
	})
}

func TestDoorHasEarlyMedia(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		must(t, door.Ring(t.Context(), sound(media.PCMA())))
		want(t, "its codec is answered", sounds(echo.wantAnswer(0)), "PCMA")
		time.Sleep(time.Minute / 2) // nothing else is owed
		must(t, door.Answer(t.Context(), nil))
		synctest.Wait()
		want(t, "the media are expected", s.engine.Only(t).Up(), true)
		must(t, door.Hangup(t.Context(), bridge.Normal))
		synctest.Wait()
		echo.says(rtc.SessionDisconnected)
		s.wantStats(rtc.SkillStats{Directives: 2, Offers: 1, Answered: 1, Stray: 1})
	})
}

func TestDoorAnswersLate(t *testing.T) {
	// Alexa gets her answer after DoorTime, and the door is offered what was agreed when it answers with something else. What the door can do
	// is known the next time.
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		want(t, "we answer alone", sounds(echo.wantAnswer(rtc.DefaultDoorTime)), "PCMU")
		time.Sleep(10 * time.Second)
		go attend(t.Context(), door, g711())
		must(t, door.Answer(t.Context(), sound(media.PCMA())))
		synctest.Wait()
		want(t, "the door is told", sounds(door.Media().Plan()), "PCMU")
		echo.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
		echo = s.asks("front")
		door = s.rings()
		want(t, "we remember", sounds(echo.wantAnswer(rtc.DefaultDoorTime)), "PCMA")
		must(t, door.Hangup(t.Context(), bridge.Busy)) // too late for Alexa to hear of it
		synctest.Wait()
		s.wantStats(rtc.SkillStats{Directives: 3, Offers: 2, Answered: 2, Alone: 2})
	})
}

func TestAlone(t *testing.T) {
	play(t, func(k *rtc.Skill) { k.Alone, k.DoorTime = sound(media.Opus()), time.Second }, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		s.rings()
		want(t, "we answer what the program says", sounds(echo.wantAnswer(time.Second)), "opus")
		echo.says(rtc.SessionDisconnected)
	})
}

func TestNobodyAnswersInTime(t *testing.T) {
	hang := func(ctx context.Context) { <-ctx.Done() }
	for name, change := range map[string]func(*rtc.Skill, *stage){
		"the door": func(*rtc.Skill, *stage) {},
		"Authorize": func(k *rtc.Skill, _ *stage) {
			k.Authorize = func(ctx context.Context, _ string) (string, error) { hang(ctx); return "", ctx.Err() }
		},
		"Directory": func(k *rtc.Skill, _ *stage) { k.Endpoints = slowDirectory{} },
		"Bridge": func(k *rtc.Skill, _ *stage) {
			k.Bridge = bridge.Func(func(_ context.Context, in bridge.Leg) error {
				for info, err := in.Info(), error(nil); err == nil; {
					info, err = in.Next(context.Background(), info.Rev)
				}
				return nil
			})
		},
		"the engine": func(k *rtc.Skill, s *stage) { k.Engine = &slowEngine{Engine: s.engine, open: time.Minute} },
		"its answer": func(k *rtc.Skill, s *stage) {
			k.Engine, k.DoorTime = &slowEngine{Engine: s.engine, answer: time.Minute}, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, nil)
				s.skill.DoorTime = -1
				change(s.skill, s)
				echo := s.asks("front")
				echo.wantFault(rtc.EndpointUnreachable, rtc.AnswerTime)
				want(t, "late", s.skill.Stats().Late, uint64(1))
				select {
				case door := <-s.street.doors:
					calltest.WantEnd(t, door, bridge.NoAnswer, true)
				default:
				}
				echo.says2(t, rtc.SessionDisconnected)
				time.Sleep(2 * time.Minute)
				s.close()
			})
		})
	}
}

// says2 sends a directive whose answer does not matter.
func (e *talk) says2(t *testing.T, typ rtc.MessageType) {
	go func() {
		_, _, _ = e.s.deliver(t.Context(), &rtc.Directive{
			Header: rtc.Header{Type: typ, MessageID: "m"}, EndpointID: e.endpoint, Token: secret, SessionID: e.id,
		})
	}()
}

func TestDoorIsNotThere(t *testing.T) {
	for cause, typ := range map[bridge.Cause]rtc.ErrorType{
		bridge.Busy: rtc.EndpointBusy, bridge.Declined: rtc.EndpointBusy, bridge.Unreachable: rtc.EndpointUnreachable,
		bridge.Media: rtc.InvalidValue, bridge.Internal: rtc.InternalError,
	} {
		t.Run(cause.String(), func(t *testing.T) {
			play(t, nil, func(t *testing.T, s *stage) {
				s.street.err = &bridge.EndError{Cause: cause}
				s.asks("front").wantFault(typ, 0)
			})
			play(t, nil, func(t *testing.T, s *stage) { // it rings first
				echo := s.asks("front")
				door := s.rings()
				time.Sleep(time.Second)
				must(t, door.Hangup(t.Context(), cause))
				echo.wantFault(typ, time.Second)
			})
		})
	}
}

func TestRefuse(t *testing.T) {
	play(t, func(k *rtc.Skill) {
		k.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return in.(*rtc.Leg).Refuse(ctx, &rtc.Fault{Type: rtc.EndpointLowPower, Message: "the battery is empty"})
		})
	}, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		echo.wantFault(rtc.EndpointLowPower, 0)
		want(t, "message", echo.event.Fault.Message, "the battery is empty")
	})
}

// TestRefuseWithoutFault refuses and does not say why: Alexa is answered all the same, and so is who asks the leg.
func TestRefuseWithoutFault(t *testing.T) {
	var ended atomic.Pointer[bridge.EndError]
	play(t, func(k *rtc.Skill) {
		k.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			leg := in.(*rtc.Leg)
			err := leg.Refuse(ctx, nil)
			ended.Store(leg.Ended())
			return err
		})
	}, func(t *testing.T, s *stage) {
		s.asks("front").wantFault(rtc.InternalError, 0)
		s.wantStats(rtc.SkillStats{Directives: 1, Offers: 1, Faults: 1})
		end := ended.Load()
		if f, ok := errors.AsType[*rtc.Fault](error(end)); !ok || f.Type != rtc.InternalError || end.Cause != bridge.Internal {
			t.Errorf("the leg has ended with %v", end)
		}
	})
}

func TestOfferThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		typ    rtc.ErrorType
		change func(*rtc.Directive)
	}{
		"no SDP":                  {rtc.InvalidValue, func(d *rtc.Directive) { d.Offer = "hello" }},
		"no codec of ours":        {rtc.InvalidValue, func(d *rtc.Directive) { d.Offer = onlySpeex }},
		"an unknown token":        {rtc.InvalidAuthorizationCredential, func(d *rtc.Directive) { d.Token = "x" }},
		"an expired token":        {rtc.ExpiredAuthorizationCredential, func(d *rtc.Directive) { d.Token = "expired" }},
		"no such endpoint":        {rtc.NoSuchEndpoint, func(d *rtc.Directive) { d.EndpointID = "cellar" }},
		"somebody else's door":    {rtc.NoSuchEndpoint, func(d *rtc.Directive) { d.EndpointID = "flat" }},
		"not even a session's id": {rtc.InvalidDirective, nil},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(t *testing.T, s *stage) {
				e := s.session("front")
				if c.change != nil {
					c.change(e.offer)
					e.begin(t.Context()).wantFault(c.typ, 0)
					return
				}
				raw, err := s.skill.HandleDirective(t.Context(), []byte(`{"directive":{"header":{"namespace":"Alexa.RTCSessionController",
					"name":"InitiateSessionWithOffer","messageId":"m","payloadVersion":"3"},"endpoint":{"endpointId":"front"},"payload":{}}}`))
				must(t, err)
				got, err := rtc.ParseEvent(raw)
				must(t, err)
				want(t, "error", got.Fault.Type, c.typ)
			})
		})
	}
}

const onlySpeex = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 1 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97 speex/8000\r\n" +
	"a=rtcp-mux\r\na=setup:actpass\r\na=mid:0\r\na=ice-ufrag:gxfV\r\na=ice-pwd:KepKrlQ1+LD+RGTAFaqVck\r\na=fingerprint:sha-256 " +
	"34:D4:54:17:0C:95:2A:79:FF:72:10:21:E9:6E:F3:77:86:2F:8D:6C:33:45:BA:14:1D:43:01:D7:CD:0A:1A:84\r\n"

func TestRepeatedOffer(t *testing.T) {
	// While it is being answered, afterwards, and when the session is over: always the same, and one door rings.
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		again := &talk{s: s, id: echo.id, endpoint: "front", offer: echo.offer}
		again.begin(t.Context())
		door := s.rings()
		must(t, door.Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		<-again.done
		must(t, again.err)
		want(t, "the answer at the same time", string(again.raw), string(echo.raw))
		echo.says(rtc.SessionDisconnected)
		_, raw, err := s.deliver(t.Context(), echo.offer)
		must(t, err)
		want(t, "the answer later", string(raw), string(echo.raw))
		d := *echo.offer
		d.MessageID, d.CorrelationToken = "another", "another-correlation"
		got, _, err := s.deliver(t.Context(), &d)
		must(t, err)
		want(t, "the answer to another directive", got.Answer, echo.event.Answer)
		want(t, "its token", got.CorrelationToken, "another-correlation")
		if got.MessageID == echo.event.MessageID {
			t.Error("two answers have one id")
		}
		want(t, "doors that ring", len(s.street.doors), 0)
		s.wantStats(rtc.SkillStats{Directives: 5, Offers: 1, Answered: 1, Repeated: 3})
	})
}

func TestRequestEndsBeforeTheAnswer(t *testing.T) {
	gone := errors.New("the connection is gone")
	for name, back := range map[string]bool{"and comes back": true, "for good": false} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(t *testing.T, s *stage) {
				ctx, cancel := context.WithCancelCause(t.Context())
				echo := s.session("front")
				echo.begin(ctx)
				door := s.rings()
				cancel(gone)
				<-echo.done
				if !errors.Is(echo.err, gone) {
					t.Errorf("got %v, want %v", echo.err, gone)
				}
				must(t, door.Answer(t.Context(), g711()))
				if back {
					time.Sleep(time.Second)
					echo.begin(t.Context()).wantAnswer(0)
					time.Sleep(time.Minute)
					want(t, "the call stands", door.Info().Phase, bridge.Up)
					echo.says(rtc.SessionDisconnected)
					return
				}
				calltest.WantEnd(t, door, bridge.Cancelled, true)
				s.took(rtc.AnswerLimit)
			})
		})
	}
}

func TestAlexaLeavesBeforeTheAnswer(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		time.Sleep(time.Second)
		echo.says(rtc.SessionDisconnected)
		echo.wantFault(rtc.EndpointUnreachable, time.Second)
		calltest.WantEnd(t, door, bridge.Cancelled, true)
	})
}

func TestMediaEnd(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		must(t, door.Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		s.engine.Only(t).Options.Failed(errors.New("no path"))
		calltest.WantEnd(t, door, bridge.Media, true)
		echo.says(rtc.SessionDisconnected)
	})
}

func TestOthersCannotEndIt(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo := s.asks("front")
		door := s.rings()
		must(t, door.Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		_, _, err := s.deliver(t.Context(), &rtc.Directive{
			Header: rtc.Header{Type: rtc.SessionDisconnected, MessageID: "m"}, EndpointID: "back", Token: secret, SessionID: echo.id,
		})
		must(t, err)
		_, _, err = s.deliver(t.Context(), &rtc.Directive{
			Header: rtc.Header{Type: rtc.SessionDisconnected, MessageID: "m"}, EndpointID: "front", Token: "eve's", SessionID: echo.id,
		})
		must(t, err)
		synctest.Wait()
		want(t, "the call stands", door.Info().Phase, bridge.Up)
		echo.says(rtc.SessionDisconnected)
	})
}

func TestHalfDuplex(t *testing.T) {
	legs := make(chan *rtc.Leg, 1)
	play(t, func(k *rtc.Skill) {
		old := k.Bridge
		k.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			legs <- in.(*rtc.Leg)
			return old.Handle(ctx, in)
		})
	}, func(t *testing.T, s *stage) {
		echo := s.asks("back")
		door, leg := s.rings(), <-legs
		must(t, door.Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		want(t, "ids", leg.EndpointID()+" "+leg.SessionID(), "back "+echo.id)
		heard := func(why string, device, visitor bool) {
			t.Helper()
			must(t, leg.Talk(device))
			term, codec := s.engine.Only(t), media.PCMU()
			there := term.Peer.Stream(media.Audio).Reader()
			here := leg.Media().Stream(media.Audio).Reader()
			term.Hear()
			_ = leg.Media().Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: make([]byte, 160)})
			want(t, why+": the user", reads(here), device)
			want(t, why+": the visitor", reads(there), visitor)
		}
		heard("push to talk", true, false)
		heard("released", false, true)
		want(t, "an Update that changes nothing", leg.Update(t.Context(), sound(media.PCMU())), nil)
		if err := leg.Update(t.Context(), sound(media.Opus())); !errors.Is(err, rtc.ErrFixed) {
			t.Errorf("an Update: %v", err)
		}
		echo.says(rtc.SessionDisconnected)
		full := s.asks("front")
		s.rings()
		if err := (<-legs).Talk(true); !errors.Is(err, rtc.ErrFullDuplex) {
			t.Errorf("Talk at a full-duplex door: %v", err)
		}
		full.wantAnswer(rtc.DefaultDoorTime)
		full.says(rtc.SessionDisconnected)
	})
}

// reads reports whether a packet has come, and closes the reader.
func reads(r *media.Reader) bool {
	got := make(chan bool, 1)
	go func() {
		var p media.Packet
		err := r.Read(make([]byte, 1500), &p)
		for errors.Is(err, media.ErrChanged) {
			err = r.Read(make([]byte, 1500), &p)
		}
		got <- err == nil
	}()
	synctest.Wait()
	_ = r.Close()
	return <-got
}

// slowDirectory is a Directory that never finds anything, though it heeds its context.
type slowDirectory struct{}

func (slowDirectory) List(ctx context.Context, _ string) ([]rtc.Endpoint, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (slowDirectory) Find(ctx context.Context, _ string) (rtc.Endpoint, error) {
	<-ctx.Done()
	return rtc.Endpoint{}, ctx.Err()
}

// slowEngine is an engine that takes its time, as with a TURN server that does not answer.
type slowEngine struct {
	*calltest.Engine
	open, answer time.Duration
}

func (e *slowEngine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	time.Sleep(e.open)
	term, err := e.Engine.Open(p, o)
	return &slowTerminal{term, e.answer}, err
}

type slowTerminal struct {
	media.Terminal
	answer time.Duration
}

func (t *slowTerminal) Answer(offer media.Description, plan media.Plan) (media.Description, error) {
	time.Sleep(t.answer)
	return t.Terminal.Answer(offer, plan)
}
