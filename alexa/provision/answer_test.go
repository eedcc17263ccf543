package provision_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/provision"
)

// simulated returns a client with both scopes, and who answers it.
func simulated() (*alexatest.Provisioning, *provision.Client, string) {
	cloud, organisation := alexatest.NewProvisioning()
	keys := &tokens{renew: func() (string, error) {
		return cloud.Token(alexatest.ScopeManagement, alexatest.ScopeProvider), nil
	}}
	return cloud, &provision.Client{Tokens: keys, HTTPClient: &http.Client{Transport: cloud.RoundTripper()}}, organisation
}

func count[T any](t *testing.T, all iter.Seq2[T, error]) int {
	t.Helper()
	n := 0
	for _, err := range all {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}

// answering returns a client that is told the same every time.
func answering(status int, body string, header ...string) *provision.Client {
	return &provision.Client{Tokens: fixed("x"), HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		return said(r, status, body, header...), nil
	})}}
}

// TestRoom makes room 101 callable, breaks each part of that in turn, and mends it.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		cloud, client, organisation := simulated()
		callable := func(want bool, id string) {
			t.Helper()
			units := map[string]string{}
			for u, err := range client.Units(ctx, organisation) {
				must(t, err)
				units[u.Name] = u.ID
			}
			if got := cloud.Callable(units["Room 101"], id, skillID); got != want {
				t.Fatalf("room 101 callable as %q: %v", id, got)
			}
		}
		room, err := client.CreateUnit(ctx, organisation, "Room 101")
		must(t, err)
		must(t, client.PlaceDevice(ctx, "amzn1.alexa.endpoint.did.E", room))
		provider, err := client.CreateProvider(ctx, provision.Provider{LogicalID: "hotel", Names: []provision.DisplayName{{Locale: "en-US", Value: "H"}}})
		must(t, err)
		_, err = client.CreateProvider(ctx, provision.Provider{LogicalID: "hotel", Names: []provision.DisplayName{{Locale: "en-US", Value: "H"}}})
		wantStatus(t, err, 409)
		must(t, client.CreateNetwork(ctx, provider, "amzn1.ask.skill.old"))
		wantStatus(t, client.CreateNetwork(ctx, provider, skillID), 409)
		must(t, client.UpdateNetwork(ctx, provider, skillID))
		profile, err := client.CreateProfile(ctx, room, "Room 101")
		must(t, err)
		account := provision.Association{ExternalUserID: "101", ProfileID: profile.ID}
		wantStatus(t, client.Associate(ctx, provider, account), 400) // the skill is not enabled yet
		if on, err := client.SkillEnabled(ctx, skillID, room); on || err != nil {
			t.Errorf("skill enabled: %v, %v", on, err)
		}
		must(t, client.EnableSkill(ctx, skillID, room, "live"))
		if on, err := client.SkillEnabled(ctx, skillID, room); !on || err != nil {
			t.Errorf("skill enabled: %v, %v", on, err)
		}
		callable(false, "101")
		must(t, client.Associate(ctx, provider, account))
		callable(true, "101")
		callable(false, "102")
		wantStatus(t, client.Associate(ctx, provider, account), 409)
		must(t, client.Reassociate(ctx, provider, account))
		if a, err := firstOf(client.Associations(ctx, provider, "nobody", "101")); a != account || err != nil {
			t.Errorf("association %+v, %v", a, err)
		}

		again, err := client.CreateProfile(ctx, room, "Suite 101")
		must(t, err)
		if of, err := client.ProfileOf(ctx, room); err != nil || of.ID != again.ID || again.ID != profile.ID || of.UnitID != room || of.Name != "Suite 101" {
			t.Errorf("profile %+v after %+v, %v", of, profile, err)
		}
		must(t, client.RenameProfile(ctx, profile.ID, "Room 101"))
		if p, err := client.Profile(ctx, profile.ID); err != nil || p.Name != "Room 101" {
			t.Errorf("profile %+v, %v", p, err)
		}
		must(t, client.DeleteNetwork(ctx, provider))
		callable(false, "101")
		must(t, client.CreateNetwork(ctx, provider, skillID))
		if id, err := client.Network(ctx, provider); id != skillID || err != nil {
			t.Errorf("network %q, %v", id, err)
		}
		callable(true, "101")
		must(t, client.Dissociate(ctx, provider, "101"))
		callable(false, "101")
		must(t, client.DeleteProfile(ctx, profile.ID))
		must(t, client.RenameProvider(ctx, provider, []provision.DisplayName{{Locale: "en-US", Value: "X"}}))
		if p, err := client.Provider(ctx, provider); err != nil || p.ID != provider || p.LogicalID != "hotel" || len(p.Names) != 1 || p.Names[0].Value != "X" {
			t.Errorf("provider %+v, %v", p, err)
		}
		must(t, client.DeleteProvider(ctx, provider))
		if v := cloud.Violations(); len(v) != 1 || !strings.Contains(v[0], "not enabled") {
			t.Errorf("violations %q", v)
		}
	})
}

// TestContacts keeps more contacts than fit in a page.
func TestContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		cloud, client, unit := simulated()
		book, err := client.CreateBook(ctx, "staff")
		must(t, err)
		ids := map[string]string{}
		for i := range 250 {
			name := "Contact " + strconv.Itoa(i)
			ids[name], err = client.CreateContact(ctx, book, provision.Contact{Name: name, ProviderContact: strconv.Itoa(i)})
			must(t, err)
		}
		n := 0
		for c, err := range client.Contacts(ctx, book) {
			must(t, err)
			if c.Name != "Contact "+strconv.Itoa(n) || c.ID != ids[c.Name] || c.ProviderContact != strconv.Itoa(n) {
				t.Fatalf("contact %d is %+v", n, c)
			}
			n++
		}
		if n != 250 {
			t.Errorf("%d contacts", n)
		}
		id := ids["Contact 7"]
		must(t, client.UpdateContact(ctx, book, provision.Contact{ID: id, Name: "Taxi", Numbers: []string{"+12055551233"}}))
		if c, err := client.Contact(ctx, book, id); err != nil || c.Name != "Taxi" || c.ProviderContact != "" || len(c.Numbers) != 1 {
			t.Errorf("contact %+v, %v", c, err)
		}
		profile, err := client.CreateProfile(ctx, unit, "")
		must(t, err)
		must(t, client.AllowCalls(ctx, profile.ID, id))
		must(t, client.ForbidCalls(ctx, profile.ID, id))
		wantStatus(t, client.ForbidCalls(ctx, profile.ID, id), 404)
		must(t, client.AttachBook(ctx, book, unit))
		if b, err := firstOf(client.BooksOf(ctx, unit)); b != book || err != nil {
			t.Errorf("book %q, %v", b, err)
		}
		must(t, client.DetachBook(ctx, book, unit))
		if n := count(t, client.BooksOf(ctx, unit)); n != 0 {
			t.Errorf("%d books are left", n)
		}
		must(t, client.RenameBook(ctx, book, "people"))
		must(t, client.DeleteContact(ctx, book, id))
		if n := count(t, client.Contacts(ctx, book)); n != 249 {
			t.Errorf("%d contacts are left", n)
		}
		must(t, client.DeleteBook(ctx, book))
		if v := cloud.Violations(); len(v) != 0 {
			t.Errorf("violations %q", v)
		}
	})
}

// TestScopes has each call bring the token of its API, and renews one that has expired.
func TestScopes(t *testing.T) {
	cloud, organisation := alexatest.NewProvisioning()
	of := func(scope string) *tokens {
		return &tokens{renew: func() (string, error) { return cloud.Token(scope), nil }}
	}
	management, provider := of(alexatest.ScopeManagement), of(alexatest.ScopeProvider)
	client := &provision.Client{Tokens: management, ProviderTokens: provider, HTTPClient: &http.Client{Transport: cloud.RoundTripper()}}
	for range 2 {
		_, err := client.CreateUnit(t.Context(), organisation, "Room")
		must(t, err)
		_, err = client.Provider(t.Context(), "nobody")
		wantStatus(t, err, 404)
		cloud.Expire()
	}
	if management.renewed != 2 || provider.renewed != 2 || len(cloud.Violations()) != 0 {
		t.Errorf("%d and %d tokens, violations %q", management.renewed, provider.renewed, cloud.Violations())
	}
	client.ProviderTokens = nil
	_, err := client.Provider(t.Context(), "nobody")
	wantStatus(t, err, 403)
}

// TestIDs finds the id of what was made wherever Alexa puts it.
func TestIDs(t *testing.T) {
	for name, c := range map[string]*provision.Client{
		"id":       answering(201, `{"id":"b1"}`),
		"its name": answering(201, `{"id":7,"addressBookId":"b1"}`),
		"Location": answering(201, ``, "Location", "/v1/addressBooks/b1"),
		"URL":      answering(201, `[]`, "Location", "https://api.amazonalexa.com/v1/addressBooks/b1?x=y"),
	} {
		if id, err := c.CreateBook(t.Context(), "staff"); id != "b1" || err != nil {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	for name, c := range map[string]*provision.Client{
		"none":     answering(201, `{}`),
		"no JSON":  answering(201, `<html>`),
		"bad":      answering(201, `{"id":"a\r\nb"}`),
		"dots":     answering(201, `{"id":".."}`),
		"no path":  answering(201, ``, "Location", "/"),
		"too long": answering(201, `{"id":"`+strings.Repeat("x", 1<<20)+`"}`),
	} {
		id, err := c.CreateBook(t.Context(), "staff")
		if e, ok := errors.AsType[*provision.Error](err); id != "" || !ok || e.Retryable() || !e.Uncertain || e.Status != 201 {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

// TestListsEnd has no list go on for ever, and none hide that it broke off.
func TestListsEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		good int // records before the error
		fine bool
	}{
		"empty":           {`{}`, 0, true},
		"null":            {`{"results":null,"paginationContext":null}`, 0, true},
		"same token":      {`{"results":[{"addressBookId":"b"}],"paginationContext":{"nextToken":"x"}}`, 2, false},
		"long token":      {`{"results":[{"addressBookId":"b"}],"paginationContext":{"nextToken":"` + strings.Repeat("x", 4097) + `"}}`, 1, false},
		"a bad record":    {`{"results":[{"addressBookId":"b"},{"addressBookId":7},{"addressBookId":"c"}]}`, 1, false},
		"no list":         {`{"results":{}}`, 0, false},
		"no JSON":         {`results`, 0, false},
		"more than 1 MiB": {`{"results":["` + strings.Repeat("x", 1<<20) + `"]}`, 0, false},
	} {
		good, bad := 0, 0
		for b, err := range answering(200, tt.body).Books(t.Context()) {
			switch {
			case err == nil && bad == 0 && b.ID == "b":
				good++
			case errors.Is(err, &provision.Error{Status: 200}):
				bad++
			default:
				t.Errorf("%s: %+v, %v", name, b, err)
			}
		}
		if good != tt.good || bad == 0 != tt.fine {
			t.Errorf("%s: %d records and %d errors", name, good, bad)
		}
	}
	pages := 0
	endless := &provision.Client{Tokens: fixed("x"), HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		pages++
		return said(r, 200, `{"paginationContext":{"nextToken":"`+strconv.Itoa(pages)+`"}}`), nil
	})}}
	if _, err := firstOf(endless.Books(t.Context())); err == nil || pages != 1000 {
		t.Errorf("%v after %d pages", err, pages)
	}
	// Who has seen enough stops.
	pages = 0
	for _, err := range answering(200, `{"results":[{},{},{}]}`).Books(t.Context()) {
		must(t, err)
		pages++
		break
	}
	if pages != 1 {
		t.Errorf("%d records after the first", pages)
	}
}

// TestBadAnswers are not taken for good ones, and not repeated in an error.
func TestBadAnswers(t *testing.T) {
	for _, body := range []string{``, `[]`, `{"profileId":7}`, `{"profileId":{}}`, `{"profileId":"p","name":["Ann Miller"]}`, `{"profileId":"p"`} {
		p, err := answering(200, body).ProfileOf(t.Context(), unitID)
		if e, ok := errors.AsType[*provision.Error](err); !ok || e.Retryable() || e.Uncertain || strings.Contains(err.Error(), "Miller") {
			t.Errorf("%s: %+v, %v", body, p, err)
		}
	}
}

// FuzzAnswer gives every call an answer that nobody would expect.
func FuzzAnswer(f *testing.F) {
	for _, tt := range callCases() {
		f.Add(200, tt.answer, "")
	}
	f.Add(429, `{"message":"\u0000\u2028"}`, "5")
	f.Add(201, `{"results":[{"contact":{"phoneNumbers":[null,{}]}},null],"paginationContext":{"nextToken":"x"}}`, "/a/b")
	f.Add(500, `{"message":7}`, "Sat, 01 Jan 2000 00:00:07 GMT")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		if status < 200 || status > 599 {
			return
		}
		client := answering(status, body, "Location", header, "Retry-After", header, "X-Amzn-RequestId", header)
		ctx, cancel := context.WithTimeout(t.Context(), 0) // a second try is for others to look at
		defer cancel()
		for _, tt := range callCases() {
			_, err := tt.call(ctx, client)
			e, ok := errors.AsType[*provision.Error](err)
			if err != nil && (!ok || len(e.Error()) > 2048 || strings.ContainsAny(e.Error(), "\r\n")) {
				t.Fatalf("%s: %q", tt.name, err)
			}
			if err == nil && status >= 300 && status != http.StatusNotFound {
				t.Fatalf("%s succeeded with %d", tt.name, status)
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	if !errors.Is(err, &provision.Error{Status: status}) {
		t.Errorf("got %v, want status %d", err, status)
	}
}
