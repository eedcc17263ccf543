package sip

import (
	"errors"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

const (
	defaultSession = 30 * time.Minute
	minSession     = 90 * time.Second // below which no interval may be asked for (RFC 4028 section 4)
	maxSession     = 1<<31 - 1        // seconds
	maxLonger      = 4                // 422s to one request, of proxies and the far side, that are answered with a longer interval
	minRetry       = 5 * time.Second  // after a refresh that was refused
)

var errExpired = errors.New("sip: the session was not refreshed")

// session is the session timer of a call (RFC 4028): one of the sides refreshes the call in time, or it is over.
type session struct {
	every time.Duration // 0: there is none
	least time.Duration // that those on the way have asked for; 0: minSession
	ours  bool          // we refresh
	owed  bool          // and should by now
	until time.Time
	next  time.Time // when timer fires
	timer *time.Timer
}

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.every, s.owed = 0, false
}

// grace is how long before its expiry a session is ended (RFC 4028 section 10).
func (s *session) grace() time.Duration { return min(32*time.Second, s.every/3) }

// refreshed begins an interval anew.
func (l *Leg) refreshed(every time.Duration, ours bool) {
	s := &l.session
	s.stop()
	if every == 0 || l.Ended() != nil {
		return
	}
	s.every, s.ours, s.until = every, ours, time.Now().Add(every)
	if ours {
		l.wake(every / 2)
	} else {
		l.wake(every - s.grace())
	}
}

// wake has the session looked at after a time.
func (l *Leg) wake(after time.Duration) {
	s := &l.session
	s.next = time.Now().Add(after)
	s.timer = time.AfterFunc(after, func() { l.post(l.sessionDue) })
}

// sessionDue refreshes the session, or ends it.
func (l *Leg) sessionDue() {
	s := &l.session
	switch now := time.Now(); {
	case s.every == 0 || now.Before(s.next):
		return // refreshed at that moment
	case !s.ours || !now.Before(s.until.Add(-s.grace())):
		s.stop()
		l.failed(bridge.Unreachable, errExpired)
		return
	}
	l.wake(time.Until(s.until) - s.grace())
	s.owed = true
	u := l.wish(l.want)
	u.refresh = true
	l.updates = append(l.updates, u)
	l.nextUpdate()
}

// refreshNow refreshes the session: by UPDATE, where the far side takes that, else by an INVITE that changes nothing.
func (l *Leg) refreshNow(u *update) {
	if !l.session.owed {
		return // another request has
	}
	if l.dialog.updates {
		if err := l.sendUpdate(u, l.dialog, nil); err != nil {
			l.notRefreshed(u)
		}
		return
	}
	u.want = l.want
	d, err := l.terminal.Offer(u.want)
	if err == nil {
		err = l.reinvite(u, textOf(d))
	}
	if err != nil {
		l.endOffer(u, err)
	}
}

// notRefreshed tries again later, while there is time.
func (l *Leg) notRefreshed(u *update) {
	s := &l.session
	if !u.refresh || !s.owed || l.Ended() != nil {
		return
	}
	s.owed = false
	s.timer.Stop()
	left := time.Until(s.until) - s.grace()
	l.wake(min(max(left/2, minRetry), left))
}

// timeSession adds to an INVITE or UPDATE of ours what it says of the session timer. Roles stay as they are.
func (l *Leg) timeSession(req *sipmsg.Request) {
	every := l.agent.o.SessionExpires
	if every < 0 {
		return
	}
	s, refresher := &l.session, ""
	if s.every > 0 {
		every, refresher = s.every, ";refresher=uas"
		if s.ours {
			refresher = ";refresher=uac"
		}
	}
	s.put(req, max(every, s.least), refresher)
}

// put writes the interval into a request.
func (s *session) put(req *sipmsg.Request, every time.Duration, refresher string) {
	for _, name := range [...]string{"Session-Expires", "Min-SE"} {
		for req.RemoveHeader(name) {
		}
	}
	req.AppendHeader(sipmsg.NewHeader("Session-Expires", seconds(every)+refresher))
	if s.least > minSession {
		req.AppendHeader(sipmsg.NewHeader("Min-SE", seconds(s.least)))
	}
}

// sessionAgreed takes what the 2xx to an INVITE or UPDATE of ours says (RFC 4028 section 7.2). One that says nothing has no timer.
func (l *Leg) sessionAgreed(res *sipmsg.Response) {
	every, refresher := sessionOf(res)
	if l.agent.o.SessionExpires < 0 || every == 0 {
		l.refreshed(0, false)
		return
	}
	l.refreshed(max(every, minSession), refresher != "uas")
}

// sessionAnswer returns what our 2xx to an INVITE or UPDATE says (RFC 4028 section 9), and begins the interval.
func (l *Leg) sessionAnswer(req *sipmsg.Request) []sipmsg.Header {
	a, able := l.agent, supports(req, tagTimer)
	every, refresher := sessionOf(req)
	standing, longest := l.session.every, max(a.o.SessionExpires, durationOf(headerText(req, "min-se")))
	switch {
	case a.o.SessionExpires < 0, every > 0 && every < minSession:
		every = 0
	case every > 0:
		every = min(every, longest)
	case able:
		every = longest
	case l.session.ours:
		every = standing
	}
	if every == 0 {
		l.refreshed(0, false)
		return nil
	}
	ours := !able || refresher == "uas" || refresher != "uac" && standing > 0 && l.session.ours
	l.refreshed(every, ours)
	value := seconds(every) + ";refresher=uac"
	if ours {
		value = seconds(every) + ";refresher=uas"
	}
	headers := []sipmsg.Header{sipmsg.NewHeader("Session-Expires", value)}
	if able {
		headers = append(headers, sipmsg.NewHeader("Require", tagTimer))
	}
	return headers
}

// sessionRefusal returns how a request is refused for its session timer; nil if it is not.
func (a *Agent) sessionRefusal(req *sipmsg.Request) *refusal {
	if a.o.SessionExpires < 0 {
		if requires(req, tagTimer) {
			return badExtension(tagTimer)
		}
		return nil
	}
	if every, _ := sessionOf(req); every > 0 && every < minSession && supports(req, tagTimer) {
		return refuseWith(422, "Session Interval Too Small", sipmsg.NewHeader("Min-SE", seconds(minSession)))
	}
	return nil
}

// longer sends a request once more with the interval that a 422 asks for (RFC 4028 section 7.3). It returns false if it does not.
func (x *exchange) longer(res *sipmsg.Response) bool {
	asked, _ := sessionOf(x.req)
	least := durationOf(headerText(res, "min-se"))
	if res.StatusCode != 422 || x.leg == nil || x.leg.Ended() != nil || asked == 0 || least <= asked || x.longed >= maxLonger {
		return false
	}
	x.longed++
	s := &x.leg.session
	s.least = max(s.least, least)
	_, refresher := sessionOf(x.req)
	if refresher != "" {
		refresher = ";refresher=" + refresher
	}
	before := x.renew()
	s.put(x.req, s.least, refresher)
	if x.send() != nil {
		x.req = before
		return false
	}
	return true
}

// sessionOf returns the interval that a message speaks of, and who it says refreshes: "uac", "uas" or "". What cannot be read is not there.
func sessionOf(msg sipmsg.Message) (every time.Duration, refresher string) {
	value, params, _ := strings.Cut(headerText(msg, "session-expires", "x"), ";")
	if every = durationOf(value); every == 0 {
		return 0, ""
	}
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		v = strings.ToLower(strings.TrimSpace(v))
		if strings.EqualFold(strings.TrimSpace(k), "refresher") && (v == "uac" || v == "uas") {
			return every, v
		}
	}
	return every, ""
}

// durationOf reads a number of seconds; 0 if it is none. Parameters after it are passed over.
func durationOf(text string) time.Duration {
	if text == "" {
		return 0 // as in most messages: the error would cost more than all else
	}
	text, _, _ = strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(n, maxSession)) * time.Second
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
