package alexatest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// onProviders serves /v1/communications/serviceProviders.
func (p *Provisioning) onProviders(q request) outcome {
	if q.is(http.MethodPost, 0) {
		return p.createProvider(q)
	}
	if len(q.path) == 0 {
		return noSuch()
	}
	v := find(p.providers, func(v *csp) bool { return v.id == q.path[0] })
	q.path = q.path[1:]
	switch {
	case v == nil:
	case q.is(http.MethodGet, 0):
		return outcome{http.StatusOK, map[string]any{
			"serviceProviderId": v.id, "serviceProviderLogicalId": v.logical, "displayName": v.names,
		}}
	case q.is(http.MethodPut, 0):
		var in struct {
			Names displayNames `json:"displayName"`
		}
		if err := q.read(&in); err != nil {
			return illFormed("%v", err)
		}
		return in.Names.of(v)
	case q.is(http.MethodDelete, 0):
		p.providers = without(p.providers, v)
		return done()
	case len(q.path) == 1 && q.path[0] == "network":
		return v.onNetwork(q)
	case len(q.path) > 0 && q.path[0] == "externalUsers":
		return p.onExternalUsers(q, v)
	}
	return noSuch()
}

type displayNames []struct {
	Locale string `json:"locale"`
	Value  string `json:"value"`
}

// of gives a provider its names.
func (d displayNames) of(v *csp) outcome {
	if len(d) == 0 {
		return illFormed("displayName is missing")
	}
	for _, n := range d {
		if n.Locale == "" || n.Value == "" {
			return illFormed("a displayName has a locale and a value")
		}
	}
	v.names, _ = json.Marshal(d)
	return done()
}

func (p *Provisioning) createProvider(q request) outcome {
	var in struct {
		Logical string       `json:"serviceProviderLogicalId"`
		Names   displayNames `json:"displayName"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if in.Logical == "" {
		return illFormed("serviceProviderLogicalId is missing")
	}
	if find(p.providers, func(v *csp) bool { return v.logical == in.Logical }) != nil {
		return exists()
	}
	v := &csp{id: providerPrefix + newUUID(), logical: in.Logical, users: map[string]string{}}
	if o := in.Names.of(v); o.status == http.StatusBadRequest {
		return o
	}
	p.providers = append(p.providers, v)
	return created(map[string]string{"serviceProviderId": v.id})
}

func (v *csp) onNetwork(q request) outcome {
	type skill struct {
		ID string `json:"skillId"`
	}
	type network struct {
		Type  string `json:"networkType"`
		Skill skill  `json:"skillConfiguration"`
	}
	switch {
	case q.method == http.MethodPost && v.skill != "":
		return exists()
	case q.method != http.MethodPost && v.skill == "":
		return noSuch()
	case q.method == http.MethodGet:
		return outcome{http.StatusOK, network{"SKILL", skill{v.skill}}}
	case q.method == http.MethodDelete:
		v.skill = ""
		return done()
	case q.method != http.MethodPost && q.method != http.MethodPut:
		return noSuch()
	}
	var in network
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if in.Type != "SKILL" || !strings.HasPrefix(in.Skill.ID, "amzn1.ask.skill.") {
		return illFormed("a network has the type SKILL and the id of one")
	}
	v.skill = in.Skill.ID
	return created(nil)
}

// onExternalUsers serves account associations.
func (p *Provisioning) onExternalUsers(q request, v *csp) outcome {
	if q.is(http.MethodPost, 2) && q.path[1] == "query" {
		return v.onQuery(q)
	}
	if len(q.path) != 1 {
		return noSuch()
	}
	var in struct {
		User   string `json:"externalUserId"`
		Amazon string `json:"amazonId"`
		Type   string `json:"amazonIdType"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	_, has := v.users[in.User]
	switch {
	case in.User == "":
		return illFormed("externalUserId is missing")
	case q.method == http.MethodPost && has:
		return exists()
	case q.method != http.MethodPost && !has:
		return noSuch()
	case q.method == http.MethodDelete && in.Amazon+in.Type != "":
		return illFormed("what is deleted has an externalUserId alone")
	case q.method == http.MethodDelete:
		delete(v.users, in.User)
		return done()
	case q.method != http.MethodPost && q.method != http.MethodPut:
		return noSuch()
	}
	f := find(p.profiles, func(f *unitProfile) bool { return f.id == in.Amazon })
	switch {
	case f == nil || in.Type != "communication-profile":
		return illFormed("amazonId is no communication-profile that exists")
	case v.skill == "" || !slices.Contains(f.unit.skills, v.skill):
		return illFormed("the skill of the provider is not enabled on the unit")
	}
	v.users[in.User] = in.Amazon
	return created(nil)
}

// onQuery answers a query of account associations. Its paging is in the body.
func (v *csp) onQuery(q request) outcome {
	var in struct {
		Filters struct {
			Users []string `json:"externalUserIds"`
		} `json:"filters"`
		Paging struct {
			Max   int    `json:"maxResults"`
			Token string `json:"nextToken"`
		} `json:"paginationContext"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if len(in.Filters.Users) == 0 {
		return illFormed("the filter is missing")
	}
	var all []any
	for _, id := range in.Filters.Users {
		if profile, ok := v.users[id]; ok {
			all = append(all, map[string]string{"externalUserId": id, "amazonId": profile, "amazonIdType": "communication-profile"})
		}
	}
	return paged(all, in.Paging.Max, in.Paging.Token)
}
