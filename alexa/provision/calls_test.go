package provision_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/alexa/provision"
)

var _ provision.TokenSource = (*lwa.Source)(nil)

// tokens is a TokenSource that gives what renew returns, once again after each Invalidate.
type tokens struct {
	renew func() (string, error)

	mu      sync.Mutex
	current string
	renewed int
}

func fixed(token string) *tokens {
	return &tokens{renew: func() (string, error) { return token, nil }}
}

func (s *tokens) Token(context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == "" {
		var err error
		if s.current, err = s.renew(); err != nil {
			return nil, err
		}
		s.renewed++
	}
	return &oauth2.Token{AccessToken: s.current, TokenType: "bearer"}, nil
}

func (s *tokens) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == accessToken {
		s.current = ""
	}
}

// trip is an http.RoundTripper.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// said is an answer.
func said(r *http.Request, status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// firstOf returns the first of a list.
func firstOf[T any](all iter.Seq2[T, error]) (T, error) {
	for v, err := range all {
		return v, err
	}
	var none T
	return none, nil
}

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

// TestCalls compares each request with what Amazon documents, to the byte.
func TestCalls(t *testing.T) {
	for _, tt := range callCases() {
		t.Run(tt.name, func(t *testing.T) {
			var got, token string
			client := &provision.Client{
				Endpoint: "https://gateway.example/asp/", Tokens: fixed("management"), ProviderTokens: fixed("provider"),
				HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
					token = r.Header.Get("Authorization")
					if (r.Header.Get("Content-Type") == "application/json") != (len(body) > 0) || r.Header.Get("Accept") != "application/json" {
						t.Errorf("headers %v", r.Header)
					}
					if _, ok := r.Context().Deadline(); !ok {
						t.Error("a request without a deadline")
					}
					return said(r, 200, tt.answer), nil
				})},
			}
			value, err := tt.call(t.Context(), client)
			if err != nil || value != tt.want {
				t.Errorf("returned %v, %v; want %v", value, err, tt.want)
			}
			method, target, _ := strings.Cut(tt.request, " ")
			if want := method + " /asp" + target; got != want {
				t.Errorf("sent\n%s, want\n%s", got, want)
			}
			if token != "Bearer "+tt.scope {
				t.Errorf("token %q, want that for %s", token, tt.scope)
			}
			// One token source does for both scopes.
			client.ProviderTokens = nil
			if _, err := tt.call(t.Context(), client); err != nil || token != "Bearer management" {
				t.Errorf("with one source: token %q, %v", token, err)
			}
			// The operation has the name that its errors have.
			client.HTTPClient.Transport = trip(func(r *http.Request) (*http.Response, error) { return said(r, 403, ``), nil })
			_, err = tt.call(t.Context(), client)
			e, ok := errors.AsType[*provision.Error](err)
			if !ok || !strings.HasPrefix(tt.name, e.Op) || e.Method != method || e.Status != 403 || e.Retryable() || e.Uncertain {
				t.Errorf("error %#v", err)
			}
		})
	}
}

// TestNotCalled has nothing sent that is wrong in itself, or would be something else on the way.
func TestNotCalled(t *testing.T) {
	client := &provision.Client{Tokens: fixed("x"), HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("sent: " + r.URL.String())
	})}}
	ctx := t.Context()
	good := provision.Contact{Name: "n", ProviderContact: "p"}
	with := func(f func(*provision.Contact)) error {
		k := good
		f(&k)
		_, err := client.CreateContact(ctx, "b", k)
		return err
	}
	for name, err := range map[string]error{
		"empty id":        client.DeleteProfile(ctx, ""),
		"dots":            client.DeleteProfile(ctx, ".."),
		"line break":      client.DeleteProfile(ctx, "a\r\nHost: x"),
		"not UTF-8":       client.DeleteProfile(ctx, "\xff"),
		"long id":         client.DeleteProfile(ctx, strings.Repeat("x", 513)),
		"long name":       client.RenameProfile(ctx, profileID, strings.Repeat("x", 257)),
		"name of lines":   client.RenameProfile(ctx, profileID, "a\nb"),
		"no unit":         client.AttachBook(ctx, "b", ""),
		"no skill":        client.CreateNetwork(ctx, providerID, ""),
		"no account":      client.Associate(ctx, providerID, provision.Association{ProfileID: profileID}),
		"no profile":      client.Associate(ctx, providerID, provision.Association{ExternalUserID: "7201"}),
		"strange account": client.Dissociate(ctx, providerID, "72\x0001"),
		"no names":        client.RenameProvider(ctx, providerID, nil),
		"no filter":       second(firstOf(client.Associations(ctx, providerID))),
		"long filter":     second(firstOf(client.Associations(ctx, providerID, make([]string, 101)...))),
		"no contact name": with(func(k *provision.Contact) { k.Name = "" }),
		"leads nowhere":   with(func(k *provision.Contact) { k.ProviderContact = "" }),
		"four numbers":    with(func(k *provision.Contact) { k.Numbers = []string{"1", "2", "3", "4"} }),
		"bad number":      with(func(k *provision.Contact) { k.Numbers = []string{"1\r\n"} }),
		"bad address":     with(func(k *provision.Contact) { k.ProviderContact = "a\tb" }),
		"no tokens":       (&provision.Client{}).DeleteProfile(ctx, "p"),
		"bad endpoint":    (&provision.Client{Endpoint: "api.amazonalexa.com", Tokens: fixed("x")}).DeleteProfile(ctx, "p"),
	} {
		e, ok := errors.AsType[*provision.Error](err)
		if !ok || e.Retryable() || e.Uncertain || e.Status != 0 || strings.Contains(err.Error(), "sent: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
