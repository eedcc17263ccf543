package rest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/mediaserver/rest"
)

// contract is the part of OpenAPI 3.1 that the contract uses.
type contract struct {
	OpenAPI    string
	Paths      map[string]map[string]any
	Webhooks   map[string]struct{ Post operation }
	Components struct {
		Schemas   map[string]schema
		Responses map[string]any
	}
}

type operation struct {
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

// A schema is as JSON Schema has it.
type schema = map[string]any

func readContract(t *testing.T) *contract {
	t.Helper()
	d := new(contract)
	if err := json.Unmarshal(rest.OpenAPI(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	schemaRef = "#/components/schemas/"
	ignored   = "x-ignored" // a member that is read, and comes to nothing
)

func (d *contract) resolve(s schema) schema {
	for {
		ref, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		if s, ok = d.Components.Schemas[strings.TrimPrefix(ref, schemaRef)]; !ok {
			panic("no schema " + ref)
		}
	}
}

func (d *contract) list(s schema, word string) (all []schema) {
	list, _ := s[word].([]any)
	for _, v := range list {
		all = append(all, d.resolve(v.(schema)))
	}
	return all
}

// alternatives returns the schemas of which one has to hold, or several may.
func (d *contract) alternatives(s schema) []schema {
	return append(d.list(s, "oneOf"), d.list(s, "anyOf")...)
}

// A shape is one of the forms that an object may have. No other members than its properties may be there.
type shape struct {
	properties map[string]schema
	required   []string
	others     schema // of members of any name; nil: there are none
}

// shapes returns all forms that an object may have.
func (d *contract) shapes(s schema) []shape {
	s = d.resolve(s)
	var all []shape
	for _, one := range d.alternatives(s) {
		all = append(all, d.shapes(one)...)
	}
	if parts := d.list(s, "allOf"); parts != nil {
		all = []shape{{}}
		for _, part := range parts {
			all = product(all, d.shapes(part))
		}
	}
	if all == nil && s["type"] == "object" {
		own := shape{properties: map[string]schema{}}
		properties, _ := s["properties"].(schema)
		for name, p := range properties {
			own.properties[name] = d.resolve(p.(schema))
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			own.required = append(own.required, name.(string))
		}
		own.others, _ = s["additionalProperties"].(schema)
		all = []shape{own}
	}
	return all
}

func product(a, b []shape) (all []shape) {
	for _, x := range a {
		for _, y := range b {
			p := shape{properties: map[string]schema{}, required: append(slices.Clone(x.required), y.required...), others: x.others}
			maps.Copy(p.properties, x.properties)
			maps.Copy(p.properties, y.properties)
			all = append(all, p)
		}
	}
	return all
}

// check says what is wrong with a value.
func (d *contract) check(path string, s schema, v any) error {
	s = d.resolve(s)
	if members, ok := v.(map[string]any); ok {
		return d.checkObject(path, s, members)
	}
	if alternatives := d.alternatives(s); alternatives != nil {
		var err error
		for _, one := range alternatives {
			if err = d.check(path, one, v); err == nil {
				return nil
			}
		}
		return err
	}
	if c, ok := s["const"]; ok && c != v {
		return fmt.Errorf("%s: %v is not %v", path, v, c)
	}
	if words, ok := s["enum"].([]any); ok && !slices.Contains(words, v) {
		return fmt.Errorf("%s: %v is none of %v", path, v, words)
	}
	kind, bad := s["type"], false
	switch v := v.(type) {
	case string:
		pattern, _ := s["pattern"].(string)
		most, limited := s["maxLength"].(float64)
		bad = !regexp.MustCompile(pattern).MatchString(v) || limited && len(v) > int(most)
		bad = bad || kind != nil && kind != "string"
	case float64:
		least, _ := s["minimum"].(float64)
		most := s["maximum"]
		bad = v < least || most != nil && v > most.(float64) || kind != "number" && (kind != "integer" || v != float64(int64(v)))
	case bool:
		bad = kind != nil && kind != "boolean"
	case []any:
		items, ok := s["items"].(schema)
		bad = !ok
		for i, item := range v {
			if err := d.check(fmt.Sprintf("%s[%d]", path, i), items, item); err != nil {
				return err
			}
		}
	default:
		bad = true
	}
	if bad {
		return fmt.Errorf("%s: %v is not as %v", path, v, s)
	}
	return nil
}

func (d *contract) checkObject(path string, s schema, members map[string]any) error {
	err := fmt.Errorf("%s: not an object", path)
	for _, form := range d.shapes(s) {
		if err = d.checkShape(path, form, members); err == nil {
			return nil
		}
	}
	return err
}

func (d *contract) checkShape(path string, form shape, members map[string]any) error {
	for _, name := range form.required {
		if _, ok := members[name]; !ok {
			return fmt.Errorf("%s.%s: missing", path, name)
		}
	}
	for name, v := range members {
		p := form.properties[name]
		if p == nil {
			p = form.others
		}
		if p == nil {
			return fmt.Errorf("%s.%s: not in the contract", path, name)
		}
		if err := d.check(path+"."+name, p, v); err != nil {
			return err
		}
	}
	return nil
}

// samples returns values that have all that a schema allows: the first one as much as fits into one value, then one for each alternative.
func (d *contract) samples(s schema) []any {
	s = d.resolve(s)
	if examples, ok := s["examples"].([]any); ok {
		return examples
	}
	if shapes := d.shapes(s); shapes != nil {
		var all []any
		for _, form := range shapes {
			all = append(all, d.objects(form)...)
		}
		for _, one := range d.alternatives(s) { // those that are not objects
			if d.shapes(one) == nil {
				all = append(all, d.samples(one)...)
			}
		}
		return all
	}
	if c, ok := s["const"]; ok {
		return []any{c}
	}
	if words, ok := s["enum"].([]any); ok {
		return words
	}
	var all []any
	for _, one := range d.alternatives(s) {
		all = append(all, d.samples(one)...)
	}
	if all != nil {
		return all
	}
	switch s["type"] {
	case "string":
		return []any{"a"}
	case "boolean":
		return []any{true}
	case "array":
		return []any{d.samples(s["items"].(schema))}
	}
	return []any{1.0}
}

func (d *contract) objects(form shape) []any {
	first := map[string]any{}
	all := []any{first}
	for _, name := range slices.Sorted(maps.Keys(form.properties)) {
		first[name] = d.samples(form.properties[name])[0]
	}
	for name, p := range form.properties {
		for _, v := range d.samples(p)[1:] {
			other := map[string]any{}
			for _, need := range form.required {
				other[need] = first[need]
			}
			other[name] = v
			all = append(all, other)
		}
	}
	return all
}
