package rtc

import (
	"encoding/json"
	"fmt"
)

// wireEndpoints returns the payload of a discovery event.
func wireEndpoints(endpoints []Endpoint, scope *wireScope) (any, error) {
	if err := checkIDs(endpoints); err != nil {
		return nil, err
	}
	w := wireDiscovery{Endpoints: []*wireDiscovered{}, Scope: scope}
	for i := range endpoints {
		d, err := endpoints[i].wire(endpointPath(i))
		if err != nil {
			return nil, err
		}
		w.Endpoints = append(w.Endpoints, d)
	}
	return w, nil
}

// wireDeleted returns the payload of a DeleteReport.
func wireDeleted(endpoints []Endpoint, scope *wireScope) (any, error) {
	if err := checkIDs(endpoints); err != nil {
		return nil, err
	}
	w := wireDeletion{Endpoints: []wireEndpoint{}, Scope: scope}
	for i := range endpoints {
		w.Endpoints = append(w.Endpoints, wireEndpoint{EndpointID: endpoints[i].ID})
	}
	return w, nil
}

func endpointPath(i int) string { return fmt.Sprintf("payload.endpoints[%d]", i) }

// checkIDs refuses too many endpoints, and ids that are none or are there twice.
func checkIDs(endpoints []Endpoint) error {
	if len(endpoints) > MaxEndpoints {
		return errMember("payload.endpoints", fmt.Sprintf("has more than %d entries", MaxEndpoints))
	}
	seen := map[string]bool{}
	for i := range endpoints {
		path := endpointPath(i) + ".endpointId"
		if err := checkEndpointID(path, endpoints[i].ID); err != nil {
			return err
		}
		if seen[endpoints[i].ID] {
			return errMember(path, "is there twice")
		}
		seen[endpoints[i].ID] = true
	}
	return nil
}

// parseEndpoints reads the payload of a discovery event.
func parseEndpoints(payload node) []Endpoint {
	nodes := payload.list("endpoints", MaxEndpoints)
	endpoints := make([]Endpoint, 0, len(nodes))
	for _, n := range nodes {
		e := Endpoint{
			ID: n.text("endpointId", maxID), FriendlyName: n.text("friendlyName", maxText), Description: n.text("description", maxText),
			Manufacturer: n.text("manufacturerName", maxText), Model: n.text("modelName", maxText), Cookie: n.cookie("cookie"), HalfDuplex: true,
		}
		var categories []string
		if raw := n.members["displayCategories"]; n.has("displayCategories") && json.Unmarshal(raw, &categories) != nil {
			n.fail("displayCategories", "not strings")
		}
		for _, c := range categories {
			e.Categories = append(e.Categories, Category(c))
		}
		for _, c := range n.list("capabilities", MaxEndpoints) {
			switch c.text("interface", maxText) {
			case "Alexa.RTCSessionController":
				e.HalfDuplex = !c.object("configuration").flag("isFullDuplexAudioSupported")
			case "Alexa.DoorbellEventSource":
				e.Doorbell = true
			}
		}
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// capabilities returns the interfaces of the endpoint.
func (e *Endpoint) capabilities() []wireCapability {
	yes, no, full := true, false, !e.HalfDuplex
	list := []wireCapability{
		{Interface: "Alexa"},
		{Interface: "Alexa.RTCSessionController", Configuration: &wireConfiguration{full}},
		{Interface: healthInterface, Properties: &wireProperties{Supported: []wireSupported{{connectivity}}, ProactivelyReported: no, Retrievable: yes}},
	}
	if e.Doorbell {
		list = append(list, wireCapability{Interface: "Alexa.DoorbellEventSource", ProactivelyReported: &yes})
	}
	for i := range list {
		list[i].Type, list[i].Version = "AlexaInterface", payloadVersion
	}
	return list
}

type (
	wireDiscovery struct {
		Endpoints []*wireDiscovered `json:"endpoints"`
		Scope     *wireScope        `json:"scope,omitempty"`
	}
	wireDeletion struct {
		Endpoints []wireEndpoint `json:"endpoints"`
		Scope     *wireScope     `json:"scope"`
	}
	wireDiscovered struct {
		EndpointID   string            `json:"endpointId"`
		Manufacturer string            `json:"manufacturerName"`
		Model        string            `json:"modelName,omitempty"`
		FriendlyName string            `json:"friendlyName"`
		Description  string            `json:"description"`
		Categories   []Category        `json:"displayCategories"`
		Cookie       map[string]string `json:"cookie,omitempty"`
		Capabilities []wireCapability  `json:"capabilities"`
	}
	wireCapability struct {
		Type                string             `json:"type"`
		Interface           string             `json:"interface"`
		Version             string             `json:"version"`
		Configuration       *wireConfiguration `json:"configuration,omitempty"`
		Properties          *wireProperties    `json:"properties,omitempty"`
		ProactivelyReported *bool              `json:"proactivelyReported,omitempty"`
	}
	wireConfiguration struct {
		FullDuplex bool `json:"isFullDuplexAudioSupported"`
	}
	wireProperties struct {
		Supported           []wireSupported `json:"supported"`
		ProactivelyReported bool            `json:"proactivelyReported"`
		Retrievable         bool            `json:"retrievable"`
	}
	wireSupported struct {
		Name string `json:"name"`
	}
)
