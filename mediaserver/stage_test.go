package mediaserver_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
)

// A stage has a server, phones around it that are legs in memory, and an application that the test scripts.
type stage struct {
	t      *testing.T
	server *mediaserver.Server
	app    *script
	shelf  *shelf
	phones map[string]*phone // by URI
	calls  sync.WaitGroup    // of Handle
}

// onStage runs a test under fake time. When it is over, everybody has to be gone.
func onStage(t *testing.T, f func(s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		clock := audio.NewClock(&audio.ClockOptions{Workers: 1})
		defer clock.Close()
		s := &stage{t: t, app: newScript(), shelf: newShelf(), phones: map[string]*phone{}}
		s.server = &mediaserver.Server{Application: s.application(), Clock: clock, Dialer: s, Domain: "hotel.example", Prompts: s.shelf}
		f(s)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := s.server.Drain(ctx); err != nil {
			t.Errorf("draining: %v", err)
		}
		s.calls.Wait()
		if got := s.server.Stats(); got.Sessions != 0 {
			t.Errorf("%d sessions are left", got.Sessions)
		}
		for uri, p := range s.phones {
			if p.line() != nil && p.line().Info().Phase != bridge.Over {
				t.Errorf("%s is still on the line", uri)
			}
			p.close()
		}
		s.app.check(t)
	})
}

// phone adds a phone, which sounds hz as long as it is on the line.
func (s *stage) phone(name string, hz float64) *phone {
	p := &phone{s: s, uri: "sip:" + name + "@hotel.example", hz: hz, answers: true, rings: 200 * time.Millisecond}
	s.phones[p.uri] = p
	return p
}

// Dial implements bridge.Dialer.
func (s *stage) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	p := s.phones[to]
	switch {
	case p == nil:
		return nil, &bridge.EndError{Cause: bridge.NotFound, Remote: true}
	case p.line() != nil && p.line().Info().Phase != bridge.Over:
		return nil, &bridge.EndError{Cause: bridge.Busy, Remote: true}
	case p.refuses != bridge.Normal:
		return nil, &bridge.EndError{Cause: p.refuses, Remote: true}
	}
	near, far := bridge.Pipe(plan)
	p.rung(&named{Leg: near, from: o.From, to: bridge.Party{URI: to}})
	out := &named{Leg: far, from: o.From, to: bridge.Party{URI: to}}
	info, err := out.Info(), error(nil)
	for err == nil && info.Phase < bridge.Alerting {
		info, err = out.Next(ctx, info.Rev)
	}
	if err != nil {
		_ = far.Hangup(context.WithoutCancel(ctx), bridge.Cancelled)
		return nil, err
	}
	return out, nil
}

// after lets time pass.
func (s *stage) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// hear checks who hears whom: "a:bc b:a" is that a hears b and c, b hears a, and nobody else anything.
func (s *stage) hear(want string) {
	s.t.Helper()
	for _, p := range s.phones {
		p.forget()
	}
	s.after(600 * time.Millisecond)
	for _, name := range []string{"a", "b", "c", "d", "m"} {
		p := s.phones["sip:"+name+"@hotel.example"]
		if p == nil {
			continue
		}
		expected := ""
		for part := range strings.FieldsSeq(want) {
			if who, what, _ := strings.Cut(part, ":"); who == name {
				expected = what
			}
		}
		if got := p.heard(); got != expected {
			s.t.Errorf("%s hears %q, want %q", name, got, expected)
		}
	}
}

// named is a leg with parties, and header fields.
type named struct {
	bridge.Leg
	from, to bridge.Party
	headers  map[string]string
}

func (l *named) Headers() map[string]string { return l.headers }

func (l *named) Info() bridge.Info { return l.with(l.Leg.Info()) }

func (l *named) Next(ctx context.Context, rev uint64) (bridge.Info, error) {
	i, err := l.Leg.Next(ctx, rev)
	return l.with(i), err
}

func (l *named) with(i bridge.Info) bridge.Info {
	i.From, i.To = l.from, l.to
	return i
}

// script is an application that a test scripts: what it answers to an event is what the test has put there. What it is told is its transcript.
type script struct {
	mu       sync.Mutex
	newCall  func(e *mediaserver.NewCall) (*mediaserver.Action, error)
	command  func(r *mediaserver.IVRRequest) (*mediaserver.Command, error)
	event    func(e *mediaserver.CallEvent) (*mediaserver.Action, error)
	told     func(n *mediaserver.Notice) // nil: nobody
	lines    []string
	answered []mediaserver.Notice // of the kind Answered
	notices  []mediaserver.Notice
	events   []mediaserver.CallEvent
	done     map[string]int // SessionCompleted, by session
	sessions map[string]bool
}

func newScript() *script { return &script{done: map[string]int{}, sessions: map[string]bool{}} }

func (a *script) line(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

func (a *script) NewCall(_ context.Context, e *mediaserver.NewCall) (*mediaserver.Action, error) {
	a.line("newCall from %s", e.From.URI)
	a.mu.Lock()
	a.sessions[e.SessionID] = true
	a.mu.Unlock()
	return a.newCall(e)
}

func (a *script) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if r.Digits != nil {
		a.line("getIvrCommand %s %s", r.User, r.Digits.Digits)
	} else {
		a.line("getIvrCommand %s", r.User)
	}
	return a.command(r)
}

func (a *script) CallEvent(_ context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	if e.Event == mediaserver.CalleeConnectionSplit {
		time.Sleep(time.Millisecond) // the two of a split come in any order; the transcript has the caller first
	}
	a.line("callEvent %s about %q (%v)", eventNames[e.Event], e.User, e.Reason)
	a.mu.Lock()
	a.events = append(a.events, *e)
	a.mu.Unlock()
	if a.event == nil {
		return &mediaserver.Action{Kind: mediaserver.Drop}, nil
	}
	return a.event(e)
}

func (a *script) Notify(_ context.Context, n *mediaserver.Notice) {
	a.line("%s %s", noticeNames[n.Kind], n.User)
	if a.told != nil {
		a.told(n)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notices = append(a.notices, *n)
	if n.Kind == mediaserver.Answered {
		a.answered = append(a.answered, *n)
	}
	if n.Kind == mediaserver.SessionCompleted {
		a.done[n.SessionID]++
	}
}

// last returns the last connection that was made.
func (a *script) last() mediaserver.Notice {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.answered) == 0 {
		return mediaserver.Notice{}
	}
	return a.answered[len(a.answered)-1]
}

// completed reports whether a session was completed.
func (a *script) completed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.done) > 0
}

// check sees to it that each session was completed once.
func (a *script) check(t *testing.T) {
	for id := range a.sessions {
		if a.done[id] != 1 {
			t.Errorf("a session was completed %d times", a.done[id])
		}
	}
}

// want compares the transcript.
func (a *script) want(t *testing.T, want string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	got := ""
	for _, l := range a.lines {
		got += strings.TrimSpace(l) + "\n"
	}
	lines := ""
	for l := range strings.Lines(strings.TrimSpace(want)) {
		lines += strings.TrimSpace(l) + "\n"
	}
	if got != lines {
		t.Errorf("the application was told\n%s, want\n%s", got, lines)
	}
}

var (
	eventNames = map[mediaserver.EventKind]string{
		mediaserver.CallingPartyDrop: "callingPartyDrop", mediaserver.CalledPartyDrop: "calledPartyDrop",
		mediaserver.CallerConnectionSplit: "callerConnectionSplit", mediaserver.CalleeConnectionSplit: "calleeConnectionSplit",
	}
	noticeNames = map[mediaserver.NoticeKind]string{
		mediaserver.Ringing: "ringing", mediaserver.Answered: "callAnswered", mediaserver.Failed: "failed",
		mediaserver.ConferenceJoined: "conferenceJoined", mediaserver.ConferenceLeft: "conferenceLeft",
		mediaserver.MonitorConnected: "monitorConnected", mediaserver.MonitorDisconnected: "monitorDisconnected",
		mediaserver.SessionCompleted: "sessionCompleted", mediaserver.RecordingReady: "recordingReady",
	}
)

func drop() (*mediaserver.Action, error) { return &mediaserver.Action{Kind: mediaserver.Drop}, nil }

func call(uri string) *mediaserver.Action {
	return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: uri}}
}

var plan = media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU(), media.TelephoneEvent(8000)}}}

func (s *stage) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
