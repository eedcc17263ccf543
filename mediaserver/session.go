package mediaserver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/audio"
)

// A session owns its state in one goroutine, which lives until everybody has left and everything that was begun has ended.
type session struct {
	server    *Server
	id        string
	reference string
	called    string // the user part of what was dialled first
	begun     time.Time
	log       *slog.Logger

	inputs  chan posted
	aliases sync.Map      // from linkID: what a conference that was made for no session is called
	done    chan struct{} // closed when there is no session any more

	// What follows is of the owner's goroutine.
	state   state
	running int // goroutines that will post once more
	people  map[partyID]*person
	rooms   map[linkID]*audio.Mixer       // of conferences somebody is in
	records map[linkID]context.CancelFunc // that end recordings
	ears    *ears                         // of monitors; nil: there are none
	request func(link linkID, err error)
	told    order
}

// A person is a party on a leg, as the owner knows it.
type person struct {
	leg    bridge.Leg // nil before it is known
	user   string
	ctx    context.Context // of dialling it and of watching it
	cancel context.CancelCauseFunc
	ended  *bridge.EndError // with which we have hung it up; nil: we have not
	task   *task            // that has its media, or had them last; nil: none has
	gone   chan struct{}    // closed when nothing of the session touches the leg any more
}

func newPerson(leg bridge.Leg, user string) *person {
	p := &person{leg: leg, user: user, gone: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// posted is an input on its way to the owner.
type posted struct {
	input
	last  bool // the goroutine that has sent it has ended
	reply func(link linkID, err error)
	apply func() // run by the owner before the input
}

func (s *Server) newSession(id, reference, called string) *session {
	return &session{
		server: s, id: id, reference: reference, called: called, begun: time.Now(), log: s.logger().With("session", id),
		inputs: make(chan posted), done: make(chan struct{}), people: map[partyID]*person{}, rooms: map[linkID]*audio.Mixer{},
		records: map[linkID]context.CancelFunc{},
	}
}

// run is the owner's goroutine.
func (s *session) run(first input) {
	defer close(s.done)
	for id, p := range s.people {
		s.watch(id, p)
	}
	s.take(posted{input: first})
	for !s.state.over || s.running > 0 || len(s.people) > 0 {
		s.take(<-s.inputs)
	}
	s.ears.close()
	s.told.wait()
}

// take carries out a step.
func (s *session) take(p posted) {
	if p.last {
		s.running--
	}
	if p.apply != nil {
		p.apply()
	}
	var deeds []deed
	before := s.state
	s.state, deeds = stepSession(s.state, time.Now(), &p.input)
	s.request = p.reply
	for i := range deeds {
		s.do(&deeds[i])
	}
	s.request = nil
	s.tidy(&before)
}

// post hands the owner an input, unless the session has ended.
func (s *session) post(p posted) {
	select {
	case s.inputs <- p:
	case <-s.done:
	}
}

// spawn runs f, whose result is the last thing that the goroutine posts. Only the owner calls it.
func (s *session) spawn(f func() input) {
	s.running++
	go func() { s.post(posted{input: f(), last: true}) }()
}

// ask hands the owner a request, and returns its reply.
func (s *session) ask(ctx context.Context, in input) (linkID, error) {
	type answer struct {
		link linkID
		err  error
	}
	answers := make(chan answer, 1)
	p := posted{input: in, reply: func(l linkID, err error) { answers <- answer{l, err} }}
	select {
	case s.inputs <- p:
		a := <-answers
		return a.link, a.err
	case <-s.done:
		return 0, ErrNotFound
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// do begins what is to be done. It does not wait.
func (s *session) do(d *deed) {
	switch d.kind {
	case doAskNewCall:
		s.askNewCall(d)
	case doAskEvent:
		s.askEvent(d)
	case doTell:
		s.tell(s.notice(d))
	case doAnswer:
		s.answer(d.party)
	case doCall:
		s.call(d)
	case doIVR:
		s.talk(d)
	case doJoin:
		s.join(d)
	case doSeat:
		s.seat(d)
	case doWait:
		s.wait(d.party)
	case doHangup:
		s.hangup(d.party, d.cause)
	case doMonitor:
		s.monitor(d)
	case doRecord:
		s.record(d)
	case doStopRecord:
		if stop := s.records[d.link]; stop != nil {
			stop()
		}
	case doReply:
		s.request(d.link, d.err)
	}
}

// tidy gives up what those need no more who have left with a step.
func (s *session) tidy(before *state) {
	for i := range before.links {
		if id := before.links[i].id; s.state.link(id) == nil {
			s.closeRoom(id)
		}
	}
	for id, p := range s.people {
		if s.state.party(id) == nil {
			delete(s.people, id)
			s.release(p)
		}
	}
	s.ears.keep(s)
}

// An order is that of what an application is told: each notice waits for the one before.
type order struct {
	mu   sync.Mutex
	last chan struct{} // closed when the last notice so far has been taken; nil: there was none
}

// next returns what the next notice waits for, which may be nil, and what to close after it.
func (o *order) next() (before, after chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, after = o.last, make(chan struct{})
	o.last = after
	return before, after
}

// patience waits until the notices so far have been taken, or for so long.
func (o *order) patience(ctx context.Context, d time.Duration) {
	o.mu.Lock()
	last := o.last
	o.mu.Unlock()
	if last == nil {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-last:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// wait waits until all notices have been taken.
func (o *order) wait() {
	if o.last != nil {
		<-o.last
	}
}
