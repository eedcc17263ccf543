package wire

import (
	"encoding/json"
	"math"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
)

// A FallbackMode says when a stored command is used.
type FallbackMode uint8

// The modes.
const (
	OnError FallbackMode = iota + 1 // when the application fails
	Always                          // always, without asking the application
)

// defaultSpan is how long a command is kept about which nothing is said.
const defaultSpan = 182 * 24 * time.Hour

// A Fallback is a stored command that is used in place of the application.
type Fallback struct {
	Mode FallbackMode
	// For how long it is kept, or else until when. Both 0: HALF-YEAR.
	For     time.Duration // DAY, WEEK, MONTH, QUARTER or HALF-YEAR
	Until   time.Time     // in whole seconds
	TTL     time.Duration // how long it will still be kept, in whole seconds; of answers
	Command *mediaserver.Command
}

// Expires returns when a fallback that is stored now ends.
func (f *Fallback) Expires(now time.Time) time.Time {
	switch {
	case !f.Until.IsZero():
		return f.Until
	case f.For > 0:
		return now.Add(f.For)
	}
	return now.Add(defaultSpan)
}

// AppendFallback appends the body of a POST of ivrfallback/{number}.
func AppendFallback(b []byte, f *Fallback) ([]byte, error) {
	v := *f
	return write(b, func(c *coder) { c.fallback(&v, false) })
}

// ParseFallback parses the body of a POST of ivrfallback/{number}. Its command calls or hangs up after its phrases.
func ParseFallback(data []byte) (f *Fallback, unknown []string, err error) {
	return parsed(data, func(c *coder, f *Fallback) { c.fallback(f, false) })
}

var modeTable = []word[FallbackMode]{
	{"onError", OnError},
	{"always", Always},
}

func (c *coder) fallback(f *Fallback, answer bool) {
	enum(c, "mode", &f.Mode, modeTable)
	if f.Mode == 0 {
		c.fail("mode", "missing")
	}
	c.expiration(f)
	if answer {
		c.ttl(&f.TTL)
	}
	object(c, "command", &f.Command, (*coder).stored)
	if f.Command == nil {
		c.fail("command", "missing")
	}
}

// stored is a command that says all there is to be done: nobody can be asked for another one.
func (c *coder) stored(m *mediaserver.Command) {
	list(c, "phrases", &m.Phrases, MaxPhrases, (*coder).phrase)
	c.storedAction(m)
}

// storedAction is an action in its object form.
func (c *coder) storedAction(m *mediaserver.Command) {
	var a mediaserver.Action
	switch {
	case c.reading():
		c.action(&a, thenTable)
	case m.Call != nil:
		a = *m.Call
	case m.Hangup:
		a.Kind = mediaserver.Drop
	}
	if a.Kind == 0 {
		c.fail("action", "missing")
		return
	}
	if !c.reading() {
		c.inside("action", true, func(in *coder) { in.actionOf("type", &a, thenTable) })
		return
	}
	if m.Hangup = a.Kind == mediaserver.Drop; !m.Hangup {
		m.Call = &a
	}
}

// expiration is the name of a span, or a Unix time in seconds.
func (c *coder) expiration(f *Fallback) {
	const name = "expiration"
	n, ok := c.members[name].(json.Number)
	if !ok && (c.reading() || f.Until.IsZero()) {
		enum(c, name, &f.For, spanTable)
		return
	}
	if !c.reading() {
		c.put(name, f.Until.Unix())
		return
	}
	delete(c.members, name)
	if s, ok := c.number(name, n, maxUnix); ok {
		f.Until = time.Unix(int64(math.Trunc(s)), 0)
	}
}

// maxTTL is the longest time that is left of a command, in seconds: more than the 366 days of other times, since Until may be any day.
const maxTTL = math.MaxInt64 / int64(time.Second)

// ttl is a number of seconds that is not there when it is 0.
func (c *coder) ttl(p *time.Duration) {
	const name = "ttl"
	if !c.reading() {
		switch {
		case *p < 0:
			c.fail(name, "negative")
		case *p > 0:
			c.put(name, int64((*p-1)/time.Second)+1)
		}
		return
	}
	if v, ok := c.take(name); ok {
		f, _ := c.number(name, v, float64(maxTTL))
		*p = time.Duration(f) * time.Second
	}
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799
