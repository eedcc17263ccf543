package mediaserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	defaultDecide  = 15 * time.Second
	noticePatience = time.Second // how long a question waits for the notices before it to be taken
)

// errUndecided is why an application's answer is not waited for any longer.
var errUndecided = errors.New("mediaserver: the application has not answered in time")

// info is what the application is told with everything.
func (s *session) info() SessionInfo {
	return SessionInfo{Domain: s.server.Domain, SessionID: s.id, Reference: s.reference}
}

func (s *session) partyID(p partyID) string { return idOf(s.id, idParty, p) }

func (s *session) linkID(l linkID) string {
	if id, ok := s.aliases.Load(l); ok {
		return id.(string) //nolint:forcetypeassert // nothing else is stored
	}
	return idOf(s.id, idLink, l)
}

func (s *session) askNewCall(d *deed) {
	leg := s.people[d.party].leg
	info := leg.Info()
	e := &NewCall{
		SessionInfo: s.info(), ParticipantID: s.partyID(d.party), ReplyID: s.server.sign(s.partyID(d.party)),
		From: info.From, To: info.To, Attr: info.Attr,
	}
	if l, ok := leg.(interface{ CallID() string }); ok {
		e.CallID = l.CallID()
	}
	s.question(d.question, func(ctx context.Context) (*Action, error) { return s.server.Application.NewCall(ctx, e) })
}

func (s *session) askEvent(d *deed) {
	e := &CallEvent{
		SessionInfo: s.info(), Event: d.event, ParticipantID: s.partyID(d.party), ConnectionID: s.linkID(d.link),
		ReplyID: s.server.sign(idOf(s.id, idQuestion, d.question)), Reason: d.cause, Err: d.err,
	}
	if p := s.people[d.party]; p != nil {
		e.User = p.user
	}
	s.question(d.question, func(ctx context.Context) (*Action, error) { return s.server.Application.CallEvent(ctx, e) })
}

// question asks the application, and posts what it has decided.
func (s *session) question(q questionID, f func(context.Context) (*Action, error)) {
	s.spawn(func() input {
		a, err := decide(s, context.Background(), f)
		in := input{kind: inDecided, question: q, action: a, err: err}
		if err == nil {
			in.err = s.resolve(&in)
		}
		if in.err != nil {
			s.log.Warn("no decision", "err", in.err)
		}
		return in
	})
}

// resolve finds whom and what an action names.
func (s *session) resolve(in *input) error {
	a := in.action
	if a == nil {
		return nil
	}
	switch a.Kind {
	case Connect:
		session, n, ok := parseID(a.ParticipantID, idParty)
		if !ok || session != s.id {
			return fmt.Errorf("mediaserver: connect: %w", ErrNotFound)
		}
		in.other = partyID(n)
		if id, err := s.server.open(a.ReplyID); a.ReplyID != "" && (err != nil || id != idOf(s.id, idQuestion, in.question)) {
			return fmt.Errorf("mediaserver: connect: %w", ErrReply)
		}
	case JoinConference:
		l, err := s.enter(context.Background(), a.ConnectionID)
		if err != nil {
			return fmt.Errorf("mediaserver: join conference: %w", err)
		}
		in.link = l
	case Drop, Call, IVR:
	}
	return nil
}

// decide asks the application after it has been told of all that came before.
func decide[T any](s *session, ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	s.told.patience(ctx, noticePatience)
	return within(s, ctx, f)
}

// within calls the application and waits for it no longer than it may take. What panics has decided nothing.
func within[T any](s *session, ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	limit := s.server.DecideFor
	if limit <= 0 {
		limit = defaultDecide
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errUndecided)
	defer cancel()
	type result struct {
		t   T
		err error
	}
	results := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if v := recover(); v != nil {
				r.err = fmt.Errorf("mediaserver: the application has panicked: %v", v)
			}
			results <- r
		}()
		r.t, r.err = f(ctx)
	}()
	select {
	case r := <-results:
		return r.t, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// tell notifies the application, after what it has been told before.
func (s *session) tell(n *Notice) {
	before, after := s.told.next()
	go func() {
		defer close(after)
		if before != nil {
			<-before
		}
		_, err := within(s, context.Background(), func(ctx context.Context) (struct{}, error) {
			s.server.Application.Notify(ctx, n)
			return struct{}{}, nil
		})
		if err != nil {
			s.log.Warn("a notice was not taken", "err", err)
		}
	}()
}

// notice returns what the application is told by a deed.
func (s *session) notice(d *deed) *Notice {
	n := &Notice{
		SessionInfo: s.info(), Kind: d.notice, ParticipantID: s.partyID(d.party), Cause: d.cause, Err: d.err, ConnectionID: s.linkID(d.link),
	}
	n.ReplyID = s.server.sign(n.ParticipantID)
	if p := s.people[d.party]; p != nil {
		n.User = p.user
	}
	switch d.notice {
	case Answered:
		n.CallerID, n.CalleeID, n.ParticipantID, n.User = n.ParticipantID, s.partyID(d.other), "", ""
		n.ReplyID = s.server.sign(n.ConnectionID)
	case SessionCompleted:
		n.Duration = time.Since(s.begun)
	case RecordingReady:
		n.Duration, n.Filename, n.Truncated = d.recorded.duration, d.recorded.name, d.recorded.truncated
		n.ReplyID = s.server.sign(n.ConnectionID)
	case Ringing, Failed, ConferenceJoined, ConferenceLeft, MonitorConnected, MonitorDisconnected:
	}
	return n
}

// UserOf returns the user part of a URI, which is CallEvent.User and what stored fallbacks go by; of what is none, all of it.
func UserOf(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri
	}
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		user = rest
	}
	user, _, _ = strings.Cut(user, ";")
	return user
}
