package sip

import (
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// Keep-alives of connections that a call needs (RFC 5626 sections 3.5.1 and 4.4.1).
const (
	pingAfter = 96 * time.Second // of silence, at the least
	pingLate  = 24 * time.Second // at the most as much later
	pongFor   = 10 * time.Second // for the answer
)

var errNoPong = errors.New("sip: no answer to a keep-alive")

// pulse is what a connection's reader knows of its keep-alives. A far side that has answered a ping once must answer them all: else the
// connection is dead, as behind a NAT or a firewall that has forgotten it. Many never answer; of them nothing is asked.
type pulse struct {
	heard  time.Time // when anything came
	due    time.Time // of the next ping
	sent   bool      // a ping went out, and nothing has come since
	owed   bool      // an answer has not come yet
	owedAt time.Time // when the ping for it went out
	ponged bool      // the far side answers pings
	hums   bool      // it sends line breaks of its own, which could be taken for answers
	breaks int       // that came since the last message or ping: half a ping
}

// came takes note that something has come.
func (p *pulse) came(now time.Time) {
	p.heard, p.sent = now, false
	p.due = now.Add(pingAfter + rand.N(pingLate))
}

// lineBreaks takes the line breaks that came between messages, and returns how many pings there were among them.
func (p *pulse) lineBreaks(n int, now time.Time) (pings int) {
	if n > 0 && p.owed {
		p.owed = false
		n--
		if now.Sub(p.owedAt) <= pongFor {
			p.ponged = true
		}
	}
	if n == 1 {
		p.hums = true
	}
	p.breaks += n
	pings = p.breaks / 2
	p.breaks %= 2
	return pings
}

// deadline returns until when to read. held says whether a call needs the connection.
func (p *pulse) deadline(held bool) time.Time {
	idle := p.heard.Add(idleFor)
	switch {
	case !held:
		return idle
	case p.sent && p.ponged && !p.hums:
		return p.owedAt.Add(pongFor)
	}
	return p.due
}

// late says what is to be done where nothing has come by the deadline: the connection is given up, a ping is sent, or neither.
func (p *pulse) late(held bool, now time.Time) (ping bool, err error) {
	switch {
	case !held && now.Before(p.heard.Add(idleFor)):
		return false, nil // it was needed until just now
	case !held:
		return false, errIdle
	case p.sent && p.ponged && !p.hums:
		return false, errNoPong
	case now.Before(p.due):
		return false, nil
	}
	if p.owed && p.ponged {
		p.hums = true // other messages came, and no answer: it is not to be relied on
	}
	p.sent, p.owed, p.owedAt, p.breaks = true, true, now, 0
	p.due = now.Add(pingAfter + rand.N(pingLate))
	return true, nil
}

var errIdle = errors.New("sip: a connection that nobody needs")

// next reads once, for as long as the message that has begun may take, or as an idle connection is kept.
func (s *stream) next(buf []byte, begun time.Time) (int, error) {
	for {
		deadline := begun.Add(wholeMessageFor)
		if begun.IsZero() {
			deadline = s.pulse.deadline(s.held.Load() > 0)
		}
		if err := s.c.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
		n, err := s.c.Read(buf)
		if n > 0 {
			s.pulse.came(time.Now())
			return n, nil
		}
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || !begun.IsZero() {
			return n, err
		}
		ping, err := s.pulse.late(s.held.Load() > 0, time.Now())
		if err != nil {
			return 0, err
		}
		if ping {
			if err := s.write([]byte("\r\n\r\n")); err != nil {
				return 0, err
			}
		}
	}
}
