package provision_test

import (
	"context"
	"fmt"

	"github.com/alexacall/alexacall/alexa/provision"
)

const (
	unitID     = "amzn1.alexa.unit.did.U"
	profileID  = "amzn1.alexa.communications.profile.did.P"
	providerID = "amzn1.comms.csp.id.c0e1cd84-a846-11ed-afa1-0242ac120002"
	skillID    = "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc"
)

// A callCase is one call, the request that Amazon documents for it, and an answer.
type callCase struct {
	name    string
	request string // method, path and query, body
	scope   string // of the token
	answer  string
	call    func(context.Context, *provision.Client) (any, error)
	want    any // what it returns
}

const none = "" // of calls that return an error alone

func nothing(err error) (any, error) { return none, err }

// callCases has every call.
func callCases() []callCase {
	names := []provision.DisplayName{{Locale: "en-US", Value: "Acme"}}
	account := provision.Association{ExternalUserID: "7201", ProfileID: profileID}
	reception := provision.Contact{ID: "c/1", Name: "Reception", ProviderContact: "reception"}
	const providers, books = "/v1/communications/serviceProviders", "/v1/addressBooks"
	type ctx = context.Context
	type client = *provision.Client
	return []callCase{
		{
			"create a unit", `POST /v2/units {"name":{"type":"PLAIN","value":{"text":"Room 101"}},"parentId":"` + unitID + `"}`, "management",
			`{"id":"amzn1.alexa.unit.did.new"}`,
			func(x ctx, c client) (any, error) { return c.CreateUnit(x, unitID, "Room 101") }, "amzn1.alexa.unit.did.new",
		},
		{
			"list units", `GET /v2/units?expand=all&maxResults=100&parentId=` + unitID + `&queryDepth=all`, "management",
			`{"results":[{"id":"u1","name":{"type":"PLAIN","value":{"text":"Room 101"}}}]}`,
			func(x ctx, c client) (any, error) { return firstOf(c.Units(x, unitID)) },
			provision.Unit{ID: "u1", Name: "Room 101"},
		},
		{
			"place a device", `PUT /v2/endpoints/amzn1.alexa.endpoint.did.E/associatedUnits [{"id":"` + unitID + `"}]`, "management", ``,
			func(x ctx, c client) (any, error) {
				return nothing(c.PlaceDevice(x, "amzn1.alexa.endpoint.did.E", unitID))
			}, none,
		},
		{
			"enable a skill", `POST /v1/skills/` + skillID + `/enablements {"stage":"live","unitId":"` + unitID + `"}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.EnableSkill(x, skillID, unitID, "")) }, none,
		},
		{
			"enable a skill in development", `POST /v1/skills/` + skillID + `/enablements {"stage":"development","unitId":"` + unitID + `"}`, "management", ``,
			func(x ctx, c client) (any, error) {
				return nothing(c.EnableSkill(x, skillID, unitID, "development"))
			}, none,
		},
		{
			"get a skill's enablement", `GET /v1/skills/` + skillID + `/enablements?unitId=` + unitID, "management", `{}`,
			func(x ctx, c client) (any, error) { return c.SkillEnabled(x, skillID, unitID) }, true,
		},

		{
			"create a profile", `POST /v1/communications/profile {"entity":{"id":"` + unitID + `","type":"UNIT"},"name":"Room 101"}`, "management",
			`{"profileId":{"profileId":"` + profileID + `"}}`,
			func(x ctx, c client) (any, error) { return c.CreateProfile(x, unitID, "Room 101") },
			provision.Profile{ID: profileID},
		},
		{
			"get the profile of a unit", `GET /v1/communications/profile?entity.id=` + unitID + `&entity.type=UNIT`, "management",
			`{"entity":{"type":"UNIT","id":"` + unitID + `"},"profileId":{"profileId":"` + profileID + `"}}`,
			func(x ctx, c client) (any, error) { return c.ProfileOf(x, unitID) },
			provision.Profile{ID: profileID, UnitID: unitID},
		},
		{
			"get a profile", `GET /v1/communications/profile/` + profileID, "management", `{"profileId":"` + profileID + `","name":"Guest"}`,
			func(x ctx, c client) (any, error) { return c.Profile(x, profileID) },
			provision.Profile{ID: profileID, Name: "Guest"},
		},
		{
			"rename a profile", `PUT /v1/communications/profile/` + profileID + ` {"name":"Suite <1> & 2"}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.RenameProfile(x, profileID, "Suite <1> & 2")) }, none,
		},
		{
			"delete a profile", `DELETE /v1/communications/profile/` + profileID, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DeleteProfile(x, profileID)) }, none,
		},
		{
			"allow calls", `POST /v1/communications/profile/` + profileID + `/reciprocalAssociations {"contact":{"id":"c1"}}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.AllowCalls(x, profileID, "c1")) }, none,
		},
		{
			"forbid calls", `DELETE /v1/communications/profile/` + profileID + `/reciprocalAssociations?contactId=c1`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.ForbidCalls(x, profileID, "c1")) }, none,
		},

		{
			"create a service provider", `POST ` + providers + ` {"serviceProviderLogicalId":"acme","displayName":[{"locale":"en-US","value":"Acme"}]}`, "provider",
			`{"serviceProviderId":"` + providerID + `"}`,
			func(x ctx, c client) (any, error) {
				return c.CreateProvider(x, provision.Provider{ID: "not sent", LogicalID: "acme", Names: names})
			}, providerID,
		},
		{
			"get a service provider", `GET ` + providers + `/` + providerID, "provider",
			`{"serviceProviderId":"` + providerID + `","serviceProviderLogicalId":"acme"}`,
			func(x ctx, c client) (any, error) {
				p, err := c.Provider(x, providerID)
				return p.ID + " " + p.LogicalID, err
			}, providerID + " acme",
		},
		{
			"rename a service provider", `PUT ` + providers + `/` + providerID + ` {"displayName":[{"locale":"en-US","value":"Acme"}]}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.RenameProvider(x, providerID, names)) }, none,
		},
		{
			"delete a service provider", `DELETE ` + providers + `/` + providerID, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DeleteProvider(x, providerID)) }, none,
		},
		{
			"create a network mapping",
			`POST ` + providers + `/` + providerID + `/network {"networkType":"SKILL","skillConfiguration":{"skillId":"` + skillID + `"}}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.CreateNetwork(x, providerID, skillID)) }, none,
		},
		{
			"update a network mapping",
			`PUT ` + providers + `/` + providerID + `/network {"networkType":"SKILL","skillConfiguration":{"skillId":"` + skillID + `"}}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.UpdateNetwork(x, providerID, skillID)) }, none,
		},
		{
			"get a network mapping", `GET ` + providers + `/` + providerID + `/network`, "provider",
			`{"networkType":"SKILL","skillConfiguration":{"skillId":"` + skillID + `"}}`,
			func(x ctx, c client) (any, error) { return c.Network(x, providerID) }, skillID,
		},
		{
			"delete a network mapping", `DELETE ` + providers + `/` + providerID + `/network`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DeleteNetwork(x, providerID)) }, none,
		},
		{
			"associate an account", `POST ` + providers + `/` + providerID +
				`/externalUsers {"externalUserId":"7201","amazonId":"` + profileID + `","amazonIdType":"communication-profile"}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.Associate(x, providerID, account)) }, none,
		},
		{
			"reassociate an account", `PUT ` + providers + `/` + providerID +
				`/externalUsers {"externalUserId":"7201","amazonId":"` + profileID + `","amazonIdType":"communication-profile"}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.Reassociate(x, providerID, account)) }, none,
		},
		{
			"dissociate an account", `DELETE ` + providers + `/` + providerID + `/externalUsers {"externalUserId":"7201"}`, "provider", ``,
			func(x ctx, c client) (any, error) { return nothing(c.Dissociate(x, providerID, "7201")) }, none,
		},
		{
			"query account associations", `POST ` + providers + `/` + providerID + `/externalUsers/query {"filters":{"externalUserIds":["7201"]}}`, "provider",
			`{"results":[{"externalUserId":"7201","amazonId":"` + profileID + `","amazonIdType":"communication-profile"}]}`,
			func(x ctx, c client) (any, error) { return firstOf(c.Associations(x, providerID, "7201")) }, account,
		},

		{
			"create an address book", `POST ` + books + ` {"name":"staff"}`, "management", `{"addressBookId":"b1"}`,
			func(x ctx, c client) (any, error) { return c.CreateBook(x, "staff") }, "b1",
		},
		{
			"list address books", `GET ` + books + `?maxResults=100`, "management", `{"results":[{"addressBookId":"b1","name":"staff"}]}`,
			func(x ctx, c client) (any, error) { return firstOf(c.Books(x)) },
			provision.Book{ID: "b1", Name: "staff"},
		},
		{
			"rename an address book", `PUT ` + books + `/b1 {"name":"people"}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.RenameBook(x, "b1", "people")) }, none,
		},
		{
			"delete an address book", `DELETE ` + books + `/b1`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DeleteBook(x, "b1")) }, none,
		},
		{
			"attach an address book", `POST ` + books + `/b1/unitAssociations {"unitId":"` + unitID + `"}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.AttachBook(x, "b1", unitID)) }, none,
		},
		{
			"detach an address book", `DELETE ` + books + `/b1/unitAssociations?unitId=` + unitID, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DetachBook(x, "b1", unitID)) }, none,
		},
		{
			"list the address books of a unit", `GET ` + books + `/unitAssociations?maxResults=100&unitId=` + unitID, "management",
			`{"results":[{"addressBookId":"b1","unitId":"` + unitID + `"}]}`,
			func(x ctx, c client) (any, error) { return firstOf(c.BooksOf(x, unitID)) }, "b1",
		},
		{
			"create a contact", `POST ` + books + `/b1/contacts {"contact":{"name":"Reception","providerContact":{"id":"reception"}}}`, "management",
			`{"contactId":"c1"}`,
			func(x ctx, c client) (any, error) { return c.CreateContact(x, "b1", reception) }, "c1",
		},
		{
			"create a contact of another room",
			`POST ` + books + `/b1/contacts {"contact":{"name":"Room 102","alexaCommunicationProfileId":"` + profileID + `"}}`, "management", `{"contactId":"c1"}`,
			func(x ctx, c client) (any, error) {
				return c.CreateContact(x, "b1", provision.Contact{Name: "Room 102", ProfileID: profileID})
			}, "c1",
		},
		{
			"create a contact of a number", `POST ` + books + `/b1/contacts {"contact":{"name":"Taxi","phoneNumbers":[{"number":"+12055551233"}]}}`, "management",
			`{"contactId":"c1"}`,
			func(x ctx, c client) (any, error) {
				return c.CreateContact(x, "b1", provision.Contact{Name: "Taxi", Numbers: []string{"+12055551233"}})
			}, "c1",
		},
		{
			"list contacts", `GET ` + books + `/b1/contacts?maxResults=100`, "management",
			`{"results":[{"contactId":"c1","contact":{"name":"Taxi","phoneNumbers":[{"number":"+1"},{"number":"+2"}]}}]}`,
			func(x ctx, c client) (any, error) {
				k, err := firstOf(c.Contacts(x, "b1"))
				return fmt.Sprint(k.ID, k.Name, k.Numbers), err
			}, "c1Taxi[+1 +2]",
		},
		{
			"get a contact", `GET ` + books + `/b1/contacts/c%2F1`, "management",
			`{"contactId":"c/1","name":"Reception","providerContact":{"id":"reception"}}`,
			func(x ctx, c client) (any, error) {
				k, err := c.Contact(x, "b1", "c/1")
				return fmt.Sprint(k), err
			}, fmt.Sprint(reception),
		},
		{
			"update a contact", `PUT ` + books + `/b1/contacts/c%2F1 {"contact":{"name":"Reception","providerContact":{"id":"reception"}}}`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.UpdateContact(x, "b1", reception)) }, none,
		},
		{
			"delete a contact", `DELETE ` + books + `/b1/contacts/a%2520b`, "management", ``,
			func(x ctx, c client) (any, error) { return nothing(c.DeleteContact(x, "b1", "a%20b")) }, none,
		},
	}
}
