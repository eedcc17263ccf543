package alexa_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// agree holds that what stands for the one side stands for the other.
func (c *crowd) agree() {
	phones, devices := 0, 0
	for _, p := range c.phones {
		if p.leg.Info().Phase == bridge.Up {
			phones++
		}
	}
	for _, e := range c.echoes {
		for _, call := range e.Calls() {
			if call.State() == alexatest.StateConnected {
				devices++
			}
		}
	}
	if phones != devices {
		c.t.Errorf("%d phones are in a call, and %d devices", phones, devices)
	}
}

// ended holds that everything is over, and each call has ended once.
func (c *crowd) ended() {
	for _, p := range c.phones {
		if p.leg.Info().Phase != bridge.Over {
			c.t.Errorf("a phone is left in phase %v", p.leg.Info().Phase)
		}
	}
	for _, e := range c.echoes {
		for _, call := range e.Calls() {
			if call.State() != alexatest.StateEnded {
				c.t.Errorf("a call is left %v at the device", call.State())
			}
		}
	}
	ends := map[string]int{}
	for _, e := range c.cloud.Transcript() {
		if e.Type == prefix+"CallEnded" && e.Direction == alexatest.FromSkill && e.Status == 200 {
			if ends[e.SessionID]++; ends[e.SessionID] > 1 {
				c.t.Errorf("Alexa took CallEnded %d times", ends[e.SessionID])
			}
		}
	}
	for _, line := range c.lines {
		must(c.t, line.Drain(c.t.Context()))
	}
	// What chance has kept from Alexa she misses.
	missed := func(v string) bool { return strings.HasPrefix(v, "no Call") && strings.Contains(v, " within ") }
	for _, v := range c.cloud.Violations() {
		if missed(v) {
			c.unwanted = append(c.unwanted, v)
		}
	}
	c.close()
}

// lawful carries what the skill sends, and holds that a call has one request on its way at a time, and none after CallEnded.
type lawful struct {
	t    *testing.T
	next http.RoundTripper

	mu   sync.Mutex
	busy map[string]bool
	over map[string]bool
}

// RoundTrip implements http.RoundTripper.
func (l *lawful) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m, err := alexa.ParseMessage(body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	if l.busy[m.SessionID] {
		l.t.Errorf("%s while another request of the call is on its way", m.Type)
	}
	if l.over[m.SessionID] && m.Type != alexa.CallEnded {
		l.t.Errorf("%s after CallEnded", m.Type)
	}
	l.busy[m.SessionID], l.over[m.SessionID] = true, m.Type == alexa.CallEnded
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.busy, m.SessionID)
	}()
	return l.next.RoundTrip(r)
}
