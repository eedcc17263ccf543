package alexa

import (
	"cmp"
	"fmt"
	neturl "net/url"
	"strings"

	"github.com/alexacall/alexacall/internal/outbound"
)

// The hosts of Alexa's REST APIs by region. North America serves the United States and Canada; Europe the United Kingdom, Germany,
// France, Italy and Spain; the Far East Japan, where no calling is documented yet. An event names its own in Event.APIEndpoint.
const (
	EndpointNA = "https://api.amazonalexa.com"
	EndpointEU = "https://api.eu.amazonalexa.com"
	EndpointFE = "https://api.fe.amazonalexa.com"
)

// An Origin says where a call came from, and so where its messages go: Event.Origin. The zero Origin is that of a call which we began,
// to a device in the region of Client.Endpoint.
type Origin struct {
	Endpoint string // base URL of Alexa's REST APIs in the region, such as EndpointEU; empty: Client.Endpoint
	User     string // user of the skill, for Client.TokensOf; may be empty
}

// Origin returns where the event came from. That an answer belongs to the region of its event is inferred.
func (e *Event) Origin() Origin { return Origin{Endpoint: e.APIEndpoint, User: e.UserID} }

// amazonEndpoint returns the base URL of Amazon's that s means, or "" if it is none: https, one of the three hosts, and nothing else.
func amazonEndpoint(s string) string {
	u, err := neturl.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return ""
	}
	if p := u.Port(); p != "" && p != "443" {
		return ""
	}
	host := "https://" + strings.ToLower(u.Hostname())
	switch host {
	case EndpointNA, EndpointEU, EndpointFE:
		return host
	}
	return ""
}

// baseURL returns where messages of a call from o go.
func (c *Client) baseURL(o Origin) (*neturl.URL, error) {
	own := cmp.Or(c.Endpoint, EndpointNA)
	if amazonEndpoint(own) != "" {
		own = cmp.Or(amazonEndpoint(o.Endpoint), own)
	}
	base, err := outbound.BaseURL(own)
	if err != nil {
		return nil, fmt.Errorf("Client.Endpoint %w", err)
	}
	return base, nil
}
