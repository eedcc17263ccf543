package alexa

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

const (
	postLimit   = 6 * time.Second  // for a message that the call can do without, with all its tries
	decideLimit = 10 * time.Second // for one that decides about the call
	decidePause = time.Second      // before the Client is asked again to send such a one
)

// session is one call's signalling: one goroutine owns the state and performs what the machine says. Posts run aside and come back as
// events.
type session struct {
	skill  *Skill
	leg    *Leg
	id     string
	origin Origin      // where its messages go
	known  atomic.Bool // Alexa has sent an event of the call
	log    *slog.Logger
	invite func(*Message) // completes InitiateInboundCall; nil for a call that came in

	events chan event
	failed chan error    // from the media, which must not wait for us
	done   chan struct{} // closed when the session is over and nothing is on its way
	work   sync.WaitGroup

	// Owned by the goroutine.
	cause   bridge.Cause // of the end
	why     error        // what led to what the machine does just now; may be nil
	abort   context.CancelFunc
	audible *media.Reader // waits for the first sound of a device that we call

	mu     sync.Mutex
	descs  map[int]description
	lastNo int
}

// description is a session description on its way through the machine, where it stands as a number.
type description struct {
	sdp           media.Description
	renegotiation RenegotiationType
}

func newSession(k *Skill, id string) *session {
	return &session{
		skill: k, id: id, log: k.logger().With("session", id), descs: map[int]description{},
		events: make(chan event), failed: make(chan error, 1), done: make(chan struct{}),
	}
}

// put keeps a description and returns its number; 0 for none.
func (s *session) put(d media.Description, r RenegotiationType) int {
	if d.IsZero() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastNo++
	s.descs[s.lastNo] = description{d, r}
	return s.lastNo
}

// get returns a description, once.
func (s *session) get(no int) description {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.descs[no]
	delete(s.descs, no)
	return d
}

// send hands an event to the session, and reports false when it is over.
func (s *session) send(ev event) bool {
	select {
	case s.events <- ev:
		return true
	case <-s.done:
		return false
	}
}

// run is the session's goroutine. It reports whether Alexa knows of the end, as far as she has known of the call.
func (s *session) run(st state) (told bool) {
	told = true
	defer s.work.Wait()
	defer close(s.done) // first, for what still runs may have something to tell
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(until(st.deadline))
		var ev event
		select {
		case ev = <-s.events:
		case err := <-s.failed:
			s.log.Warn("media failed", "err", err)
			ev = event{kind: evEnd, cause: bridge.Media, err: err}
		case <-timer.C:
			ev = event{kind: evTimeout}
		}
		if ev.kind == evUnsent && st.flying.kind == over {
			told = ev.dead || ev.refused // by whoever has ended it before
		}
		if ev.kind == evMessage {
			s.known.Store(true)
		}
		var acts []action
		st, acts = st.step(time.Now(), ev)
		s.why = ev.err
		for _, a := range acts {
			if a.do == doFinish {
				return told
			}
			s.perform(a)
		}
		if ev.kind == evMessage && ev.sdp != st.early {
			s.get(ev.sdp) // if it was of no use
		}
	}
}

func until(deadline time.Time) time.Duration {
	if deadline.IsZero() {
		return time.Hour
	}
	return time.Until(deadline)
}

// perform does one action without waiting for anybody.
func (s *session) perform(a action) {
	switch a.do {
	case doPost:
		s.post(a.post)
	case doAbort:
		s.abort()
	case doAlerting:
		s.leg.reach(bridge.Alerting)
	case doAnswer:
		s.answered(s.get(a.sdp))
	case doUp:
		if len(s.failed) == 0 { // else the answer is of no use, and the call about to end
			s.hush()
			s.leg.reach(bridge.Up)
		}
	case doOffer:
		s.leg.offeredChange(s.get(a.sdp), a.offer)
	case doStand:
		s.work.Go(s.leg.answerWithWhatStands)
	case doUpdated:
		s.leg.updated(s.get(a.sdp).sdp)
	case doNotUpdated:
		s.leg.notUpdated(a.glare, s.why)
	case doOver:
		s.cause = a.cause
		s.log.Info("call ended", "cause", a.cause.String(), "remote", a.remote)
		s.hush()
		s.leg.ended(&bridge.EndError{Cause: a.cause, Remote: a.remote, Err: s.why})
	case doFinish:
	}
}

// answered takes the answer of a device that we call. It may come before the user has accepted; the leg goes on alerting until the
// device is really heard.
func (s *session) answered(d description) {
	if err := s.leg.accept(d.sdp); err != nil {
		s.fail(err)
		return
	}
	r := s.leg.terminal.Stream(media.Audio).Reader()
	s.audible = r
	s.work.Go(func() {
		var p media.Packet
		err := r.Read(make([]byte, 2048), &p)
		for errors.Is(err, media.ErrChanged) {
			err = r.Read(make([]byte, 2048), &p)
		}
		if err == nil {
			s.leg.reach(bridge.Early)
		}
		_ = r.Close()
	})
}

// hush ends the wait for the first sound.
func (s *session) hush() {
	if s.audible != nil {
		_ = s.audible.Close()
		s.audible = nil
	}
}

// fail ends the call for its media. It is safe to be called from an engine and does not wait.
func (s *session) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// post sends a message and brings back what came of it.
func (s *session) post(p post) {
	m := s.message(p)
	limit := postLimit
	switch {
	case p.kind == over:
		limit = EndTime
	case p.kind.decides():
		limit = decideLimit
	}
	ctx, cancel := context.WithTimeout(s.skill.life, limit)
	s.abort = cancel
	s.work.Go(func() {
		defer cancel()
		err := s.deliver(ctx, m, p.kind)
		if err == nil {
			s.sentBack(event{kind: evSent})
			return
		}
		level := slog.LevelWarn
		if errors.Is(ctx.Err(), context.Canceled) {
			level = slog.LevelDebug // given up, because of what Alexa said meanwhile
		}
		s.log.Log(context.Background(), level, "call message not taken", "err", err)
		ev := event{kind: evUnsent, cause: bridge.Internal, err: err}
		if e, ok := errors.AsType[*Error](err); ok {
			ev.cause, ev.maybe, ev.busy = causeOfError(e), e.Uncertain, e.Status == http.StatusConflict
			ev.dead, ev.refused = endsCall(e), refusesMessage(e)
		}
		s.sentBack(ev)
	})
}

// deliver sends a message. One that decides about the call is sent for as long as ctx lasts, beyond the tries of the Client, unless
// Alexa has refused it, or has the call that it was to begin.
func (s *session) deliver(ctx context.Context, m *Message, k kind) error {
	for maybe := false; ; {
		err := s.skill.Client.SendTo(ctx, s.origin, m)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return err
		}
		maybe = maybe || e.Uncertain
		e.Uncertain = maybe
		switch {
		case k == over && (e.Retryable() || e.Status == http.StatusUnauthorized): // two tokens may expire in a row
		case k.decides() && e.Retryable():
		default:
			return err
		}
		if sleep(ctx, decidePause) != nil || k == inviteIn && s.known.Load() {
			return err
		}
	}
}

// sentBack returns the result of a post. The session waits for it, so it cannot be over.
func (s *session) sentBack(ev event) { s.events <- ev }

// message makes the message that the machine wants sent.
func (s *session) message(p post) *Message {
	m := &Message{Type: kindTable[p.kind], SessionID: s.id}
	d := s.get(p.sdp)
	text, _ := d.sdp.AppendText(nil) // never fails
	switch p.kind {
	case inviteIn:
		m.SDP = &SDPDetails{Type: Offer, Value: string(text)}
		s.invite(m)
	case update:
		m.SDP, m.Renegotiation = &SDPDetails{Type: Offer, Value: string(text)}, d.renegotiation
	case updateResponse:
		m.SDP, m.Renegotiation = &SDPDetails{Type: Answer, Value: string(text)}, d.renegotiation.answered()
	case progress, accepted:
		m.SDP = &SDPDetails{}
		if !d.sdp.IsZero() {
			*m.SDP = SDPDetails{Type: Answer, Value: string(text)}
		}
	case over:
		m.Result = &CallResult{Code: resultOf(s.cause), Message: s.cause.String()}
	default:
	}
	return m
}

// event turns a message of Alexa's into an event of the machine.
func (s *session) event(m *Message) (event, error) {
	ev := event{kind: evMessage, message: kindOf(m.Type)}
	if m.Result != nil {
		ev.cause = causeOf(m.Result.Code)
	} else {
		ev.cause = bridge.Normal
	}
	if m.SDP == nil || m.SDP.Value == "" || messageTable[m.Type].sdp == "" {
		return ev, nil
	}
	d, err := media.ParseDescription([]byte(m.SDP.Value))
	if err != nil {
		return ev, err
	}
	ev.sdp = s.put(d, m.Renegotiation)
	return ev, nil
}

// answered returns the type of the response to a CallUpdate of type r, which devices may leave out.
func (r RenegotiationType) answered() RenegotiationType {
	if r == RenegotiateHold || r == RenegotiateResume {
		return r
	}
	return RenegotiateUpdate
}
