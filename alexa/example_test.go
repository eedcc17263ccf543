package alexa_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
)

// exampleSkill returns a skill on loopback whose Alexa is simulated. A real one differs in what it is given: its own id and
// credentials, alexa.EndpointEU, and no Roots or DialContext.
func exampleSkill(handler bridge.Bridge) (skill *alexa.Skill, cloud *alexatest.Cloud, stop func()) {
	cloud, err := alexatest.NewCloud(nil)
	check(err)
	tokens, err := lwa.NewSource(lwa.Credentials{
		ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), RefreshToken: cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: cloud.TokenURL()})
	check(err)
	media, err := engine.Listen("127.0.0.1:0", nil)
	check(err)
	skill = &alexa.Skill{
		ID:          cloud.SkillID(),
		Client:      &alexa.Client{Endpoint: cloud.URL(), Tokens: tokens},
		Engine:      media,
		Bridge:      handler,
		Roots:       cloud.Roots(),
		DialContext: dialTo(cloud.ChainAddr()),
	}
	server := httptest.NewServer(skill)
	cloud.SetSkillURL(server.URL)
	return skill, cloud, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		check(skill.Drain(ctx))
		server.Close()
		cloud.Close()
		check(media.Close())
		check(tokens.Close())
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A device calls a contact of the skill. The handler is the called party here; usually it is bridge.To a phone.
func ExampleSkill() {
	up := make(chan error)
	_, cloud, stop := exampleSkill(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		fmt.Println("a call for", in.Info().To.URI)
		err := in.Answer(ctx, nil)
		up <- err
		for info := in.Info(); err == nil; {
			info, err = in.Next(ctx, info.Rev)
		}
		fmt.Println(err)
		return err
	}))
	ctx := context.Background()
	echo, err := cloud.NewEcho("room-101", nil)
	check(err)
	call, err := echo.Call(ctx, "reception")
	check(err)
	check(<-up)
	fmt.Println("the device is", call.State())
	check(call.Hangup(ctx))
	stop()
	// Output:
	// a call for reception
	// the device is connected
	// bridge: ended: normal by the far side
}

// The skill calls a device, which rings and accepts.
func ExampleSkill_Dial() {
	skill, cloud, stop := exampleSkill(nil)
	defer stop()
	ctx := context.Background()
	_, err := cloud.NewEcho("room-101", nil)
	check(err)

	leg, err := skill.Dial(ctx, "room-101", &bridge.DialOptions{From: bridge.Party{Name: "Reception"}})
	check(err)
	info := leg.Info()
	for info.Phase < bridge.Up {
		info, err = leg.Next(ctx, info.Rev)
		check(err)
	}
	fmt.Println(info.To.URI, "is", info.Phase)
	check(leg.Hangup(ctx, bridge.Normal))
	_, err = leg.Next(ctx, leg.Info().Rev)
	fmt.Println(err)
	// Output:
	// room-101 is up
	// bridge: ended: normal
}
