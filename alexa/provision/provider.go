package provision

import (
	"context"
	"errors"
	"iter"
	"net/http"
)

const maxExternal = 100 // external user ids of one query

// A Provider is a service provider: who brings the calls. A company needs one.
type Provider struct {
	ID        string        `json:"serviceProviderId,omitempty"` // Alexa's: "amzn1.comms.csp.id.…"; empty when it is created
	LogicalID string        `json:"serviceProviderLogicalId,omitempty"`
	Names     []DisplayName `json:"displayName"` // one for each locale
}

// A DisplayName is the name of a Provider in one locale, such as "en-US".
type DisplayName struct {
	Locale string `json:"locale"`
	Value  string `json:"value"`
}

func (p *Provider) check() error {
	err := checkText("the logical id", p.LogicalID, maxID)
	if len(p.Names) == 0 {
		err = first(err, errors.New("the display name is missing"))
	}
	for _, n := range p.Names {
		err = first(err, checkText("a locale", n.Locale, maxName), checkText("a display name", n.Value, maxName))
	}
	return err
}

// CreateProvider makes a service provider of p's LogicalID and Names, and returns its id. A logical id that is taken is an error.
func (c *Client) CreateProvider(ctx context.Context, p Provider) (id string, err error) {
	p.ID = ""
	k := call{op: "create a service provider", method: http.MethodPost, path: provider(), body: p, provider: true, bad: p.check()}
	return c.create(ctx, k, "serviceProviderId", "id")
}

// Provider returns a service provider.
func (c *Client) Provider(ctx context.Context, id string) (Provider, error) {
	p := Provider{ID: id}
	err := c.do(ctx, call{op: "get a service provider", method: http.MethodGet, path: provider(id), out: &p, provider: true})
	return p, err
}

// RenameProvider changes the display names of a service provider.
func (c *Client) RenameProvider(ctx context.Context, id string, names []DisplayName) error {
	p := Provider{LogicalID: "unchanged", Names: names}
	k := call{op: "rename a service provider", method: http.MethodPut, path: provider(id), provider: true, bad: p.check()}
	k.body = map[string]any{"displayName": names}
	return c.do(ctx, k)
}

// DeleteProvider removes a service provider.
func (c *Client) DeleteProvider(ctx context.Context, id string) error {
	return c.do(ctx, call{op: "delete a service provider", method: http.MethodDelete, path: provider(id), provider: true})
}

// A network is the body of a network mapping.
type network struct {
	Type  string `json:"networkType"` // "SKILL"
	Skill struct {
		ID string `json:"skillId"`
	} `json:"skillConfiguration"`
}

// CreateNetwork has the calls of a service provider go to a skill: the network mapping. A provider has one.
func (c *Client) CreateNetwork(ctx context.Context, providerID, skillID string) error {
	return c.putNetwork(ctx, http.MethodPost, "create a network mapping", providerID, skillID)
}

// UpdateNetwork has the calls of a service provider go to another skill.
func (c *Client) UpdateNetwork(ctx context.Context, providerID, skillID string) error {
	return c.putNetwork(ctx, http.MethodPut, "update a network mapping", providerID, skillID)
}

func (c *Client) putNetwork(ctx context.Context, method, op, providerID, skillID string) error {
	n := network{Type: "SKILL"}
	n.Skill.ID = skillID
	return c.do(ctx, call{op: op, method: method, path: provider(providerID, "network"), body: n, provider: true, bad: checkID(skillID)})
}

// Network returns the id of the skill that the calls of a service provider go to.
func (c *Client) Network(ctx context.Context, providerID string) (skillID string, err error) {
	var n network
	err = c.do(ctx, call{op: "get a network mapping", method: http.MethodGet, path: provider(providerID, "network"), out: &n, provider: true})
	return n.Skill.ID, err
}

// DeleteNetwork removes the network mapping of a service provider.
func (c *Client) DeleteNetwork(ctx context.Context, providerID string) error {
	return c.do(ctx, call{op: "delete a network mapping", method: http.MethodDelete, path: provider(providerID, "network"), provider: true})
}

// An Association says by which external user id a profile is called: the RAW_ADDRESS of a call to the devices of its unit.
type Association struct {
	ExternalUserID string `json:"externalUserId"` // the program's own choice, such as "7201"
	ProfileID      string `json:"amazonId"`
}

func (a Association) check() error {
	return first(checkText("the external user id", a.ExternalUserID, maxID), checkID(a.ProfileID))
}

// Associate makes an account association. The skill of the provider must be enabled on the unit of the profile.
func (c *Client) Associate(ctx context.Context, providerID string, a Association) error {
	return c.associate(ctx, http.MethodPost, "associate an account", providerID, a)
}

// Reassociate gives an external user id to another profile.
func (c *Client) Reassociate(ctx context.Context, providerID string, a Association) error {
	return c.associate(ctx, http.MethodPut, "reassociate an account", providerID, a)
}

func (c *Client) associate(ctx context.Context, method, op, providerID string, a Association) error {
	k := call{op: op, method: method, path: provider(providerID, "externalUsers"), provider: true, bad: a.check()}
	k.body = struct {
		Association
		Type string `json:"amazonIdType"`
	}{a, "communication-profile"}
	return c.do(ctx, k)
}

// Dissociate removes the account association of an external user id.
func (c *Client) Dissociate(ctx context.Context, providerID, externalUserID string) error {
	k := call{
		op: "dissociate an account", method: http.MethodDelete, path: provider(providerID, "externalUsers"), provider: true,
		body: map[string]string{"externalUserId": externalUserID}, bad: checkText("the external user id", externalUserID, maxID),
	}
	return c.do(ctx, k)
}

// Associations yields the account associations of up to 100 external user ids, those that exist. It ends after an error.
func (c *Client) Associations(ctx context.Context, providerID string, externalUserIDs ...string) iter.Seq2[Association, error] {
	return list[Association](ctx, c, func(token string, out *page) call {
		k := call{
			op: "query account associations", method: http.MethodPost, path: provider(providerID, "externalUsers", "query"),
			out: out, provider: true, again: true,
		}
		body := map[string]any{"filters": map[string]any{"externalUserIds": externalUserIDs}}
		if token != "" {
			body["paginationContext"] = map[string]any{"maxResults": pageSize, "nextToken": token}
		}
		k.body = body
		if len(externalUserIDs) == 0 || len(externalUserIDs) > maxExternal {
			k.bad = errors.New("not 1 to 100 external user ids")
		}
		for _, id := range externalUserIDs {
			k.bad = first(k.bad, checkText("an external user id", id, maxID))
		}
		return k
	})
}

// provider returns a path of the service provider API.
func provider(more ...string) []string {
	return append([]string{"v1", "communications", "serviceProviders"}, more...)
}
