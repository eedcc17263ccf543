// Package provision connects a program to the REST APIs of Alexa Smart Properties that make devices callable: units, communication
// profiles, service providers, network mappings, account associations, address books and contacts.
//
// # Usage
//
//	client := &provision.Client{Endpoint: provision.EndpointEU, Tokens: tokens}
//
//	// Once for all: calls of this provider go to the skill.
//	providerID, err := client.CreateProvider(ctx, provision.Provider{
//		LogicalID: "hotel", Names: []provision.DisplayName{{Locale: "en-US", Value: "H"}},
//	})
//	err = client.CreateNetwork(ctx, providerID, skillID)
//
//	// For each room: its devices are called as "101" from now on, as in alexa.Skill.Dial(ctx, "101", nil).
//	err = client.EnableSkill(ctx, skillID, unitID, "")
//	profile, err := client.CreateProfile(ctx, unitID, "Room 101")
//	err = client.Associate(ctx, providerID, provision.Association{ExternalUserID: "101", ProfileID: profile.ID})
//
//	// For each contact that devices call: they call "reception" when somebody says "call Front Desk".
//	bookID, err := client.CreateBook(ctx, "hotel")
//	_, err = client.CreateContact(ctx, bookID, provision.Contact{Name: "Front Desk", ProviderContact: "reception"})
//	err = client.AttachBook(ctx, bookID, unitID)
//
// All devices of a unit ring together; for one device at an address, give it a unit of its own. The example of the package is the whole
// of it.
//
// # Tokens
//
// All calls want an access token of Login with Amazon, from the authorization code grant and refreshed since, which package lwa does. Two
// scopes are needed: alexa::enterprise:management for units, skills, profiles, address books and contacts, and
// amazon_communication::service_provider for the rest. A refresh token may have both; else Client.ProviderTokens is the second source.
// Neither is amazon_communication::calling, which calls themselves need.
//
// # Errors
//
// Every error is an [*Error]. A try lasts at most ten seconds. After 401 the token is renewed and the call made again, once. After 429,
// 5xx, or no answer, it is made again up to six times, after 2, 3, 5, 8, 13 and 21 seconds as in Amazon's own client, or as Retry-After
// asks, up to a minute; a pause that ctx does not leave time for is not begun. A call that would make something twice, such as
// CreateContact, is made again only when it was certainly not acted on; its Error is Uncertain otherwise, and a look at the list says.
// Redirects are refused. Every other status is final.
//
// # Concurrency
//
// A [Client] is safe for concurrent use and starts no goroutine. Lists are fetched page by page, as they are ranged over.
//
// # Limits
//
// An id has at most 512 bytes, a name 256; an answer is read up to 1 MiB, and a list up to 1,000 pages of 100. There are no batch calls.
//
// # Compatibility
//
// Paths, bodies and the names of properties are those of Amazon's published clients and pages. What follows is inferred:
//
//   - which scope the calls for profiles, address books and contacts take ([Client.Tokens]);
//   - the id in the answer to CreateUnit, "id" or the end of the header Location, and to CreateContact and CreateBook where it is not
//     "contactId" or "addressBookId" ([Client.CreateUnit] and the others name what they look for);
//   - the shape of profiles, contacts and units in answers (their UnmarshalJSON takes each that was seen), and of account associations;
//   - 404 for a skill that is not enabled ([Client.SkillEnabled]);
//   - that a display name has one letter only, and a locale of "en-US", as a comment in Amazon's client has it: this package does not
//     insist.
package provision
