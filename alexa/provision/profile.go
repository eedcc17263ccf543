package provision

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// A Profile is a communication profile: what makes the devices of a unit callable. A unit has one.
type Profile struct {
	ID     string // "amzn1.alexa.communications.profile.did.…"
	UnitID string // empty where Alexa did not say
	Name   string // as other devices show it; empty where Alexa did not say
}

// UnmarshalJSON reads a profile. Its id is known to stand inside another object of the same name.
func (p *Profile) UnmarshalJSON(data []byte) error {
	var in struct {
		ID     json.RawMessage `json:"profileId"`
		Name   string          `json:"name"`
		Entity struct {
			ID string `json:"id"`
		} `json:"entity"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var nested struct {
		ID string `json:"profileId"`
	}
	_ = json.Unmarshal(in.ID, &nested)
	*p = Profile{ID: nested.ID, UnitID: in.Entity.ID, Name: in.Name}
	if p.ID == "" {
		p.ID = text(in.ID)
	}
	if p.ID == "" {
		return answerError{"the answer names no profile"}
	}
	return nil
}

// CreateProfile makes the communication profile of a unit. Where there is one already it returns that, under the new name. An empty name
// is left out.
func (c *Client) CreateProfile(ctx context.Context, unitID, name string) (Profile, error) {
	body := map[string]any{"entity": map[string]string{"type": "UNIT", "id": unitID}}
	bad := checkID(unitID)
	if name != "" {
		body["name"] = name
		bad = first(bad, checkText("the name", name, maxName))
	}
	var p Profile
	err := c.do(ctx, call{op: "create a profile", method: http.MethodPost, path: profile(), body: body, out: &p, again: true, bad: bad})
	return p, err
}

// ProfileOf returns the communication profile of a unit.
func (c *Client) ProfileOf(ctx context.Context, unitID string) (Profile, error) {
	var p Profile
	k := call{op: "get the profile of a unit", method: http.MethodGet, path: profile(), out: &p, bad: checkID(unitID)}
	k.query = url.Values{"entity.type": {"UNIT"}, "entity.id": {unitID}}
	err := c.do(ctx, k)
	return p, err
}

// Profile returns a communication profile.
func (c *Client) Profile(ctx context.Context, id string) (Profile, error) {
	var p Profile
	err := c.do(ctx, call{op: "get a profile", method: http.MethodGet, path: profile(id), out: &p})
	return p, err
}

// RenameProfile gives a profile another name.
func (c *Client) RenameProfile(ctx context.Context, id, name string) error {
	return c.do(ctx, call{
		op: "rename a profile", method: http.MethodPut, path: profile(id), body: map[string]string{"name": name},
		bad: checkText("the name", name, maxName),
	})
}

// DeleteProfile removes a profile: its devices can be called no more.
func (c *Client) DeleteProfile(ctx context.Context, id string) error {
	return c.do(ctx, call{op: "delete a profile", method: http.MethodDelete, path: profile(id)})
}

// AllowCalls lets a contact call a profile: the reciprocal association.
func (c *Client) AllowCalls(ctx context.Context, profileID, contactID string) error {
	return c.do(ctx, call{
		op: "allow calls", method: http.MethodPost, path: profile(profileID, "reciprocalAssociations"),
		body: map[string]any{"contact": map[string]string{"id": contactID}}, bad: checkID(contactID),
	})
}

// ForbidCalls takes that back.
func (c *Client) ForbidCalls(ctx context.Context, profileID, contactID string) error {
	return c.do(ctx, call{
		op: "forbid calls", method: http.MethodDelete, path: profile(profileID, "reciprocalAssociations"),
		query: url.Values{"contactId": {contactID}}, bad: checkID(contactID),
	})
}

// profile returns a path of the communications API.
func profile(more ...string) []string {
	return append([]string{"v1", "communications", "profile"}, more...)
}
