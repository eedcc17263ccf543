package alexatest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// asker sends requests to the provisioning APIs by hand.
type asker struct {
	t     *testing.T
	p     *alexatest.Provisioning
	token string
}

// ask returns the answer to a request.
func (a *asker) ask(method, target, body string) (int, map[string]any) {
	a.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := a.p.RoundTripper().RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.Header.Get("X-Amzn-RequestId") == "" {
		a.t.Fatalf("%s %s: %v, headers %v", method, target, err, res.Header)
	}
	var out map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			a.t.Fatalf("%s %s: %s", method, target, text)
		}
	}
	return res.StatusCode, out
}

// want sends a request that is answered with a status.
func (a *asker) want(status int, method, target, body string) map[string]any {
	a.t.Helper()
	got, out := a.ask(method, target, body)
	if got != status {
		a.t.Errorf("%s %s %s: %d %v, want %d", method, target, body, got, out, status)
	}
	return out
}

func newAsker(t *testing.T) (*asker, string) {
	p, organisation := alexatest.NewProvisioning()
	return &asker{t, p, p.Token(alexatest.ScopeManagement, alexatest.ScopeProvider)}, organisation
}

// TestProvisioningStory follows the bodies that Amazon's published clients send.
func TestProvisioningStory(t *testing.T) {
	a, organisation := newAsker(t)
	const skill = "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc"
	const providers = "/v1/communications/serviceProviders"
	room := a.want(201, "POST", "/v2/units", `{"name":{"type":"PLAIN","value":{"text":"Room 101"}},"parentId":"`+organisation+`"}`)["id"].(string)
	provider := a.want(201, "POST", providers, `{"serviceProviderLogicalId":"acme","displayName":[{"locale":"en-US","value":"Acme"}]}`)["serviceProviderId"].(string)
	network := `{"networkType":"SKILL","skillConfiguration":{"skillId":"` + skill + `"}}`
	a.want(404, "PUT", providers+"/"+provider+"/network", network)
	a.want(201, "POST", providers+"/"+provider+"/network", network)
	a.want(409, "POST", providers+"/"+provider+"/network", network)
	made := `{"entity":{"type":"UNIT","id":"` + room + `"},"name":"Room 101"}`
	profile := a.want(201, "POST", "/v1/communications/profile", made)["profileId"].(map[string]any)["profileId"].(string)
	if again := a.want(201, "POST", "/v1/communications/profile", made)["profileId"].(map[string]any)["profileId"]; again != profile {
		t.Errorf("a second profile %v beside %v", again, profile)
	}
	account := `{"externalUserId":"7201","amazonId":"` + profile + `","amazonIdType":"communication-profile"}`
	a.want(404, "PUT", providers+"/"+provider+"/externalUsers", account)
	a.want(400, "POST", providers+"/"+provider+"/externalUsers", account) // the skill is not enabled on the unit
	a.want(201, "POST", "/v1/skills/"+skill+"/enablements", `{"unitId":"`+room+`","stage":"live"}`)
	if a.p.Callable(room, "7201", skill) {
		t.Error("callable without an account association")
	}
	a.want(201, "POST", providers+"/"+provider+"/externalUsers", account)
	a.want(409, "POST", providers+"/"+provider+"/externalUsers", account)
	if !a.p.Callable(room, "7201", skill) || a.p.Callable(room, "7202", skill) || a.p.Callable(organisation, "7201", skill) || a.p.Callable(room, "7201", "other") {
		t.Error("not callable as it should be")
	}
	found := a.want(200, "POST", providers+"/"+provider+"/externalUsers/query", `{"filters":{"externalUserIds":["7201","7202"]}}`)
	if list := found["results"].([]any); len(list) != 1 || list[0].(map[string]any)["amazonId"] != profile {
		t.Errorf("the query found %v", found)
	}
	a.want(204, "DELETE", providers+"/"+provider+"/externalUsers", `{"externalUserId":"7201"}`)
	if a.p.Callable(room, "7201", skill) {
		t.Error("callable after the association was removed")
	}
	if v := a.p.Violations(); len(v) != 1 || !strings.Contains(v[0], "not enabled") {
		t.Errorf("violations %q", v)
	}
}

// TestProvisioningRefuses what no client should send.
func TestProvisioningRefuses(t *testing.T) {
	a, organisation := newAsker(t)
	unit := `{"name":{"type":"PLAIN","value":{"text":"x"}},"parentId":"` + organisation + `"}`
	for _, tt := range []struct {
		status               int
		method, target, body string
	}{
		{404, "GET", "/v2/nothing", ""},
		{404, "GET", "/v2/units/nothing", ""},
		{404, "DELETE", "/v1/communications/profile/nothing", ""},
		{404, "POST", "/v1/communications/serviceProviders/nothing/network", "{}"},
		{404, "GET", "/v1/addressBooks/nothing/contacts", ""},
		{400, "POST", "/v2/units", `{`},
		{400, "POST", "/v2/units", unit + "{}"},
		{400, "POST", "/v2/units", strings.Replace(unit, "PLAIN", "plain", 1)},
		{400, "POST", "/v2/units", strings.Replace(unit, "parentId", "parent", 1)},
		{400, "POST", "/v1/communications/profile", `{"entity":{"type":"UNIT","id":"nothing"}}`},
		{400, "POST", "/v1/communications/serviceProviders", `{"serviceProviderLogicalId":"acme","displayName":[]}`},
		{400, "POST", "/v1/addressBooks", `{"name":""}`},
		{400, "GET", "/v2/units?parentId=" + organisation + "&maxResults=101", ""},
		{400, "GET", "/v2/units?parentId=" + organisation + "&nextToken=from=9", ""},
		{413, "POST", "/v2/units", strings.Repeat(" ", 65<<10)},
	} {
		before := len(a.p.Violations())
		a.want(tt.status, tt.method, tt.target, tt.body)
		if more := len(a.p.Violations()) - before; (more == 1) != (tt.status == 400) {
			t.Errorf("%s %s: %d violations", tt.method, tt.target, more)
		}
	}
	a.token = a.p.Token(alexatest.ScopeManagement)
	a.want(403, "GET", "/v1/communications/serviceProviders/x", "")
	a.want(404, "GET", "/v1/communications/profile/x", "")
	a.token = a.p.Token(alexatest.ScopeProvider)
	a.want(403, "GET", "/v1/communications/profile/x", "")
	a.p.Expire()
	a.want(401, "GET", "/v1/communications/serviceProviders/x", "")
}

// TestProvisioningPages hands out a list in pages, and refuses on purpose.
func TestProvisioningPages(t *testing.T) {
	a, organisation := newAsker(t)
	unit := `{"name":{"type":"PLAIN","value":{"text":"x"}},"parentId":"` + organisation + `"}`
	for range 11 {
		a.want(201, "POST", "/v2/units", unit)
	}
	first := a.want(200, "GET", "/v2/units?parentId="+organisation, "")
	next := first["paginationContext"].(map[string]any)["nextToken"].(string)
	last := a.want(200, "GET", "/v2/units?parentId="+organisation+"&nextToken="+next, "")
	if n, m := len(first["results"].([]any)), len(last["results"].([]any)); n != 10 || m != 1 || last["paginationContext"] != nil {
		t.Errorf("pages of %d and %d, %v", n, m, last["paginationContext"])
	}
	a.p.Refuse(alexatest.Refusal{Status: 429, Header: http.Header{"Retry-After": {"3"}}}, alexatest.Refusal{Status: 500, Acted: true})
	a.want(429, "POST", "/v2/units", unit)
	a.want(500, "POST", "/v2/units", unit)
	if all := a.want(200, "GET", "/v2/units?maxResults=100&parentId="+organisation, ""); len(all["results"].([]any)) != 12 {
		t.Errorf("%d units, want that which was made all the same", len(all["results"].([]any)))
	}
}

// TestProvisioningForgetsBooks takes a book that is removed from the units that had it.
func TestProvisioningForgetsBooks(t *testing.T) {
	a, organisation := newAsker(t)
	of := "/v1/addressBooks/unitAssociations?unitId=" + organisation
	book := "/v1/addressBooks/" + a.want(201, "POST", "/v1/addressBooks", `{"name":"house"}`)["addressBookId"].(string)
	a.want(201, "POST", book+"/unitAssociations", `{"unitId":"`+organisation+`"}`)
	if n := len(a.want(200, "GET", of, "")["results"].([]any)); n != 1 {
		t.Errorf("%d books of the unit, want one", n)
	}
	a.want(204, "DELETE", book, "")
	if n := len(a.want(200, "GET", of, "")["results"].([]any)); n != 0 {
		t.Errorf("%d books of the unit after the only one was removed", n)
	}
}
