package mediaserver

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

const (
	defaultRing     = time.Minute
	defaultSessions = 10000
)

// running is what a Server has besides its fields.
type running struct {
	sealing sync.Once
	seal    *seal // see Server.seal

	mu       sync.Mutex
	sessions map[string]*session
	rooms    map[string]*room // conferences that were made for no session
	draining bool
	work     sync.WaitGroup // of sessions
	total    uint64
}

// begin makes a session whose first party is p, and has it run.
func (s *Server) begin(p *person, reference, called string, first input) (*session, error) {
	r := &s.running
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return nil, bridge.ErrDraining
	}
	limit := s.MaxSessions
	if limit <= 0 {
		limit = defaultSessions
	}
	if len(r.sessions) >= limit {
		return nil, ErrFull
	}
	if r.sessions == nil {
		r.sessions = map[string]*session{}
	}
	r.total++
	ses := s.newSession(rand.Text(), reference, called)
	if p != nil {
		ses.people[1] = p
	}
	r.sessions[ses.id] = ses
	r.work.Go(func() {
		ses.run(first)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.sessions, ses.id)
		r.closeRooms(ses)
	})
	return ses, nil
}

// Handle takes a call: it begins a session and asks the Application about it. It returns when the leg is over, with how it ended, or soon after
// ctx has ended; then the leg has left the session and is up.
func (s *Server) Handle(ctx context.Context, in bridge.Leg) error {
	p := newPerson(in, UserOf(in.Info().From.URI))
	ses, err := s.begin(p, "", UserOf(in.Info().To.URI), input{kind: inCame})
	if err != nil {
		return &bridge.EndError{Cause: bridge.Overload, Err: err}
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
		ses.post(posted{input: input{kind: inGone, party: 1}})
		<-p.gone
		return context.Cause(ctx)
	}
	_, err = in.Next(ctx, in.Info().Rev)
	if end, ok := errors.AsType[*bridge.EndError](err); ok && end.Cause != bridge.Normal {
		return end
	}
	return nil
}

// Drain refuses new sessions and waits for those that stand. When ctx ends first it hangs up everybody, waits for that, and returns ctx's
// error. It may be called more than once.
func (s *Server) Drain(ctx context.Context) error {
	r := &s.running
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.work.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	all := make([]*session, 0, len(r.sessions))
	for _, ses := range r.sessions {
		all = append(all, ses)
	}
	r.mu.Unlock()
	for _, ses := range all {
		ses.post(posted{input: input{kind: inEnd}})
	}
	<-ended
	return context.Cause(ctx)
}

// Stats are the totals of a Server.
type Stats struct {
	Sessions int    // now
	Total    uint64 // sessions ever begun
}

// Stats returns the totals.
func (s *Server) Stats() Stats {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	return Stats{Sessions: len(s.running.sessions), Total: s.running.total}
}

func (s *Server) session(id string) (*session, error) {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	if ses := s.running.sessions[id]; ses != nil {
		return ses, nil
	}
	return nil, ErrNotFound
}

// seal returns what makes replyIds and checks them. A program may send one of before it was started anew, when there is no session yet.
func (s *Server) seal() *seal {
	r := &s.running
	r.sealing.Do(func() { r.seal = newSeal(s.Domain) })
	return r.seal
}

func (s *Server) sign(id string) string { return s.seal().sign(id) }

func (s *Server) open(replyID string) (string, error) { return s.seal().open(replyID) }

func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

func (s *Server) rings(a *Action) time.Duration {
	switch {
	case a.MaxRing > 0:
		return a.MaxRing
	case s.RingFor > 0:
		return s.RingFor
	}
	return defaultRing
}

// dialer returns what places a call.
func (s *Server) dialer(d *Destination) bridge.Dialer {
	if s.DialerFor != nil && !d.plain() {
		return s.DialerFor(d)
	}
	rest := *d
	rest.From = "" // which Dialer is told
	if !rest.plain() {
		s.logger().Warn("header fields of a call are left out: there is no DialerFor")
	}
	return s.Dialer
}

// caller returns who calls where nobody waits for who is called.
func (s *Server) caller(a *Action) bridge.Party { return PartyOf(a.From) }
