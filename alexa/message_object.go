package alexa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A ParseError says what is wrong with JSON from a peer. It never repeats a value.
type ParseError struct {
	Path string // such as "request.participants[0].id.value"; "": the whole
	Text string // what is wrong there
	Err  error  // from encoding/json; may be nil
}

// Error returns place and fault in one line.
func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString("alexa: cannot parse")
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

// An object is a JSON object whose values are in compact form.
type object map[string]json.RawMessage

// parseDocument parses a whole document of a peer that must be an object, within
// MaxBody and maxDepth.
func parseDocument(path string, data []byte) (object, error) {
	if len(data) > MaxBody {
		return nil, &ParseError{Path: path, Text: fmt.Sprintf("more than %d bytes", MaxBody)}
	}
	if depth(data) > maxDepth {
		return nil, &ParseError{Path: path, Text: fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	var compact bytes.Buffer
	compact.Grow(len(data))
	if err := json.Compact(&compact, data); err != nil {
		return nil, &ParseError{Path: path, Text: "not JSON", Err: err}
	}
	return parseObject(path, compact.Bytes())
}

// parseObject parses an object that is part of a document, and so valid JSON.
func parseObject(path string, data []byte) (object, error) {
	o, err := split(data)
	if err != nil {
		return nil, &ParseError{Path: path, Text: err.Error()}
	}
	return o, nil
}

// parsePart does for a part that is parsed by itself what parseDocument does for the whole, without its limits. What it keeps is a copy,
// for data is the caller's.
func parsePart(path string, data []byte, parse func(path string, data []byte) error) error {
	if !json.Valid(data) {
		return &ParseError{Path: path, Text: "not an object"}
	}
	return parse(path, bytes.Clone(data))
}

// depth returns how deep objects and arrays in data lie inside one another. data need
// not be JSON.
func depth(data []byte) int {
	deepest, now := 0, 0
	inString := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// A reader takes known properties out of an object and remembers the first error.
type reader struct {
	object object
	path   string
	err    error
}

func newReader(path string, data []byte) *reader {
	o, err := parseObject(path, data)
	return &reader{object: o, path: path, err: err}
}

func (r *reader) at(key string) string {
	if r.path == "" {
		return key
	}
	return r.path + "." + key
}

func (r *reader) fail(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}

func (r *reader) result() error { return r.err }

// take removes a property and returns it, or false when it is missing or null.
func (r *reader) take(key string) (json.RawMessage, bool) {
	raw, ok := r.object[key]
	delete(r.object, key)
	if !ok || string(raw) == "null" {
		return nil, false
	}
	return raw, true
}

func (r *reader) text(key string, limit int) string {
	raw, ok := r.take(key)
	if !ok {
		return ""
	}
	s, ok := textOf(raw)
	if !ok {
		r.fail(&ParseError{Path: r.at(key), Text: "not a string"})
		return ""
	}
	if len(s) > limit {
		r.fail(&ParseError{Path: r.at(key), Text: fmt.Sprintf("more than %d bytes", limit)})
		return ""
	}
	return s
}

func (r *reader) boolean(key string) bool {
	raw, ok := r.take(key)
	if ok && string(raw) != "true" && string(raw) != "false" {
		r.fail(&ParseError{Path: r.at(key), Text: "not true or false"})
	}
	return string(raw) == "true"
}

// time reads ISO 8601 in the form that Alexa uses, with seconds and a zone.
func (r *reader) time(key string) time.Time {
	s := r.text(key, maxAddress)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.fail(&ParseError{Path: r.at(key), Text: "not a time as in RFC 3339"})
		return time.Time{}
	}
	return t
}

func (r *reader) array(key string, limit int) []json.RawMessage {
	raw, ok := r.take(key)
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		r.fail(&ParseError{Path: r.at(key), Text: "not an array"})
		return nil
	}
	if len(list) > limit {
		r.fail(&ParseError{Path: r.at(key), Text: fmt.Sprintf("more than %d entries", limit)})
		return nil
	}
	return list
}

// rest returns the properties that nobody took; nil when there are none.
func (r *reader) rest() map[string]json.RawMessage {
	if len(r.object) == 0 {
		return nil
	}
	return r.object
}

// A writer builds an object property by property.
type writer struct {
	buf   bytes.Buffer
	enc   *json.Encoder
	known []string
	err   error
}

func newWriter() *writer {
	w := new(writer)
	w.enc = json.NewEncoder(&w.buf)
	w.enc.SetEscapeHTML(false) // "<" in an SDP is legal JSON as it is
	w.buf.WriteByte('{')
	return w
}

// put writes a property.
func (w *writer) put(key string, value any) {
	w.known = append(w.known, key)
	w.property(key, value)
}

func (w *writer) property(key string, value any) {
	if w.buf.Len() > 1 {
		w.buf.WriteByte(',')
	}
	w.value(key)
	w.buf.WriteByte(':')
	w.value(value)
}

func (w *writer) value(v any) {
	if err := w.enc.Encode(v); err != nil {
		if w.err == nil {
			w.err = err
		}
		return
	}
	w.buf.Truncate(w.buf.Len() - 1) // the encoder's line end
}

// absent keeps a property that has no value from being written as an extra one.
func (w *writer) absent(key string) { w.known = append(w.known, key) }

// optional writes a property that may be absent.
func (w *writer) optional(key string, value any, have bool) {
	if !have {
		w.absent(key)
		return
	}
	w.put(key, value)
}

// text writes a text that is absent when empty.
func (w *writer) text(key, value string) { w.optional(key, value, value != "") }

// object returns the finished object with extra properties last, in the order of their
// names.
func (w *writer) object(extra map[string]json.RawMessage) ([]byte, error) {
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if slices.Contains(w.known, key) {
			return nil, fmt.Errorf("extra property %q has a field of its own", key)
		}
		w.property(key, extra[key])
	}
	if w.err != nil {
		return nil, w.err
	}
	w.buf.WriteByte('}')
	return w.buf.Bytes(), nil
}
