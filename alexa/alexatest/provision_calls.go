package alexatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// request is a request to one of the APIs, with what is left of its path.
type request struct {
	method string
	path   []string
	query  url.Values
	body   []byte
}

// is reports whether a request has this method and so many segments left.
func (q request) is(method string, segments int) bool {
	return q.method == method && len(q.path) == segments
}

// read decodes a body that has these properties and no others.
func (q request) read(into any) error {
	d := json.NewDecoder(bytes.NewReader(q.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New("the body is not of the documented shape")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the body")
	}
	return nil
}

// rename serves a PUT of a name.
func (q request) rename(name *string) outcome {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if in.Name == "" {
		return illFormed("the name is missing")
	}
	*name = in.Name
	return done()
}

// paged answers a list. The token of a page is the number of its first record.
func paged[T any](all []T, maxResults int, token string) outcome {
	from := 0
	if token != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(token, "from="))
		if err != nil || n <= 0 || n >= len(all) {
			return illFormed("no such nextToken")
		}
		from = n
	}
	if maxResults == 0 {
		maxResults = defaultPage
	}
	if maxResults < 0 || maxResults > maxPage {
		return illFormed("maxResults is not 1 to %d", maxPage)
	}
	to := min(from+maxResults, len(all))
	out := map[string]any{"results": append([]T{}, all[from:to]...)}
	if to < len(all) {
		out["paginationContext"] = map[string]any{"nextToken": "from=" + strconv.Itoa(to)}
	}
	return outcome{http.StatusOK, out}
}

// listed answers a list that the query asks for.
func listed[T any](q request, all []T) outcome {
	n := 0
	if s := q.query.Get("maxResults"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n == 0 {
			return illFormed("maxResults is no number")
		}
	}
	return paged(all, n, q.query.Get("nextToken"))
}

// onUnits serves /v2/units.
func (p *Provisioning) onUnits(q request) outcome {
	switch {
	case q.is(http.MethodPost, 0):
		return p.createUnit(q)
	case q.is(http.MethodGet, 0):
		var all []any
		within := []string{q.query.Get("parentId")}
		for _, u := range p.units { // parents come before their children
			if slices.Contains(within, u.parent) {
				within = append(within, u.id)
				all = append(all, u.json())
			}
		}
		return listed(q, all)
	case q.is(http.MethodGet, 1) && p.unit(q.path[0]) != nil:
		return outcome{http.StatusOK, p.unit(q.path[0]).json()}
	}
	return noSuch()
}

func (p *Provisioning) createUnit(q request) outcome {
	var in struct {
		Name struct {
			Type  string `json:"type"`
			Value struct {
				Text string `json:"text"`
			} `json:"value"`
		} `json:"name"`
		ParentID string `json:"parentId"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if in.Name.Type != "PLAIN" || in.Name.Value.Text == "" || p.unit(in.ParentID) == nil {
		return illFormed("a unit has a PLAIN name and a parent")
	}
	u := &unit{id: unitPrefix + randomText(24), parent: in.ParentID, name: in.Name.Value.Text}
	p.units = append(p.units, u)
	return created(map[string]string{"id": u.id})
}

func (u *unit) json() any {
	return map[string]any{
		"id": u.id, "parentId": u.parent,
		"name": map[string]any{"type": "PLAIN", "value": map[string]string{"text": u.name}},
	}
}

// onEndpoints serves /v2/endpoints/{endpointId}/associatedUnits.
func (p *Provisioning) onEndpoints(q request) outcome {
	if !q.is(http.MethodPut, 2) || q.path[1] != "associatedUnits" {
		return noSuch()
	}
	var in []struct {
		ID string `json:"id"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	if len(in) != 1 || p.unit(in[0].ID) == nil {
		return illFormed("a device is in one unit that exists")
	}
	for _, u := range p.units {
		u.devices = without(u.devices, q.path[0])
	}
	u := p.unit(in[0].ID)
	u.devices = append(u.devices, q.path[0])
	return done()
}

// onSkills serves /v1/skills/{skillId}/enablements.
func (p *Provisioning) onSkills(q request) outcome {
	if len(q.path) != 2 || q.path[1] != "enablements" {
		return noSuch()
	}
	switch q.method {
	case http.MethodPost:
		var in struct {
			UnitID string `json:"unitId"`
			Stage  string `json:"stage"`
		}
		if err := q.read(&in); err != nil {
			return illFormed("%v", err)
		}
		u := p.unit(in.UnitID)
		if u == nil || in.Stage != "live" && in.Stage != "development" {
			return illFormed("an enablement has a unit, and a stage of live or development")
		}
		if !slices.Contains(u.skills, q.path[0]) {
			u.skills = append(u.skills, q.path[0])
		}
		return created(map[string]string{"unitId": u.id, "stage": in.Stage})
	case http.MethodGet:
		if u := p.unit(q.query.Get("unitId")); u != nil && slices.Contains(u.skills, q.path[0]) {
			return outcome{http.StatusOK, map[string]string{"unitId": u.id, "stage": "live"}}
		}
	}
	return noSuch()
}

// json is a profile as the GET by unit has it, whose id stands in an object of its own name.
func (f *unitProfile) json() any {
	return map[string]any{
		"entity":    map[string]string{"type": "UNIT", "id": f.unit.id},
		"profileId": map[string]string{"profileId": f.id},
		"name":      f.name,
	}
}

// onProfiles serves /v1/communications/profile.
func (p *Provisioning) onProfiles(q request) outcome {
	switch {
	case q.is(http.MethodPost, 0):
		return p.createProfile(q)
	case q.is(http.MethodGet, 0):
		f := find(p.profiles, func(f *unitProfile) bool { return f.unit.id == q.query.Get("entity.id") })
		if f == nil || q.query.Get("entity.type") != "UNIT" {
			return noSuch()
		}
		return outcome{http.StatusOK, f.json()}
	case len(q.path) == 0:
		return noSuch()
	}
	f := find(p.profiles, func(f *unitProfile) bool { return f.id == q.path[0] })
	switch {
	case f == nil:
	case q.is(http.MethodGet, 1):
		return outcome{http.StatusOK, f.json()}
	case q.is(http.MethodPut, 1):
		return q.rename(&f.name)
	case q.is(http.MethodDelete, 1):
		p.profiles = without(p.profiles, f)
		return done()
	case len(q.path) == 2 && q.path[1] == "reciprocalAssociations":
		return p.onReciprocal(q, f)
	}
	return noSuch()
}

func (p *Provisioning) createProfile(q request) outcome {
	var in struct {
		Entity struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"entity"`
		Name string `json:"name"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	u := p.unit(in.Entity.ID)
	if u == nil || in.Entity.Type != "UNIT" {
		return illFormed("the entity is no UNIT that exists")
	}
	f := find(p.profiles, func(f *unitProfile) bool { return f.unit == u })
	if f == nil {
		f = &unitProfile{id: profilePrefix + randomText(24), unit: u, name: "Guest"}
		p.profiles = append(p.profiles, f)
	}
	if in.Name != "" {
		f.name = in.Name
	}
	return created(map[string]any{"profileId": map[string]string{"profileId": f.id}})
}

func (p *Provisioning) onReciprocal(q request, f *unitProfile) outcome {
	switch q.method {
	case http.MethodPost:
		var in struct {
			Contact struct {
				ID string `json:"id"`
			} `json:"contact"`
		}
		if err := q.read(&in); err != nil {
			return illFormed("%v", err)
		}
		for _, b := range p.books {
			if slices.ContainsFunc(b.contacts, func(c *bookContact) bool { return c.id == in.Contact.ID }) {
				f.callers = append(f.callers, in.Contact.ID)
				return created(nil)
			}
		}
		return illFormed("no such contact")
	case http.MethodDelete:
		if id := q.query.Get("contactId"); slices.Contains(f.callers, id) {
			f.callers = without(f.callers, id)
			return done()
		}
	}
	return noSuch()
}
