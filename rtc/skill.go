package rtc

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/replay"
	"github.com/alexacall/alexacall/media"
)

// A Skill connects users of Alexa with doors: it is the endpoint of a smart-home skill. Set the fields before the first use and leave them;
// Endpoints and Engine are needed. It is an http.Handler and a bridge.Dialer, and safe for concurrent use. It must not be copied. End it
// with Drain.
//
// The functions among the fields may be called at once from many goroutines. Alexa waits while they work, so their contexts end when she
// has to have an answer; a call that does not heed its context holds up Drain. A panic in one costs one directive.
type Skill struct {
	// Endpoints are the doors.
	Endpoints Directory

	// Authorize returns the user whom a directive's bearer token was given by account linking: a name of the program's own, as it stands in
	// Endpoint.Users. Its error is INVALID_AUTHORIZATION_CREDENTIAL to Alexa, whose user is asked to link the accounts anew, unless there is
	// a *Fault in it, such as one of ExpiredAuthorizationCredential, upon which she renews the token, or of InternalError. Nil: all
	// directives of HandleDirective are of the user "", and ServeHTTP refuses everything.
	Authorize func(ctx context.Context, token string) (user string, err error)

	// Grant takes the code of an AcceptGrant, which is good for one use, such as the Accept of lwa.Accounts does. Nil: it is refused, and
	// Alexa will not enable the skill for a user with a doorbell.
	Grant func(ctx context.Context, user, code string) error

	// Engine carries the media.
	Engine media.Engine

	// Bridge takes the sessions that users begin: Info.To.URI is the Endpoint's URI. Nil: they are refused.
	Bridge bridge.Bridge

	// Gateway takes the doorbell's events to Alexa. Nil: Dial fails.
	Gateway *Gateway

	// Policy says what may be agreed. Nil: media.AlexaDoor().
	Policy *media.Policy

	// DoorTime is how long the answer to Alexa waits for that of the door. Then Alone is the answer, and the door is offered later what was
	// agreed. 0: DefaultDoorTime; negative: as long as there is time (AnswerTime), after which the session is refused.
	DoorTime time.Duration

	// Alone is what Alexa is answered when the door has not answered: what it can do. Nil: what it could the last time, else G.711 and,
	// from the door, H.264.
	Alone media.Plan

	// Logger is silent if nil.
	Logger *slog.Logger

	once   sync.Once
	life   context.Context // of what is on its way
	cut    context.CancelFunc
	policy *media.Policy
	intake *bridge.Intake
	offers replay.Answers[outcome]
	grants replay.Answers[*Event]
	stats  counters

	mu       sync.Mutex
	sessions map[string][]*session // by Alexa's id, which anybody can write into an offer; the oldest first
	current  map[string][]*session // by endpoint, the one that came last at the end
	bells    map[string][]*session // by endpoint, those that wait, the oldest first
	all      map[*session]struct{}
	doors    map[string]media.Plan // by endpoint, what it could the last time
	draining bool
	closed   bool
	active   int       // goroutines
	idle     sync.Cond // active has changed
}

// SkillStats are the totals of a Skill.
type SkillStats struct {
	Sessions   int    // now, bells that wait among them
	Directives uint64 // taken
	Offers     uint64 // sessions that Alexa has begun
	Answered   uint64 // offers that got an answer
	Alone      uint64 // those that were answered before the door had
	Late       uint64 // offers for which there was no answer in time
	Faults     uint64 // directives answered with an error, those of Late among them
	Repeated   uint64 // directives that had been answered already
	Replaced   uint64 // offers for an endpoint that had a session
	Stray      uint64 // SessionConnected and SessionDisconnected of sessions that are gone
	Bells      uint64 // calls of Dial that rang a bell
	Presses    uint64 // DoorbellPress that Alexa took
	Unpressed  uint64 // and that she did not
	Unknown    uint64 // directives of unknown types
	Malformed  uint64 // directives that could not be understood
	Refused    uint64 // requests that are not a directive at all, or came without Authorize
	Panics     uint64 // functions of the program's that panicked
}

type counters struct {
	directives, offers, answered, alone, late, faults, repeated, replaced, stray, bells, presses, unpressed, unknown, malformed, refused,
	panics atomic.Uint64
}

var _ bridge.Dialer = (*Skill)(nil)

func (k *Skill) init() {
	k.once.Do(func() {
		if k.policy = k.Policy; k.policy == nil {
			k.policy = media.AlexaDoor()
		}
		k.sessions, k.current, k.bells = map[string][]*session{}, map[string][]*session{}, map[string][]*session{}
		k.all, k.doors = map[*session]struct{}{}, map[string]media.Plan{}
		k.idle.L = &k.mu
		k.life, k.cut = context.WithCancel(context.Background())
		k.intake = bridge.NewIntake(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			if l, ok := in.(*Leg); ok {
				defer close(l.s.handled)
			}
			if k.Bridge == nil {
				return &bridge.EndError{Cause: bridge.Unreachable}
			}
			return k.Bridge.Handle(ctx, in)
		}), k.logger())
	})
}

func (k *Skill) logger() *slog.Logger {
	if k.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return k.Logger
}

// doorTime returns DoorTime as it is meant.
func (k *Skill) doorTime() time.Duration {
	if k.DoorTime == 0 {
		return DefaultDoorTime
	}
	return k.DoorTime
}

// Stats returns the totals.
func (k *Skill) Stats() SkillStats {
	k.init()
	k.mu.Lock()
	standing := len(k.all)
	k.mu.Unlock()
	c := &k.stats
	return SkillStats{
		Sessions: standing, Directives: c.directives.Load(), Offers: c.offers.Load(), Answered: c.answered.Load(), Alone: c.alone.Load(),
		Late: c.late.Load(), Faults: c.faults.Load(), Repeated: c.repeated.Load(), Replaced: c.replaced.Load(), Stray: c.stray.Load(),
		Bells: c.bells.Load(), Presses: c.presses.Load(), Unpressed: c.unpressed.Load(), Unknown: c.unknown.Load(),
		Malformed: c.malformed.Load(), Refused: c.refused.Load(), Panics: c.panics.Load() + k.intake.Stats().Panics,
	}
}

// Drain refuses new sessions and bells, and waits for those that stand; other directives are still answered. When ctx ends first it ends
// them and returns ctx's error. Afterwards the Skill has no goroutine, and every directive is refused.
func (k *Skill) Drain(ctx context.Context) error {
	k.init()
	k.mu.Lock()
	k.draining = true
	k.mu.Unlock()
	err := k.intake.Drain(ctx)
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		k.awaitIdle()
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		err = context.Cause(ctx)
		for _, s := range k.standing() {
			s.send(event{kind: evEnd, cause: bridge.Overload})
		}
		k.cut()
		<-idle
	}
	k.cut()
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

// launch runs f in a goroutine that Drain waits for, and reports whether it does.
func (k *Skill) launch(f func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	k.active++
	go func() {
		defer k.leave()
		f()
	}()
	return true
}

func (k *Skill) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active--
	k.idle.Broadcast()
}

func (k *Skill) standing() []*session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.all))
}
