package rest

import (
	_ "embed" // of the contract
	"net/http"
	"slices"
	"strconv"

	"github.com/alexacall/alexacall/mediaserver/wire"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the contract: the REST interface, and as its webhooks the callbacks, in OpenAPI 3.1 as JSON, which is YAML as well.
func OpenAPI() []byte { return slices.Clone(openAPI) }

// contract returns the methods that answer with the contract.
func contract(contentType string) []method {
	get := func(x *exchange) (*wire.Answer, error) {
		head := x.w.Header()
		head.Set("Content-Type", contentType)
		head.Set("Content-Length", strconv.Itoa(len(openAPI)))
		_, _ = x.w.Write(openAPI)
		return nil, nil
	}
	return []method{{http.MethodGet, get}, {http.MethodHead, get}}
}
