package provision_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/provision"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Room 101 is made callable as "101", and its guest can call "Front Desk". Amazon is simulated; the real one differs in the Endpoint and
// in its Tokens, which are a *lwa.Source.
func Example() {
	amazon, organisation := alexatest.NewProvisioning()
	server := httptest.NewServer(amazon)
	defer server.Close()
	tokens := fixed(amazon.Token(alexatest.ScopeManagement, alexatest.ScopeProvider))
	client := &provision.Client{Endpoint: server.URL, Tokens: tokens}
	const skill = "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc"
	ctx := context.Background()

	// Once for all.
	provider, err := client.CreateProvider(ctx, provision.Provider{
		LogicalID: "hotel", Names: []provision.DisplayName{{Locale: "en-US", Value: "H"}},
	})
	check(err)
	check(client.CreateNetwork(ctx, provider, skill))
	book, err := client.CreateBook(ctx, "hotel")
	check(err)
	desk, err := client.CreateContact(ctx, book, provision.Contact{Name: "Front Desk", ProviderContact: "reception"})
	check(err)

	// For each room. Its devices are in the unit already, by set-up or by PlaceDevice.
	room, err := client.CreateUnit(ctx, organisation, "Room 101")
	check(err)
	check(client.EnableSkill(ctx, skill, room, "live"))
	profile, err := client.CreateProfile(ctx, room, "Room 101")
	check(err)
	check(client.Associate(ctx, provider, provision.Association{ExternalUserID: "101", ProfileID: profile.ID}))
	check(client.AttachBook(ctx, book, room))
	check(client.AllowCalls(ctx, profile.ID, desk))

	fmt.Println("room 101 can be called:", amazon.Callable(room, "101", skill))
	for c, err := range client.Contacts(ctx, book) {
		check(err)
		fmt.Println("it can call:", c.Name, "at", c.ProviderContact)
	}
	// Output:
	// room 101 can be called: true
	// it can call: Front Desk at reception
}
