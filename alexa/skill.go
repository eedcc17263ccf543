package alexa

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/replay"
	"github.com/alexacall/alexacall/media"
)

// A Skill connects Alexa devices: it takes the calls that they make, as the endpoint of a custom skill, and calls them. Set the fields
// before the first use and leave them; ID, Client and Engine are needed: without the one events are refused, without the others calls fail,
// both ways. It is an http.Handler and a bridge.Dialer, and safe for concurrent use. It must not be copied. End it with Drain.
type Skill struct {
	// ID is the skill's id, such as "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc". Events for another skill are refused.
	ID string

	// Client sends messages to Alexa.
	Client *Client

	// Engine carries the media.
	Engine media.Engine

	// Bridge takes the calls that devices make. Nil: they are ended.
	Bridge bridge.Bridge

	// Other takes the verified requests that are not about calls: AlexaSkillEvent.*, Alexa.Authorization.Grant (see Event.Grant),
	// LaunchRequest, IntentRequest, SessionEndedRequest. What it returns is sent as it is: a whole answer as JSON, or nil for the empty
	// one. It has six seconds, after which ctx ends and Alexa gets 500, as after an error or a panic. It is not called for a delivery
	// that comes again: that gets the same answer, unless the first got 500. Any number of calls may run at a time. Nil: every such
	// request gets the empty answer.
	Other func(ctx context.Context, e *Event) ([]byte, error)

	// Policy says what may be agreed. Nil: media.AlexaCalling().
	Policy *media.Policy

	// Addresses maps the participants of calls to the parties of legs, and back. Nil: a zero Addressing.
	Addresses AddressMap

	// Contact is the caller that a device is shown when Addresses has none for the calling party: the id of a contact in its address
	// book. Empty: "alexacall".
	Contact string

	// SendCallerName sends the name of the calling party, from DialOptions or Addresses, as customParams.callerName: as one line of at
	// most 128 bytes. The property's name is not certain (see Compatibility), so it is left out unless this is set.
	SendCallerName bool

	// RepeatAnswer puts the answer of CallInProgress into CallAccepted once more. That it may be left out is inferred (see Compatibility).
	RepeatAnswer bool

	// DirectiveReceipt answers InitiateOutboundCall with a directive that names the call, as Amazon's sample did before March 2024, and
	// not with the empty receipt (see Compatibility).
	DirectiveReceipt bool

	// Roots are trusted for the certificates that events are signed with. Nil: those of the system.
	Roots *x509.CertPool

	// DialContext connects to where those certificates are. Nil: the network.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Journal remembers the calls that stand, so that those of a process that died are ended: see Recover. Nil: nobody does.
	Journal Journal

	// Logger is silent if nil.
	Logger *slog.Logger

	once     sync.Once
	lacks    error           // what is not set without which there are no calls; nil: nothing
	life     context.Context // of what is on its way to Alexa
	cut      context.CancelFunc
	left     leftover
	verifier Verifier
	policy   *media.Policy
	intake   *bridge.Intake
	seen     replay.Set // requests
	calls    replay.Set // sessions that came in
	answers  replay.Answers[otherAnswer]
	stats    counters

	mu       sync.Mutex
	sessions map[string]*session
	draining bool
	closed   bool
	active   int       // goroutines
	idle     sync.Cond // active has changed
}

// SkillStats are the totals of a Skill.
type SkillStats struct {
	Sessions  int    // calls now
	Calls     uint64 // calls ever, both ways
	Events    uint64 // call messages taken
	Others    uint64 // requests handed to Other
	Repeated  uint64 // deliveries of an event that had been taken already
	Unknown   uint64 // messages of calls that do not exist, or of unknown types
	Malformed uint64 // events that could not be understood
	Refused   uint64 // requests that are not Amazon's, or not for this skill, and calls after Drain or without a Client or an Engine
	Panics    uint64 // handlers that panicked
}

// drainLimit is how long Drain goes on telling Alexa of the end of calls.
const drainLimit = 10 * time.Second

type counters struct{ calls, events, others, repeated, unknown, malformed, refused, panics atomic.Uint64 }

var _ bridge.Dialer = (*Skill)(nil)

func (k *Skill) init() {
	k.once.Do(func() {
		if k.Client == nil || k.Engine == nil {
			k.lacks = errNotSet
		}
		k.verifier = Verifier{SkillID: k.ID, Roots: k.Roots, DialContext: k.DialContext}
		k.policy = k.Policy
		if k.policy == nil {
			k.policy = media.AlexaCalling()
		}
		handler := k.Bridge
		if handler == nil {
			handler = bridge.Func(func(context.Context, bridge.Leg) error { return &bridge.EndError{Cause: bridge.NotFound} })
		}
		k.intake = bridge.NewIntake(handler, k.logger())
		k.sessions = map[string]*session{}
		k.idle.L = &k.mu
		k.life, k.cut = context.WithCancel(context.Background())
		k.left.quit, k.left.cancel = context.WithCancel(k.life)
		k.left.first = make(chan struct{})
		k.untold()
	})
}

func (k *Skill) logger() *slog.Logger {
	if k.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return k.Logger
}

// Stats returns the totals.
func (k *Skill) Stats() SkillStats {
	k.init()
	k.mu.Lock()
	standing := len(k.sessions)
	k.mu.Unlock()
	return SkillStats{
		Sessions: standing, Calls: k.stats.calls.Load(), Events: k.stats.events.Load(), Repeated: k.stats.repeated.Load(),
		Others: k.stats.others.Load(), Unknown: k.stats.unknown.Load(), Malformed: k.stats.malformed.Load(), Refused: k.stats.refused.Load(),
		Panics: k.stats.panics.Load() + k.intake.Stats().Panics,
	}
}

// Drain refuses new calls, both ways, and waits for those that stand. When ctx ends first it ends them, has ten seconds left to tell
// Alexa, and returns ctx's error. Afterwards the Skill has no goroutine: a call that comes then is refused by the answer to its event.
func (k *Skill) Drain(ctx context.Context) error {
	k.init()
	k.mu.Lock()
	k.draining = true
	k.mu.Unlock()
	k.left.cancel()
	defer k.cut()
	err := k.intake.Drain(ctx)
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		k.awaitIdle()
	}()
	select {
	case <-idle:
		return err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	for _, s := range k.standing() {
		s.send(event{kind: evEnd, cause: bridge.Overload})
	}
	defer time.AfterFunc(drainLimit, k.cut).Stop()
	<-idle
	return err
}

// awaitIdle waits until nothing runs, and lets nothing begin any more.
func (k *Skill) awaitIdle() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.active > 0 {
		k.idle.Wait()
	}
	k.closed = true
}

// enter lets the caller work until it calls leave; Drain waits for that. It is false once Drain has returned.
func (k *Skill) enter() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	k.active++
	return true
}

func (k *Skill) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active--
	k.idle.Broadcast()
}

// begin runs f in a goroutine that Drain waits for. k.mu is held.
func (k *Skill) begin(f func()) {
	if k.closed {
		return
	}
	k.active++
	go func() {
		defer k.leave()
		f()
	}()
}

// launch does what begin does, and reports whether f runs.
func (k *Skill) launch(f func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.begin(f)
	}
	return !k.closed
}

func (k *Skill) standing() []*session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.sessions))
}

var (
	errNotSet   = errors.New("alexa: Skill.Client and Skill.Engine are needed for calls, and one is not set")
	errDraining = errors.New("alexa: draining")
	errExists   = errors.New("alexa: call exists already")
)

// prepare makes a session with its leg, which start starts.
func (k *Skill) prepare(id string, info bridge.Info, called bool) (*session, error) {
	s := newSession(k, id)
	terminal, err := k.Engine.Open(k.policy, &media.OpenOptions{Failed: s.fail})
	if err != nil {
		return nil, err
	}
	info.Came = !called
	s.leg = &Leg{State: bridge.NewState(info), s: s, terminal: terminal, called: called}
	return s, nil
}

// start lets the session be found, notes it in the journal, and lets it run.
func (k *Skill) start(s *session, st state) error {
	if err := k.register(s); err != nil {
		return err
	}
	k.opened(s.id, s.origin)
	go func() {
		defer k.leave()
		k.run(s, st)
	}()
	return nil
}

// register lets the session be found, for as long as Drain waits for it.
func (k *Skill) register(s *session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.draining:
		return errDraining
	case k.sessions[s.id] != nil:
		return errExists
	}
	k.sessions[s.id] = s
	k.stats.calls.Add(1)
	k.active++
	return nil
}

// run is the goroutine of a session. The journal is told before the session is forgotten, so that who reads it takes no call that
// stands for one that was left behind.
func (k *Skill) run(s *session, st state) {
	ended := s.run(st)
	if ended {
		k.told(s.id)
	}
	k.mu.Lock()
	delete(k.sessions, s.id)
	k.mu.Unlock()
	if !ended {
		k.untold()
	}
}

func (k *Skill) session(id string) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sessions[id]
}
