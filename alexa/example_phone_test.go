package alexa_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// exampleGateway is a whole gateway on loopback, with a device "101" on one side and a telephone on the other. Whoever is called on one
// side is called on the other: a contact of the device as a SIP URI of the telephone's host, the user of a SIP URI as a device.
func exampleGateway() (echo *alexatest.Echo, phone *siptest.Phone, gateway string, stop func()) {
	phone, err := siptest.NewPhone(&siptest.PhoneOptions{User: "reception"}) // stands for a PBX
	check(err)
	var skill *alexa.Skill
	var phones *sip.Agent
	through := func(d func() bridge.Dialer) bridge.Bridge {
		return bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return bridge.To(d(), in.Info().To.URI, nil).Handle(ctx, in)
		})
	}
	skill, cloud, stopSkill := exampleSkill(through(func() bridge.Dialer { return phones })) // no device calls before there are phones
	echo, err = cloud.NewEcho("101", nil)
	check(err)
	skill.Addresses = &alexa.Addressing{
		Domain: phone.Addr().String(), // such as "pbx.example.com"
		Known: []alexa.KnownAddress{{
			ID:    alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: echo.ProfileID()},
			Party: bridge.Party{URI: "sip:101@" + phone.Addr().String(), Name: "Room 101"},
		}},
	}
	media, err := engine.Listen("127.0.0.1:0", nil)
	check(err)
	phones, err = sip.Listen("127.0.0.1:0", media, &sip.Options{Bridge: through(func() bridge.Dialer { return skill })})
	check(err)
	return echo, phone, phones.Addr().String(), func() {
		stopSkill()
		check(phones.Close())
		check(media.Close())
		check(phone.Close())
	}
}

// The guest of room 101 says "call Reception": a telephone rings, and shows who calls.
func Example_deviceCallsPhone() {
	echo, phone, _, stop := exampleGateway()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	call, err := echo.Call(ctx, "reception") // the provider contact of the device's address book
	check(err)
	desk, err := phone.NextCall(ctx)
	check(err)
	name, _, _ := strings.Cut(desk.Header("From"), " <")
	fmt.Println("the telephone is called by", name)
	check(call.WaitState(ctx, alexatest.StateConnected))
	check(desk.WaitState(ctx, siptest.Up))
	fmt.Println("they talk")
	check(call.Hangup(ctx))
	check(desk.WaitState(ctx, siptest.Ended))
	status, _, byRemote := desk.Ended()
	fmt.Println("the guest has hung up:", byRemote, status)
	// Output:
	// the telephone is called by "Room 101"
	// they talk
	// the guest has hung up: true 200
}

// A telephone dials sip:101@ the gateway: the devices of room 101 ring.
func Example_phoneCallsDevice() {
	echo, phone, gateway, stop := exampleGateway()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	desk, err := phone.Call(ctx, "sip:101@"+gateway, nil)
	check(err)
	call, err := echo.NextCall(ctx)
	check(err)
	fmt.Println("the device is called by", call.Caller())
	check(desk.WaitState(ctx, siptest.Up))
	check(call.WaitState(ctx, alexatest.StateConnected))
	fmt.Println("they talk")
	check(desk.Hangup(ctx))
	check(call.WaitState(ctx, alexatest.StateEnded))
	code, _ := call.Ended()
	fmt.Println("the telephone has hung up:", code)
	// Output:
	// the device is called by reception
	// they talk
	// the telephone has hung up: SUCCESS
}
