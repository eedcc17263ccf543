package rtc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/rtc"
)

// doorPhones stand for package sip: every door is answered at once.
type doorPhones struct{ talks chan bridge.Leg }

func (d doorPhones) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	fmt.Println("calling", to)
	door, out := bridge.Pipe(o.Plan)
	d.talks <- door
	return out, door.Answer(ctx, g711())
}

// newHouse returns a skill with one door, whose media are in memory.
func newHouse(phones bridge.Dialer, gateway *rtc.Gateway) *rtc.Skill {
	return &rtc.Skill{
		Endpoints: rtc.Endpoints{{
			ID: "front", FriendlyName: "Front door", Description: "Door phone", Manufacturer: "Example",
			URI: "sip:door@pbx.example.com", Doorbell: true, Users: []string{"ann"},
		}},
		Authorize: func(_ context.Context, token string) (string, error) {
			if token != "the-token-of-ann" {
				return "", errors.New("unknown token")
			}
			return "ann", nil
		},
		Engine:  &calltest.Engine{}, // an *engine.Engine where there are sockets
		Gateway: gateway,
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return bridge.To(phones, in.Info().To.URI, nil).Handle(ctx, in)
		}),
	}
}

// An Echo Show is asked to show the front door, and its user talks to whoever stands there.
func Example() {
	phones := doorPhones{make(chan bridge.Leg, 1)}
	skill := newHouse(phones, nil)

	offer := echoOffer("1")
	directive, _ := offer.AppendJSON(nil)
	answer, err := skill.HandleDirective(context.Background(), directive)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, _ := rtc.ParseEvent(answer)
	fmt.Println(event.Type)
	door := <-phones.talks
	fmt.Println("the door is", door.Info().Phase)

	offer.Type, offer.Offer, offer.MessageID = rtc.SessionDisconnected, "", "2" // "Alexa, stop"
	directive, _ = offer.AppendJSON(nil)
	answer, _ = skill.HandleDirective(context.Background(), directive)
	event, _ = rtc.ParseEvent(answer)
	fmt.Println(event.Type)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = skill.Drain(ctx)
	fmt.Println("the door is", door.Info().Phase)
	// Output:
	// calling sip:door@pbx.example.com
	// Alexa.RTCSessionController.AnswerGeneratedForSession
	// the door is up
	// Alexa.RTCSessionController.SessionDisconnected
	// the door is over
}

// Somebody rings at the front door: all of its users' Echo devices say so, and one of the users answers.
func ExampleSkill_Dial() {
	alexa := &bells{}
	skill := newHouse(nil, &rtc.Gateway{
		HTTPClient: &http.Client{Transport: alexa},
		TokensOf: func(_ context.Context, user string) (rtc.TokenSource, error) {
			return userTokens("token of " + user), nil
		},
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	near, visitor := bridge.Pipe(g711()) // package sip gives near to its Bridge
	ended := make(chan error, 1)
	go func() { ended <- bridge.To(skill, "front", nil).Handle(ctx, near) }()
	waitFor(ctx, visitor, bridge.Alerting)
	fmt.Println("Alexa is told of", alexa.pushed)

	directive, _ := echoOffer("1").AppendJSON(nil)
	answer, err := skill.HandleDirective(ctx, directive)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, _ := rtc.ParseEvent(answer)
	fmt.Println(event.Type)
	waitFor(ctx, visitor, bridge.Up)
	fmt.Println("the visitor talks to the house")

	_ = visitor.Hangup(ctx, bridge.Normal)
	fmt.Println(<-ended)
	_ = skill.Drain(ctx)
	// Output:
	// Alexa is told of [front for token of ann]
	// Alexa.RTCSessionController.AnswerGeneratedForSession
	// the visitor talks to the house
	// <nil>
}

// waitFor waits until a leg is as far as that.
func waitFor(ctx context.Context, l bridge.Leg, phase bridge.Phase) {
	for info, err := l.Info(), error(nil); err == nil && info.Phase < phase; {
		info, err = l.Next(ctx, info.Rev)
	}
}

// echoOffer returns what Alexa sends when a user wants to talk to the front door.
func echoOffer(session string) *rtc.Directive {
	echo, _ := (&calltest.Engine{Addr: "192.0.2.9"}).Open(media.AlexaDoor(), nil)
	defer echo.Close()
	offer, _ := echo.Offer(nil)
	sdp, _ := offer.AppendText(nil)
	return &rtc.Directive{
		Header:     rtc.Header{Type: rtc.InitiateSessionWithOffer, MessageID: "1"},
		EndpointID: "front", Token: "the-token-of-ann", SessionID: session, Offer: string(sdp),
	}
}
