package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/alexacall/alexacall/internal/peertext"
)

// Limits of documents. The documentation names none; these are several times what calls need.
const (
	MaxBody    = 256 << 10 // bytes of a document
	MaxDepth   = 32        // objects and arrays inside one another
	MaxPhrases = 64        // of a command
	MaxText    = 16 << 10  // bytes of a text that is spoken
	MaxString  = 4 << 10   // bytes of any other: ids, addresses, names
	MaxEntries = 64        // of any other list or table

	maxUnknown = 16  // names that are reported
	maxName    = 256 // bytes of the name of a member, where one is reported
)

// A document of a peer is checked as a whole, and read into maps and slices, before anything is taken from it.
type document struct {
	dec  *json.Decoder
	path []byte
}

// readDocument returns the members of a document, which must be an object.
func readDocument(data []byte) (map[string]any, error) {
	switch {
	case len(data) > MaxBody:
		return nil, &Error{Text: fmt.Sprintf("more than %d bytes", MaxBody)}
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return nil, &Error{Text: "begins with a byte order mark"}
	case !utf8.Valid(data):
		return nil, &Error{Text: "not UTF-8"}
	case !json.Valid(data):
		return nil, &Error{Text: "not JSON"} // what encoding/json says of it repeats characters
	}
	d := document{dec: json.NewDecoder(bytes.NewReader(data))}
	d.dec.UseNumber()
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	members, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{Text: "not an object"}
	}
	return members, nil
}

func (d *document) fail(text string) error { return &Error{Path: string(d.path), Text: text} }

// value reads a value that lies in depth objects and arrays.
func (d *document) value(depth int) (any, error) {
	token, err := d.dec.Token()
	if err != nil {
		return nil, &Error{Path: string(d.path), Text: "not JSON"}
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == MaxDepth {
		return nil, d.fail(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	if delim == '[' {
		return d.array(depth + 1)
	}
	return d.object(depth + 1)
}

func (d *document) array(depth int) (any, error) {
	list := []any{}
	here := len(d.path)
	for d.dec.More() {
		d.path = fmt.Appendf(d.path[:here], "[%d]", len(list))
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	d.path = d.path[:here]
	_, err := d.dec.Token() // the end
	return list, err
}

func (d *document) object(depth int) (any, error) {
	members := map[string]any{}
	here := len(d.path)
	for d.dec.More() {
		token, err := d.dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, d.fail("not JSON")
		}
		d.path = append(d.path[:here], join(here > 0, name)...)
		if _, twice := members[name]; twice {
			return nil, d.fail("there more than once")
		}
		if members[name], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	d.path = d.path[:here]
	_, err := d.dec.Token() // the end
	return members, err
}

// join returns what the name of a member adds to a path. The name is the peer's.
func join(below bool, name string) string {
	name = peertext.Printable(name, maxName)
	if below {
		return "." + name
	}
	return name
}
