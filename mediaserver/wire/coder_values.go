package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxTime is the longest time that a document may name.
const maxTime = 366 * 24 * time.Hour

// text is a member that is not there when it is empty.
func (c *coder) text(name string, p *string) { c.textOf(name, p, MaxString) }

func (c *coder) textOf(name string, p *string, most int) {
	if len(*p) > most {
		c.fail(name, fmt.Sprintf("more than %d bytes", most))
		return
	}
	if !c.reading() {
		if *p != "" {
			c.put(name, *p)
		}
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	if *p, ok = c.string(name, v, most); !ok {
		*p = ""
	}
}

// string returns a value that has to be a string.
func (c *coder) string(name string, v any, most int) (string, bool) {
	s, ok := v.(string)
	switch {
	case !ok:
		c.fail(name, "not a string")
	case len(s) > most:
		c.fail(name, fmt.Sprintf("more than %d bytes", most))
		ok = false
	}
	return s, ok
}

// always is a text that is written though it is empty.
func (c *coder) always(name string, p *string) {
	if !c.reading() && *p == "" {
		c.put(name, "")
		return
	}
	c.text(name, p)
}

// need is a text that has to be there.
func (c *coder) need(name string, p *string) {
	c.text(name, p)
	if *p == "" {
		c.fail(name, "missing")
	}
}

// flag is a member that is not there when it is false.
func (c *coder) flag(name string, p *bool) {
	if !c.reading() {
		if *p {
			c.put(name, true)
		}
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	if *p, ok = v.(bool); !ok {
		c.fail(name, "not true or false")
	}
}

// number returns a value that has to be a number from 0 to most.
func (c *coder) number(name string, v any, most float64) (float64, bool) {
	s, ok := v.(json.Number)
	if !ok {
		c.fail(name, "not a number")
		return 0, false
	}
	f, err := strconv.ParseFloat(s.String(), 64)
	if err != nil || f < 0 || f > most {
		c.fail(name, fmt.Sprintf("not a number from 0 to %.0f", most))
		return 0, false
	}
	return f + 0, true // of -0 too
}

// whole is a number that is not there when it is 0.
func (c *coder) whole(name string, p *int, most int) {
	if !c.reading() {
		if *p < 0 || *p > most {
			c.fail(name, fmt.Sprintf("not a number from 0 to %d", most))
		} else if *p != 0 {
			c.put(name, *p)
		}
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	f, ok := c.number(name, v, float64(most))
	if ok && f != math.Trunc(f) {
		c.fail(name, "not a whole number")
	}
	*p = int(f)
}

// seconds is a time that is not there when it is 0.
func (c *coder) seconds(name string, p *time.Duration) {
	if c.reading() || *p != 0 {
		c.duration(name, p)
	}
}

// duration is a time that is written though it is 0.
func (c *coder) duration(name string, p *time.Duration) {
	if !c.reading() {
		if *p < 0 || *p > maxTime {
			c.fail(name, "not a time from 0 to 366 days")
			return
		}
		c.put(name, p.Seconds())
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	f, _ := c.number(name, v, maxTime.Seconds())
	*p = ofSeconds(f)
}

func ofSeconds(f float64) time.Duration { return time.Duration(math.Round(f * float64(time.Second))) }

// A word is the name of a value of a closed vocabulary.
type word[K comparable] struct {
	name  string
	value K
}

// enum is a value of a closed vocabulary. Any other is refused; none is the zero value.
func enum[K comparable](c *coder, name string, p *K, words []word[K]) {
	var zero K
	if !c.reading() {
		if *p == zero {
			return
		}
		for _, w := range words {
			if w.value == *p {
				c.put(name, w.name)
				return
			}
		}
		c.fail(name, "unknown")
		return
	}
	v, ok := c.take(name)
	if !ok {
		return
	}
	s, ok := c.string(name, v, MaxString)
	if !ok {
		return
	}
	for _, w := range words {
		if w.name == s {
			*p = w.value
			return
		}
	}
	c.fail(name, "unknown")
}

// texts is a list that is not there when it is empty. wrong says what is wrong with an entry, or "".
func (c *coder) texts(name string, p *[]string, wrong func(string) string) {
	entries := *p
	if c.reading() {
		v, ok := c.take(name)
		if !ok {
			return
		}
		raw, ok := v.([]any)
		if !ok {
			c.fail(name, "not an array")
			return
		}
		entries = nil
		for i, v := range raw {
			s, _ := c.string(fmt.Sprintf("%s[%d]", name, i), v, MaxString)
			entries = append(entries, s)
		}
		*p = entries
	}
	if len(entries) > MaxEntries {
		c.fail(name, fmt.Sprintf("more than %d entries", MaxEntries))
	}
	for i, s := range entries {
		if text := wrong(s); text != "" {
			c.fail(fmt.Sprintf("%s[%d]", name, i), text)
		}
	}
	if !c.reading() && len(entries) > 0 {
		c.put(name, entries)
	}
}

// table is an object of strings that is not there when it is empty. wrong says what is wrong with an entry, or "".
func (c *coder) table(name string, p *map[string]string, wrong func(key, value string) string) {
	entries := *p
	if c.reading() {
		v, ok := c.take(name)
		if !ok {
			return
		}
		raw, ok := v.(map[string]any)
		if !ok {
			c.fail(name, "not an object")
			return
		}
		entries = make(map[string]string, len(raw))
		for key, v := range raw {
			entries[key], _ = c.string(name, v, MaxString) // the key is the application's own
		}
	}
	if len(entries) > MaxEntries {
		c.fail(name, fmt.Sprintf("more than %d entries", MaxEntries))
	}
	for key, value := range entries {
		if text := wrong(key, value); text != "" {
			c.fail(name, text)
		}
	}
	switch {
	case len(entries) == 0:
	case !c.reading():
		c.put(name, entries)
	case *p == nil:
		*p = entries
	default:
		maps.Copy(*p, entries)
	}
}

// numeral is a number that is written as a string, and not there when it is 0.
func (c *coder) numeral(name string, most float64, get func() float64, set func(float64)) {
	s := ""
	if f := get(); f != 0 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	c.text(name, &s)
	if s == "" {
		return
	}
	if strings.Trim(s, "0123456789.") != "" {
		c.fail(name, "not a number") // but of the kinds that strconv knows besides
		return
	}
	f, ok := c.number(name, json.Number(s), most)
	if ok && c.reading() {
		set(f)
	}
}
