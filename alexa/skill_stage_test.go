package alexa_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

var updateGolden = flag.Bool("update", false, "write the transcripts of testdata anew")

// stage is a whole call under fake time: Alexa and the device "7201" simulated in memory, a skill with an engine without sockets, and a
// desk of phones behind it.
type stage struct {
	t      *testing.T
	cloud  *alexatest.Cloud
	echo   *alexatest.Echo
	skill  *alexa.Skill
	tokens *lwa.Source
	engine *calltest.Engine
	wire   *wire
	desk   *desk
	log    *logged
	began  time.Time

	calls    *bridge.Intake // of phones that call "7201"
	unwanted []string       // violations that the story leads to on purpose
	drained  error          // what Drain is to return at the end
}

// props are what a story needs beside the usual; the zero props are that.
type props struct {
	cloud  alexatest.CloudOptions
	echo   alexatest.EchoOptions
	bridge bridge.Bridge // in place of bridge.To the desk
	join   *bridge.JoinOptions
	skill  func(*alexa.Skill)
}

// play runs a story on a stage in a bubble of fake time, where a goroutine that is left behind makes the test fail.
func play(t *testing.T, p props, story func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, p)
		story(t, s)
		s.close()
	})
}

func newStage(t *testing.T, p props) *stage {
	t.Helper()
	p.cloud.NoSockets, p.echo.NoMedia = true, true
	cloud, err := alexatest.NewCloud(&p.cloud)
	must(t, err)
	s := &stage{t: t, cloud: cloud, engine: &calltest.Engine{}, wire: &wire{next: cloud.RoundTripper()}, desk: newDesk(), log: &logged{}, began: time.Now()}
	s.echo, err = cloud.NewEcho("7201", &p.echo)
	must(t, err)
	s.tokens, err = lwa.NewSource(lwa.Credentials{
		ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), RefreshToken: cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: cloud.TokenURL(), HTTPClient: &http.Client{Transport: cloud.RoundTripper()}})
	must(t, err)
	t.Cleanup(func() { must(t, s.tokens.Close()) })
	if p.bridge == nil {
		p.bridge = bridge.To(s.desk, "desk", p.join)
	}
	s.skill = s.newSkill(p)
	s.calls = bridge.NewIntake(bridge.To(s.skill, "7201", p.join), nil)
	return s
}

// newSkill begins the life of a skill, which gets the events from now on.
func (s *stage) newSkill(p props) *alexa.Skill {
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	k := &alexa.Skill{
		ID: s.cloud.SkillID(), Engine: s.engine, Bridge: p.bridge, Roots: s.cloud.Roots(), Logger: logger,
		Client: &alexa.Client{Endpoint: s.cloud.URL(), Tokens: s.tokens, HTTPClient: &http.Client{Transport: s.wire}, Logger: logger},
	}
	if p.skill != nil {
		p.skill(k)
	}
	k.FetchChains(&http.Client{Transport: s.cloud.RoundTripper()})
	s.cloud.SetSkillHandler(k)
	return k
}

// close ends the story: every call must have ended, nothing secret may have been logged, and Alexa must be content.
func (s *stage) close() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(s.t, s.calls.Drain(ctx))
	if err := s.skill.Drain(ctx); !errors.Is(err, s.drained) {
		s.t.Errorf("Drain: %v", err)
	}
	if st := s.skill.Stats(); st.Sessions != 0 {
		s.t.Errorf("%d sessions are left", st.Sessions)
	}
	if open := s.engine.Terminals(); len(open) != 0 {
		s.t.Errorf("%d terminals are left open", len(open))
	}
	synctest.Wait()
	s.cloud.Close()
	if got := s.cloud.Violations(); !slices.Equal(got, s.unwanted) {
		s.t.Errorf("violations %q, want %q", got, s.unwanted)
	}
	s.log.wantNoSecrets(s)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ctx bounds what a story waits for.
func (s *stage) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

// deviceCalls has the device call the desk, and returns its call and the phone that rings.
func (s *stage) deviceCalls() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	call, err := s.echo.Call(s.t.Context(), "desk")
	must(s.t, err)
	return call, s.desk.next(s.t)
}

// deviceTalks has the device call a phone, which answers.
func (s *stage) deviceTalks() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	call, phone := s.deviceCalls()
	must(s.t, phone.Answer(s.t.Context(), g711()))
	s.wantState(call, alexatest.StateConnected)
	s.attend(phone)
	synctest.Wait()
	return call, phone
}

// attend has a phone answer changes at once, until its call is over.
func (s *stage) attend(phone bridge.Leg) {
	ctx := s.t.Context()
	go func() {
		for rev := uint64(0); ; {
			info, err := phone.Next(ctx, rev)
			if err != nil {
				return
			}
			if info.Phase == bridge.Up && info.Pending {
				_ = phone.Answer(ctx, g711())
			}
			rev = info.Rev
		}
	}()
}

// phoneTalks has a phone call the device, which answers.
func (s *stage) phoneTalks() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	phone := s.phoneCalls()
	call := s.deviceRings()
	s.wantState(call, alexatest.StateConnected)
	calltest.WaitPhase(s.t, phone, bridge.Up)
	s.attend(phone)
	synctest.Wait()
	return call, phone
}

// phoneCalls has a phone call the device, and returns the phone.
func (s *stage) phoneCalls() bridge.Leg {
	s.t.Helper()
	near, far := bridge.Pipe(g711())
	must(s.t, s.calls.Receive(near))
	return far
}

// deviceRings returns the next call to the device.
func (s *stage) deviceRings() *alexatest.Call {
	s.t.Helper()
	call, err := s.echo.NextCall(s.ctx())
	must(s.t, err)
	return call
}

// wantState waits until a call has come to a state.
func (s *stage) wantState(c *alexatest.Call, want alexatest.State) {
	s.t.Helper()
	if err := c.WaitState(s.ctx(), want); err != nil {
		s.t.Fatalf("%v\n%s", err, s.transcript())
	}
}

// wantEnded waits until Alexa holds a call for ended, and checks the code.
func (s *stage) wantEnded(c *alexatest.Call, code string) {
	s.t.Helper()
	s.wantState(c, alexatest.StateEnded)
	if got, _ := c.Ended(); got != code {
		s.t.Errorf("the call ended with %q, want %q", got, code)
	}
}

// took checks how much time has passed since the story began.
func (s *stage) took(want time.Duration) {
	s.t.Helper()
	if got := time.Since(s.began); got != want {
		s.t.Errorf("it took %v, want %v", got, want)
	}
}

// wantStats checks the skill's totals.
func (s *stage) wantStats(want alexa.SkillStats) {
	s.t.Helper()
	synctest.Wait()
	if got := s.skill.Stats(); got != want {
		s.t.Errorf("stats\n%+v, want\n%+v", got, want)
	}
}

// transcript writes what was sent, each direction by itself, for an event that answers a request may stand before or behind the next
// request. Session ids become numbers.
func (s *stage) transcript() string {
	var b strings.Builder
	sessions := map[string]int{}
	entries := s.cloud.Transcript()
	for _, e := range entries {
		if _, ok := sessions[e.SessionID]; !ok {
			sessions[e.SessionID] = len(sessions) + 1
		}
	}
	for _, way := range []alexatest.Direction{alexatest.ToSkill, alexatest.FromSkill} {
		fmt.Fprintln(&b, way)
		for _, e := range entries {
			if e.Direction != way {
				continue
			}
			fmt.Fprintf(&b, "  call %d  %s", sessions[e.SessionID], e.Type)
			if e.Status != 0 && way == alexatest.FromSkill {
				fmt.Fprintf(&b, "  %d", e.Status)
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}

// wantTranscript compares the transcript with a file of testdata.
func (s *stage) wantTranscript(name string) {
	s.t.Helper()
	synctest.Wait()
	path, got := filepath.Join("testdata", name+".golden"), s.transcript()
	if *updateGolden {
		must(s.t, os.MkdirAll("testdata", 0o755))
		must(s.t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(s.t, err)
	if got != string(want) {
		s.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
