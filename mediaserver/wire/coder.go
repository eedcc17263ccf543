package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A coder is one object of a document. It is read or written member by member, both by the same function of a type, so that each name is
// there once: a method such as text takes the member out of the document when it is read, and puts it there when it is written.
type coder struct {
	*run
	path    string
	members map[string]any // reading: what has not been taken yet
	full    bool           // writing: there is a member already
}

// run is what the objects of a document have in common.
type run struct {
	out     *bytes.Buffer // nil: the document is read
	err     error         // the first one
	unknown []string      // paths of members that nobody has taken
}

// read reads a document.
func read(data []byte, f func(*coder)) (unknown []string, err error) {
	members, err := readDocument(data)
	if err != nil {
		return nil, err
	}
	c := &coder{run: &run{}, members: members}
	f(c)
	c.end()
	if c.err != nil {
		return nil, c.err
	}
	return c.unknown, nil
}

// write appends a document to b.
func write(b []byte, f func(*coder)) ([]byte, error) {
	c := &coder{run: &run{out: new(bytes.Buffer)}}
	c.out.WriteByte('{')
	f(c)
	c.out.WriteByte('}')
	if c.err == nil && c.out.Len() > MaxBody {
		c.fail("", fmt.Sprintf("more than %d bytes", MaxBody))
	}
	if c.err != nil {
		return b, c.err
	}
	return append(b, c.out.Bytes()...), nil
}

func (c *coder) reading() bool { return c.out == nil }

func (c *coder) at(name string) string {
	if c.path == "" || name == "" {
		return c.path + name
	}
	return c.path + "." + name
}

func (c *coder) fail(name, text string) {
	if c.err == nil {
		c.err = &Error{Path: c.at(name), Text: text}
	}
}

// take takes a member out of the object that is read. What is null is not there.
func (c *coder) take(name string) (any, bool) {
	v := c.members[name]
	delete(c.members, name)
	return v, v != nil
}

// alias makes a member that is read by another name one of the name.
func (c *coder) alias(name string, others ...string) {
	if !c.reading() {
		return
	}
	for _, other := range others {
		v, ok := c.take(other)
		if !ok {
			continue
		}
		if c.members[name] != nil {
			c.fail(other, "there by another name too")
			return
		}
		c.members[name] = v
	}
}

// end notes what nobody has taken of the object that was read.
func (c *coder) end() {
	for _, name := range slices.Sorted(maps.Keys(c.members)) {
		if c.members[name] != nil && len(c.unknown) < maxUnknown {
			c.unknown = append(c.unknown, c.path+join(c.path != "", name))
		}
	}
}

// put writes a member.
func (c *coder) put(name string, v any) {
	c.name(name)
	c.value(v)
}

// name writes what is before a member's value.
func (c *coder) name(name string) {
	if c.full {
		c.out.WriteByte(',')
	}
	c.full = true
	c.value(name)
	c.out.WriteByte(':')
}

// value writes what encoding/json makes of a string, number, truth value or list of strings.
func (c *coder) value(v any) {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false) // "<" is legal JSON as it is
	if err := enc.Encode(v); err != nil {
		c.fail("", "cannot be written")
		return
	}
	c.out.Truncate(c.out.Len() - 1) // the line's end
}

// inside reads or writes an object within c. When it is read and not there, f is not called.
func (c *coder) inside(name string, there bool, f func(*coder)) bool {
	if !c.reading() {
		if there {
			c.name(name)
			c.write(c.at(name), f)
		}
		return there
	}
	v, ok := c.take(name)
	if ok {
		c.read(name, v, f)
	}
	return ok
}

func (c *coder) read(name string, v any, f func(*coder)) {
	members, ok := v.(map[string]any)
	if !ok {
		c.fail(name, "not an object")
		return
	}
	in := &coder{run: c.run, path: c.at(name), members: members}
	f(in)
	in.end()
}

func (c *coder) write(path string, f func(*coder)) {
	c.out.WriteByte('{')
	f(&coder{run: c.run, path: path})
	c.out.WriteByte('}')
}

// object is inside for what is nil when it is not there.
func object[T any](c *coder, name string, p **T, f func(*coder, *T)) {
	v := new(T)
	if *p != nil {
		*v = **p // f may write what it has read
	}
	if c.inside(name, *p != nil, func(in *coder) { f(in, v) }) && c.reading() {
		*p = v
	}
}

// list reads or writes an array of objects. One that has a single entry may be read as that entry.
func list[T any](c *coder, name string, p *[]T, most int, f func(*coder, *T)) {
	if !c.reading() {
		writeList(c, name, *p, most, f)
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	entries, ok := v.([]any)
	if !ok {
		*p = make([]T, 1)
		c.read(name, v, func(in *coder) { f(in, &(*p)[0]) })
		return
	}
	if len(entries) > most {
		c.fail(name, fmt.Sprintf("more than %d entries", most))
		return
	}
	*p = nil
	for i, entry := range entries {
		var t T
		c.read(fmt.Sprintf("%s[%d]", name, i), entry, func(in *coder) { f(in, &t) })
		*p = append(*p, t)
	}
}

func writeList[T any](c *coder, name string, entries []T, most int, f func(*coder, *T)) {
	if len(entries) == 0 {
		return
	}
	if len(entries) > most {
		c.fail(name, fmt.Sprintf("more than %d entries", most))
		return
	}
	c.name(name)
	c.out.WriteByte('[')
	for i, t := range entries {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.write(fmt.Sprintf("%s[%d]", c.at(name), i), func(in *coder) { f(in, &t) })
	}
	c.out.WriteByte(']')
}
