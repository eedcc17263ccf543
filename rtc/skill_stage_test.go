package rtc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/rtc"
)

const secret = "Atza|the-users-token"

// stage is a skill with doors behind it under fake time, and Alexa in front of it. Neither has sockets.
type stage struct {
	t      *testing.T
	skill  *rtc.Skill
	engine *calltest.Engine
	echoes *calltest.Engine // of the devices that Alexa has offers from
	street *street
	log    *logged
	began  time.Time

	mu      sync.Mutex
	numbers int
}

// play runs a story in a bubble of fake time, where a goroutine that is left behind makes the test fail.
func play(t *testing.T, change func(*rtc.Skill), story func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, change)
		story(t, s)
		s.close()
	})
}

func newStage(t *testing.T, change func(*rtc.Skill)) *stage {
	s := &stage{
		t: t, engine: &calltest.Engine{}, echoes: &calltest.Engine{Addr: "192.0.2.9"}, street: newStreet(), log: &logged{}, began: time.Now(),
	}
	s.skill = &rtc.Skill{
		Endpoints: rtc.Endpoints{
			{ID: "front", FriendlyName: "Front door", Description: "A door", Manufacturer: "Us", URI: "sip:front@house.example", Doorbell: true, Users: []string{"ann", "bob"}},
			{ID: "back", FriendlyName: "Back door", Description: "A door", Manufacturer: "Us", URI: "sip:back@house.example", HalfDuplex: true},
			{ID: "flat", FriendlyName: "Flat", Description: "Somebody else's", Manufacturer: "Us", URI: "sip:flat@house.example", Users: []string{"eve"}, Offline: true},
		},
		Authorize: func(_ context.Context, token string) (string, error) {
			switch token {
			case secret:
				return "ann", nil
			case "expired":
				return "", fmt.Errorf("store: %w", &rtc.Fault{Type: rtc.ExpiredAuthorizationCredential})
			default:
				return "", errors.New("no such token")
			}
		},
		Engine: s.engine,
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	s.skill.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		return bridge.To(s.street, in.Info().To.URI, nil).Handle(ctx, in)
	})
	if change != nil {
		change(s.skill)
	}
	return s
}

// close ends the story: nothing may be left, and nothing secret may have been logged.
func (s *stage) close() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(s.t, s.skill.Drain(ctx))
	if n := s.skill.Stats().Sessions; n != 0 {
		s.t.Errorf("%d sessions are left", n)
	}
	if open := s.engine.Terminals(); len(open) != 0 {
		s.t.Errorf("%d terminals are left open", len(open))
	}
	text := s.log.String()
	for _, bad := range []string{secret, "ours1of", "our-password-for-ice", "0F:1E:2D", "the-code"} {
		if strings.Contains(text, bad) {
			s.t.Errorf("%q is in the log\n%s", bad, text)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want[T comparable](t testing.TB, why string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", why, got, want)
	}
}

// took checks how much time has passed since the story began.
func (s *stage) took(want time.Duration) {
	s.t.Helper()
	if got := time.Since(s.began); got != want {
		s.t.Errorf("it took %v, want %v", got, want)
	}
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// street is where sessions go: doors in memory, which the test plays.
type street struct {
	err   error                 // in place of a door
	wait  <-chan struct{}       // until the door rings; nil: at once
	doors chan bridge.Leg       // that ring, as the door sees it
	live  map[string]media.Plan // answers at once with this, by URI
}

func newStreet() *street {
	return &street{doors: make(chan bridge.Leg, 64), live: map[string]media.Plan{}}
}

// Dial implements bridge.Dialer.
func (d *street) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	if d.wait != nil {
		select {
		case <-d.wait:
		case <-ctx.Done():
			return nil, &bridge.EndError{Cause: bridge.Cancelled, Err: context.Cause(ctx)}
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	near, far := bridge.Pipe(o.Plan)
	must := near.Ring(ctx, nil)
	d.doors <- near
	if plan, ok := d.live[to]; ok {
		_ = near.Answer(ctx, plan)
	}
	return far, must
}

// rings returns the next door that rings.
func (s *stage) rings() bridge.Leg {
	s.t.Helper()
	select {
	case l := <-s.street.doors:
		return l
	case <-time.After(time.Minute):
		s.t.Fatalf("no door rings\n%s", s.log)
		return nil
	}
}

// attend has a door answer changes at once, until its call is over.
func attend(ctx context.Context, door bridge.Leg, plan media.Plan) {
	for info := door.Info(); ; {
		if info.Phase == bridge.Up && info.Pending {
			_ = door.Answer(ctx, plan)
		}
		var err error
		if info, err = door.Next(ctx, info.Rev); err != nil {
			return
		}
	}
}

func g711() media.Plan { return sound(media.PCMU(), media.PCMA()) }

func sound(codecs ...media.Codec) media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: codecs}}
}

// talk is a session as Alexa sees it.
type talk struct {
	s        *stage
	id       string
	endpoint string
	terminal media.Terminal
	offer    *rtc.Directive

	done  chan struct{} // closed when there is an answer
	event *rtc.Event
	raw   []byte
	err   error
	after time.Duration // it took
}

// session returns a session with an endpoint, whose offer has not gone yet.
func (s *stage) session(endpoint string) *talk {
	s.t.Helper()
	terminal, err := s.echoes.Open(media.AlexaDoor(), nil)
	must(s.t, err)
	s.t.Cleanup(func() { _ = terminal.Close() })
	offer, err := terminal.Offer(nil)
	must(s.t, err)
	text, err := offer.AppendText(nil)
	must(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers++
	e := &talk{s: s, id: fmt.Sprint("session-", s.numbers), endpoint: endpoint, terminal: terminal}
	e.offer = &rtc.Directive{
		Header:     rtc.Header{Type: rtc.InitiateSessionWithOffer, MessageID: fmt.Sprint("message-", s.numbers), CorrelationToken: "correlation"},
		EndpointID: endpoint, Token: secret, SessionID: e.id, Offer: string(text),
	}
	return e
}

// deliver hands a directive to the skill, and returns the event.
func (s *stage) deliver(ctx context.Context, d *rtc.Directive) (*rtc.Event, []byte, error) {
	body, err := d.AppendJSON(nil)
	if err != nil {
		return nil, nil, err
	}
	raw, err := s.skill.HandleDirective(ctx, body)
	if err != nil {
		return nil, nil, err
	}
	e, err := rtc.ParseEvent(raw)
	return e, raw, err
}

// begin sends the offer, and has the answer waited for.
func (e *talk) begin(ctx context.Context) *talk {
	e.done = make(chan struct{})
	began := time.Now()
	go func() {
		defer close(e.done)
		e.event, e.raw, e.err = e.s.deliver(ctx, e.offer)
		e.after = time.Since(began)
	}()
	return e
}

// asks begins a session with an endpoint.
func (s *stage) asks(endpoint string) *talk {
	s.t.Helper()
	return s.session(endpoint).begin(s.t.Context())
}

// wantAnswer waits for the answer, takes it, and checks when it came.
func (e *talk) wantAnswer(after time.Duration) media.Plan {
	t := e.s.t
	t.Helper()
	<-e.done
	must(t, e.err)
	if e.event.Fault != nil {
		t.Fatalf("refused after %v: %v\n%s", e.after, e.event.Fault, e.s.log)
	}
	want(t, "type", e.event.Type, rtc.AnswerGeneratedForSession)
	want(t, "correlation token", e.event.CorrelationToken, "correlation")
	want(t, "time of the answer", e.after, after)
	answer, err := media.ParseDescription([]byte(e.event.Answer))
	must(t, err)
	must(t, e.terminal.Accept(answer))
	return e.terminal.Plan()
}

// wantFault waits for the answer, which is an error.
func (e *talk) wantFault(typ rtc.ErrorType, after time.Duration) {
	e.s.t.Helper()
	<-e.done
	must(e.s.t, e.err)
	if e.event.Fault == nil {
		e.s.t.Fatalf("answered with %v after %v, want %v", e.event.Type, e.after, typ)
	}
	want(e.s.t, "error", e.event.Fault.Type, typ)
	want(e.s.t, "time of the error", e.after, after)
}

// says sends SessionConnected or SessionDisconnected, and wants success.
func (e *talk) says(typ rtc.MessageType) {
	t := e.s.t
	t.Helper()
	got, _, err := e.s.deliver(t.Context(), &rtc.Directive{
		Header: rtc.Header{Type: typ, MessageID: "m", CorrelationToken: "c"}, EndpointID: e.endpoint, Token: secret, SessionID: e.id,
	})
	must(t, err)
	want(t, "answer to "+string(typ), got.Type, typ)
	want(t, "session of it", got.SessionID, e.id)
}

// sounds names the codecs of sound that are agreed.
func sounds(p media.Plan) string {
	var names []string
	if m, ok := p.Find(media.Audio); ok {
		for _, c := range m.Codecs {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, "+")
}

// wantStats checks the skill's totals.
func (s *stage) wantStats(wanted rtc.SkillStats) {
	s.t.Helper()
	synctest.Wait()
	want(s.t, "stats", s.skill.Stats(), wanted)
}
