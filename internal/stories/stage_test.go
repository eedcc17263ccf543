package stories

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

var update = flag.Bool("update", false, "write the transcripts of testdata anew")

const (
	gatewayAddr = "192.0.2.1:5060"
	phoneAddr   = "192.0.2.2:5060"
	room        = "7201"
)

// stage has an Echo in the room 7201, a gateway and a SIP phone.
type stage struct {
	t       *testing.T
	cloud   *alexatest.Cloud
	echo    *alexatest.Echo
	skill   *alexa.Skill
	gateway *sip.Agent
	phone   *phone
	rec     *record

	toAlexa, toPhone *calltest.Engine // the gateway's
	tokens           *lwa.Source
}

// props are what a story needs beside the usual.
type props struct {
	cloud alexatest.CloudOptions
	echo  alexatest.EchoOptions
	join  bridge.JoinOptions
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStage(t *testing.T, p props) *stage {
	t.Helper()
	s := &stage{t: t, rec: &record{began: time.Now()}, toAlexa: &calltest.Engine{}, toPhone: &calltest.Engine{}}
	p.cloud.NoSockets, p.echo.NoMedia = true, true
	var err error
	s.cloud, err = alexatest.NewCloud(&p.cloud)
	must(t, err)
	s.echo, err = s.cloud.NewEcho(room, &p.echo)
	must(t, err)
	s.tokens, err = lwa.NewSource(lwa.Credentials{
		ClientID: s.cloud.ClientID(), ClientSecret: s.cloud.ClientSecret(), RefreshToken: s.cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: s.cloud.TokenURL(), HTTPClient: &http.Client{Transport: s.cloud.RoundTripper()}})
	must(t, err)
	s.skill = &alexa.Skill{
		ID: s.cloud.SkillID(), Engine: s.toAlexa, Roots: s.cloud.Roots(), DialContext: s.cloud.DialChain,
		Client: &alexa.Client{
			Endpoint: s.cloud.URL(), Tokens: s.tokens, HTTPClient: &http.Client{Transport: slowly{trip: s.cloud.RoundTripper()}},
		},
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return bridge.To(s.gateway, "sip:"+in.Info().To.URI+"@"+phoneAddr, &p.join).Handle(ctx, in)
		}),
	}
	s.cloud.SetSkillHandler(slowly{handler: s.skill})
	network := testutil.NewPacketNet()
	listen := func(way string) func(string, string) (net.PacketConn, error) {
		return func(kind, addr string) (net.PacketConn, error) {
			c, err := network.ListenPacket(kind, addr)
			if err != nil {
				return nil, err
			}
			return tap(c, func(net.Addr) string { return way }, s.rec), nil
		}
	}
	s.gateway, err = sip.Listen(gatewayAddr, s.toPhone, &sip.Options{
		Network: "udp", ListenPacket: listen(toPhone), Policy: media.VideoPhone(),
		Bridge: bridge.To(s.skill, room, &p.join),
	})
	must(t, err)
	s.phone = newPhone(t, listen(fromPhone))
	t.Cleanup(s.stop)
	return s
}

// stop ends everything, so that a story that fails says why.
func (s *stage) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.skill.Drain(ctx)
	_ = s.gateway.Close()
	_ = s.phone.agent.Close()
	_ = s.tokens.Close()
	s.cloud.Close()
}

// close ends the story: every call must have ended, and Alexa must be content.
func (s *stage) close() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(s.t, s.skill.Drain(ctx)) // waits for what is still on its way to Alexa
	must(s.t, s.gateway.Close())
	must(s.t, s.phone.agent.Close())
	must(s.t, s.tokens.Close())
	if n := len(s.toAlexa.Terminals()) + len(s.toPhone.Terminals()) + len(s.phone.engine.Terminals()); n != 0 {
		s.t.Errorf("%d terminals are left open", n)
	}
	synctest.Wait()
	s.cloud.Report(s.t)
	s.cloud.Close()
}

// transcript writes everything that was said, in the order of time, without anything that differs from run to run.
func (s *stage) transcript(title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", title)
	for _, l := range s.rec.with(s.cloud.Transcript(), func(e *alexatest.Entry) string { return string(e.Direction) }) {
		fmt.Fprintf(&b, "%-17s %s\n", l.way, l.what)
	}
	for _, call := range s.echo.Calls() {
		code, _ := call.Ended()
		fmt.Fprintf(&b, "the device's call ended: %s\n", code)
	}
	for _, err := range s.phone.errs {
		fmt.Fprintf(&b, "the phone's call failed: %v\n", bridge.CauseOf(err))
	}
	for _, leg := range s.phone.all() {
		end := calltest.End(s.t, leg)
		by := "the phone"
		if end.Remote {
			by = "the gateway"
		}
		fmt.Fprintf(&b, "the phone's call ended: %v, by %s\n", end.Cause, by)
	}
	return b.String()
}

// want compares a transcript with a file of testdata.
func want(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if got != string(text) {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

// ctx bounds what a story waits for.
func (s *stage) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

// deviceCalls has the device call the phone, and returns both ends while it rings.
func (s *stage) deviceCalls() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	call, err := s.echo.Call(s.t.Context(), "desk")
	must(s.t, err)
	leg := s.phone.next(s.t)
	must(s.t, leg.Ring(s.t.Context(), nil))
	s.wantState(call, alexatest.StateRinging)
	s.settle()
	return call, leg
}

// phoneCalls has the phone call the device, and returns both ends while it rings.
func (s *stage) phoneCalls() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	leg := s.phone.dial(s.t, "sip:"+room+"@"+gatewayAddr)
	call, err := s.echo.NextCall(s.ctx())
	must(s.t, err)
	s.settle()
	return call, leg
}

// deviceTalks is deviceCalls with a phone that has answered.
func (s *stage) deviceTalks() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	call, leg := s.deviceCalls()
	must(s.t, leg.Answer(s.t.Context(), nil))
	s.wantState(call, alexatest.StateConnected)
	s.settle()
	return call, leg
}

// phoneTalks is phoneCalls with a device that has answered.
func (s *stage) phoneTalks() (*alexatest.Call, bridge.Leg) {
	s.t.Helper()
	call, leg := s.phoneCalls()
	s.wantState(call, alexatest.StateConnected)
	s.settle()
	return call, leg
}

// settle lets everything arrive that is on its way.
func (s *stage) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (s *stage) wantState(c *alexatest.Call, want alexatest.State) {
	s.t.Helper()
	if err := c.WaitState(s.ctx(), want); err != nil {
		s.t.Fatalf("%v\n%s", err, s.transcript(""))
	}
}

// over waits until a call is over on both sides.
func (s *stage) over(c *alexatest.Call, leg bridge.Leg) {
	s.t.Helper()
	s.wantState(c, alexatest.StateEnded)
	_ = calltest.End(s.t, leg)
	s.settle()
}
