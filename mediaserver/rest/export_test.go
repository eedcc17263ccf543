package rest

import (
	"net/http"
	"slices"
)

// Paths returns all methods and paths in their order, as OpenAPI has them.
func Paths() []string {
	var all []string
	for _, r := range routeTable {
		path := "/" + r.service
		if !r.open {
			path += "/{domain}"
		}
		path += "/" + r.name
		if r.param != "" {
			path += "/{" + r.param + "}"
		}
		for _, m := range r.methods {
			all = append(all, m.name+" "+path)
		}
		all = append(all, http.MethodOptions+" "+path)
	}
	slices.Sort(all)
	return all
}

// Find returns where a path leads to.
func Find(path string) (service, name, domain, param string, ok bool) {
	p, err := find(path)
	if err != nil {
		return "", "", "", "", false
	}
	return p.route.service, p.route.name, p.domain, p.param, true
}
