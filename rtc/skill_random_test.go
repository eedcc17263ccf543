package rtc_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/rtc"
)

// TestRandomSessions has users, doors and visitors do what they like, while directives are lost, doubled and late, and functions, engine and
// doors hang.
func TestRandomSessions(t *testing.T) {
	t.Parallel()
	randomSessions(t, 1000/(1+4*rtc.RaceEnabled)) // the race detector needs fewer to find what it can
}

// TestRandomSessionsSoak is TestRandomSessions at length.
func TestRandomSessionsSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	randomSessions(t, 10_000)
}

const perTown = 20 // sessions that share a skill

func randomSessions(t *testing.T, n uint64) {
	var all rtc.SkillStats
	ran := uint64(0)
	for seed := range testutil.Seeds(t, n/perTown) {
		synctest.Test(t, func(t *testing.T) {
			got := newTown(t, seed).lives()
			all.Offers, all.Answered, all.Alone, all.Late = all.Offers+got.Offers, all.Answered+got.Answered, all.Alone+got.Alone, all.Late+got.Late
			all.Faults, all.Repeated, all.Replaced, all.Bells = all.Faults+got.Faults, all.Repeated+got.Repeated, all.Replaced+got.Replaced, all.Bells+got.Bells
		})
		ran += perTown
	}
	t.Logf("%d sessions: %+v", ran, all)
	if ran < n || t.Failed() {
		return
	}
	for what, count := range map[string]uint64{
		"answered": all.Answered, "answered alone": all.Alone, "late": all.Late, "repeated": all.Repeated, "replaced": all.Replaced, "rung": all.Bells,
	} {
		if count < n/50 {
			t.Errorf("%d were %s: the run is not worth much", count, what)
		}
	}
}

// town is a skill with everybody around it.
type town struct {
	*stage
	wicked bool // functions hang and fail

	mu     sync.Mutex
	chance *rand.Rand
	doors  []bridge.Leg // as the doors see them
	work   sync.WaitGroup
}

func newTown(t *testing.T, seed uint64) *town {
	w := &town{chance: rand.New(rand.NewPCG(seed, 1))}
	w.wicked = w.chance.IntN(2) == 0
	w.stage = newStage(t, func(k *rtc.Skill) {
		known, doors := k.Authorize, k.Endpoints
		k.Authorize = func(ctx context.Context, token string) (string, error) {
			if err := w.obstacle(ctx); err != nil {
				return "", err
			}
			return known(ctx, token)
		}
		k.Endpoints = randomDirectory{w, doors}
		k.Gateway = &rtc.Gateway{
			HTTPClient: &http.Client{Transport: w},
			TokensOf:   func(_ context.Context, user string) (rtc.TokenSource, error) { return userTokens(user), nil },
		}
		k.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return bridge.To(w, in.Info().To.URI, &bridge.JoinOptions{RingFor: 25 * time.Second}).Handle(ctx, in)
		})
		if w.chance.IntN(3) == 0 {
			k.DoorTime = -1
		}
	})
	w.skill.Engine = randomEngine{w, w.engine}
	return w
}

// luck is the chance of one who acts, so that it does not depend on what others do at the same time.
type luck struct{ *rand.Rand }

func (w *town) luck() luck {
	w.mu.Lock()
	defer w.mu.Unlock()
	return luck{rand.New(rand.NewPCG(w.chance.Uint64(), 2))}
}

// die reports one case of n.
func (l luck) die(n int) bool { return l.IntN(n) == 0 }

// pause waits for up to a limit.
func (l luck) pause(limit time.Duration) { time.Sleep(l.upTo(limit)) }

func (l luck) upTo(limit time.Duration) time.Duration { return time.Duration(l.Int64N(int64(limit))) }

// can is what a door can do.
func (l luck) can() media.Plan {
	return [...]media.Plan{g711(), sound(media.PCMA()), sound(media.PCMU()), sound(media.Opus(), media.PCMU(), media.PCMA())}[l.IntN(4)]
}

// obstacle is what a function meets.
func (w *town) obstacle(ctx context.Context) error {
	l := w.luck()
	if !w.wicked || l.IntN(10) > 2 {
		return nil
	}
	switch l.IntN(3) {
	case 0:
		<-ctx.Done()
		return ctx.Err()
	case 1:
		l.pause(6 * time.Second) // whatever ctx says
		return nil
	default:
		return errors.New("a fault")
	}
}

type randomDirectory struct {
	*town
	rtc.Directory
}

func (d randomDirectory) Find(ctx context.Context, id string) (rtc.Endpoint, error) {
	if err := d.obstacle(ctx); err != nil {
		return rtc.Endpoint{}, err
	}
	return d.Directory.Find(ctx, id)
}

// randomEngine is slow at times, and full at others.
type randomEngine struct {
	*town
	engine *calltest.Engine
}

func (e randomEngine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	l, term := e.luck(), &slowTerminal{}
	if e.wicked && l.die(8) {
		l.pause(6 * time.Second)
	}
	if e.wicked && l.die(20) {
		return nil, media.ErrFull
	}
	if e.wicked && l.die(8) {
		term.answer = l.upTo(6 * time.Second)
	}
	var err error
	term.Terminal, err = e.engine.Open(p, o)
	return term, err
}

// RoundTrip is the event gateway.
func (w *town) RoundTrip(r *http.Request) (*http.Response, error) {
	switch l := w.luck(); {
	case !l.die(5):
		l.pause(time.Second)
	case l.die(2):
		return (&bells{stuck: true}).RoundTrip(r)
	default:
		return nil, errors.New("no route")
	}
	return (&bells{}).RoundTrip(r)
}

// Dial calls a door, which does what it likes.
func (w *town) Dial(ctx context.Context, _ string, o *bridge.DialOptions) (bridge.Leg, error) {
	l := w.luck()
	if l.die(6) {
		select {
		case <-time.After(l.upTo(8 * time.Second)):
		case <-ctx.Done():
			return nil, &bridge.EndError{Cause: bridge.Cancelled, Err: context.Cause(ctx)}
		}
	}
	if l.die(10) {
		return nil, &bridge.EndError{Cause: bridge.Unreachable}
	}
	near, far := bridge.Pipe(o.Plan)
	w.keep(near, l.can())
	err := near.Ring(ctx, nil)
	w.work.Go(func() { l.door(near) })
	return far, err
}

// keep notes a door, which answers changes.
func (w *town) keep(door bridge.Leg, can media.Plan) {
	w.mu.Lock()
	w.doors = append(w.doors, door)
	w.mu.Unlock()
	w.work.Go(func() { attend(context.Background(), door, can) })
}

// door plays a door that is called.
func (l luck) door(leg bridge.Leg) {
	ctx := context.Background()
	if l.die(2) {
		l.pause(8 * time.Second)
	}
	switch l.IntN(8) {
	case 0:
		_ = leg.Hangup(ctx, [...]bridge.Cause{bridge.Busy, bridge.Declined, bridge.Unreachable}[l.IntN(3)])
		return
	case 1:
		return // nobody is there
	case 2:
		_ = leg.Ring(ctx, l.can())
		l.pause(8 * time.Second)
	}
	if leg.Answer(ctx, l.can()) == nil {
		l.chats(leg)
	}
}

// chats plays somebody who talks, changes the call and leaves, or does not.
func (l luck) chats(leg bridge.Leg) {
	for range l.IntN(3) {
		l.pause(5 * time.Second)
		plan := l.can().Clone()
		plan[0].Dir = media.Direction(l.IntN(4))
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
		_ = leg.Update(ctx, plan)
		cancel()
	}
	l.pause(20 * time.Second)
	if l.die(3) {
		_ = leg.Hangup(context.Background(), bridge.Normal)
	}
}

// visitor rings, and talks if somebody answers.
func (w *town) visitor() {
	l := w.luck()
	l.pause(time.Minute)
	near, leg := bridge.Pipe(l.can())
	w.keep(leg, l.can())
	w.work.Go(func() {
		err := bridge.To(w.skill, "front", &bridge.JoinOptions{RingFor: 25 * time.Second}).Handle(context.Background(), near)
		_ = near.Hangup(context.Background(), bridge.CauseOf(err))
	})
	patience, cancel := context.WithTimeout(context.Background(), l.upTo(40*time.Second))
	defer cancel()
	for info, err := leg.Info(), error(nil); info.Phase != bridge.Up; {
		if info, err = leg.Next(patience, info.Rev); err != nil {
			_ = leg.Hangup(context.Background(), bridge.Cancelled)
			return
		}
	}
	l.chats(leg)
}
