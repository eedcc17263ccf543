package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
)

// A Unit is a place with devices, such as a room. Units lie inside one another; the outermost is the organisation.
type Unit struct {
	ID   string // "amzn1.alexa.unit.did.…": what skills see as persistentUnitId
	Name string
}

// UnmarshalJSON reads a unit.
func (u *Unit) UnmarshalJSON(data []byte) error {
	var in struct {
		ID   string `json:"id"`
		Name struct {
			Value struct {
				Text string `json:"text"`
			} `json:"value"`
		} `json:"name"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*u = Unit{ID: in.ID, Name: in.Name.Value.Text}
	return nil
}

// CreateUnit makes a unit inside another and returns its id.
func (c *Client) CreateUnit(ctx context.Context, parentID, name string) (id string, err error) {
	return c.create(ctx, call{
		op: "create a unit", method: http.MethodPost, path: []string{"v2", "units"},
		body: map[string]any{
			"name":     map[string]any{"type": "PLAIN", "value": map[string]string{"text": name}},
			"parentId": parentID,
		},
		bad: first(checkText("the name", name, maxName), checkID(parentID)),
	}, "id", "unitId")
}

// Units yields all units inside another, at any depth. It ends after an error.
func (c *Client) Units(ctx context.Context, parentID string) iter.Seq2[Unit, error] {
	return list[Unit](ctx, c, func(token string, out *page) call {
		return call{
			op: "list units", method: http.MethodGet, path: []string{"v2", "units"}, out: out, bad: checkID(parentID),
			query: paged(token, "parentId", parentID, "expand", "all", "queryDepth", "all"),
		}
	})
}

// PlaceDevice puts a device in a unit. The device's id may be another afterwards.
func (c *Client) PlaceDevice(ctx context.Context, endpointID, unitID string) error {
	return c.do(ctx, call{
		op: "place a device", method: http.MethodPut, path: []string{"v2", "endpoints", endpointID, "associatedUnits"},
		body: []map[string]string{{"id": unitID}}, bad: checkID(unitID),
	})
}

// EnableSkill enables a skill on a unit, which must be done before its profile is associated. stage is "live", which an empty one is
// taken for, or "development".
func (c *Client) EnableSkill(ctx context.Context, skillID, unitID, stage string) error {
	return c.do(ctx, call{
		op: "enable a skill", method: http.MethodPost, path: []string{"v1", "skills", skillID, "enablements"},
		body: map[string]string{"unitId": unitID, "stage": cmp.Or(stage, "live")}, bad: checkID(unitID),
	})
}

// SkillEnabled reports whether a skill is enabled on a unit.
func (c *Client) SkillEnabled(ctx context.Context, skillID, unitID string) (bool, error) {
	err := c.do(ctx, call{
		op: "get a skill's enablement", method: http.MethodGet, path: []string{"v1", "skills", skillID, "enablements"},
		query: url.Values{"unitId": {unitID}}, bad: checkID(unitID),
	})
	if errors.Is(err, &Error{Status: http.StatusNotFound}) {
		return false, nil
	}
	return err == nil, err
}
