package rtc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexacall/alexacall/internal/peertext"
)

// A ParseError says what is wrong with JSON of Alexa. It never repeats a value.
type ParseError struct {
	Path string // such as "directive.payload.offer.value"; "": the whole
	Text string // what is wrong there
	Err  error  // from encoding/json; may be nil
}

// Error returns place and fault in one line.
func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString("rtc: cannot parse")
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	b.WriteString(": " + e.Text)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *ParseError) Unwrap() error { return e.Err }

// A node is an object of a document and its path. Members that are missing or null are empty; the first one that is wrong is remembered
// for the whole document.
type node struct {
	members map[string]json.RawMessage
	path    string
	first   **ParseError
}

// parseDocument parses a document of a peer, which must be an object.
func parseDocument(data []byte, limit int) (node, error) {
	n := node{first: new(*ParseError)}
	switch {
	case len(data) > limit:
		return n, &ParseError{Text: fmt.Sprintf("more than %d bytes", limit)}
	case !json.Valid(data):
		var v struct{}
		return n, &ParseError{Text: "not JSON", Err: json.Unmarshal(data, &v)}
	case json.Unmarshal(data, &n.members) != nil || n.members == nil:
		return n, &ParseError{Text: "not an object"}
	}
	return n, nil
}

// err returns what was wrong first, or nil.
func (n node) err() error {
	if *n.first == nil {
		return nil
	}
	return *n.first
}

func (n node) at(key string) string {
	if n.path == "" {
		return key
	}
	return n.path + "." + key
}

func (n node) fail(key, text string) {
	if *n.first == nil {
		*n.first = &ParseError{Path: n.at(key), Text: text}
	}
}

// has reports whether there is a member that is not null.
func (n node) has(key string) bool {
	raw, ok := n.members[key]
	return ok && string(raw) != "null"
}

// object returns a member that is an object.
func (n node) object(key string) node {
	child := node{path: n.at(key), first: n.first}
	if n.has(key) && json.Unmarshal(n.members[key], &child.members) != nil {
		n.fail(key, "not an object")
	}
	return child
}

// list returns the objects of a member that is an array.
func (n node) list(key string, limit int) []node {
	var raws []json.RawMessage
	if n.has(key) && json.Unmarshal(n.members[key], &raws) != nil {
		n.fail(key, "not an array")
		return nil
	}
	if len(raws) > limit {
		n.fail(key, fmt.Sprintf("more than %d entries", limit))
		return nil
	}
	nodes := make([]node, 0, len(raws))
	for i, raw := range raws {
		at := fmt.Sprintf("%s[%d]", key, i)
		child := node{path: n.at(at), first: n.first}
		if json.Unmarshal(raw, &child.members) != nil {
			n.fail(at, "not an object")
		}
		nodes = append(nodes, child)
	}
	return nodes
}

// text returns a member that is a string.
func (n node) text(key string, limit int) string {
	if !n.has(key) {
		return ""
	}
	var s string
	if json.Unmarshal(n.members[key], &s) != nil {
		n.fail(key, "not a string")
		return ""
	}
	if len(s) > limit {
		n.fail(key, fmt.Sprintf("more than %d bytes", limit))
		return ""
	}
	return s
}

// scalar returns a string, a number or a truth value as text, and "" for all else.
func (n node) scalar(key string) string {
	raw := n.members[key]
	var s string
	switch {
	case !n.has(key) || raw[0] == '{' || raw[0] == '[':
		return ""
	case json.Unmarshal(raw, &s) == nil:
		return s
	}
	return string(raw)
}

// flag returns a truth value in any of the ways that Amazon's schema allows: true, "true", "True", "TRUE", 1.
func (n node) flag(key string) bool {
	s := n.scalar(key)
	return strings.EqualFold(s, "true") || s == "1"
}

// number returns a number that is not negative, as such or as text.
func (n node) number(key string) float64 {
	if !n.has(key) {
		return 0
	}
	v, err := strconv.ParseFloat(n.scalar(key), 64)
	if err != nil || !(v >= 0) {
		n.fail(key, "not a number of zero or more")
		return 0
	}
	return v
}

// time returns a member that is a time as in RFC 3339.
func (n node) time(key string) time.Time {
	s := n.text(key, maxID)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		n.fail(key, "not a time as in RFC 3339")
		return time.Time{}
	}
	return t.UTC()
}

// cookie returns the texts of a member that is an object; nil when there are none. What is no text was not put there by us.
func (n node) cookie(key string) map[string]string {
	if len(n.members[key]) > 2*MaxCookie { // escapes and white space
		n.fail(key, fmt.Sprintf("more than %d bytes", 2*MaxCookie))
		return nil
	}
	var cookie map[string]string
	for name, raw := range n.object(key).members {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			continue
		}
		if cookie == nil {
			cookie = map[string]string{}
		}
		cookie[name] = *s
	}
	return cookie
}

// appendJSON appends v in the form in which it is sent.
func appendJSON(b []byte, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // "<" is legal JSON as it is
	if err := enc.Encode(v); err != nil {
		return b, err
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...), nil
}

// errMember says what is wrong with a member that was to be written.
func errMember(path, text string) error { return fmt.Errorf("%s %s", path, text) }

// checkOpaque checks a required text of Alexa's own or of SDP, which goes out as it came.
func checkOpaque(path, s string, limit int) error {
	switch {
	case s == "":
		return errMember(path, "is missing")
	case len(s) > limit:
		return errMember(path, fmt.Sprintf("has more than %d bytes", limit))
	case !utf8.ValidString(s):
		return errMember(path, "is not UTF-8")
	}
	return nil
}

// checkText checks a required text of ours: a name, a token.
func checkText(path, s string, limit int) error {
	if err := checkOpaque(path, s, limit); err != nil {
		return err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errMember(path, "has control characters")
	}
	return nil
}

// checkEndpointID checks an endpoint's id against the pattern of the schema.
func checkEndpointID(path, id string) error {
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("_-=#;:?@&", r) }) {
		return errMember(path, "is not 1 to 256 letters, digits and characters of _-=#;:?@&")
	}
	return nil
}

// printable returns a peer's text fit for a log or an error: no control characters, and at most limit bytes before three dots.
func printable(s string, limit int) string { return peertext.Printable(s, limit) }
