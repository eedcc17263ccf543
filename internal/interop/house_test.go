package interop

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// What the parties play, in hertz.
const (
	echoTone  = 440
	bobTone   = 620
	carolTone = 980
)

// house is a gateway with an Echo, registered at a PBX as the line "hotel": what the Echo calls is dialled there, and who calls the line
// reaches the Echo.
type house struct {
	t     *testing.T
	pbx   *asterisk
	cloud *alexatest.Cloud
	echo  *alexatest.Echo
	media *engine.Engine
	sip   *sip.Agent
	line  *sip.Registration // once open is closed
	open  chan struct{}
	log   *logged
}

// logged is what a program or the gateway has said so far. It is safe for concurrent use.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newHouse opens one. o may say more of its SIP agent; its Bridge and Logger are set here.
func newHouse(t *testing.T, a *asterisk, o sip.Options) *house {
	t.Helper()
	h := &house{t: t, pbx: a, open: make(chan struct{}), log: &logged{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the gateway said:\n%s", h.log)
		}
	})
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	h.cloud, err = alexatest.NewCloud(nil)
	must(t, err)
	t.Cleanup(h.cloud.Close)
	h.echo, err = h.cloud.NewEcho("101", &alexatest.EchoOptions{Play: alexatest.Tone(echoTone)})
	must(t, err)
	h.media, err = engine.Listen("127.0.0.1:0", &engine.Options{Logger: log})
	must(t, err)
	t.Cleanup(func() { must(t, h.media.Close()) })
	tokens, err := lwa.NewSource(lwa.Credentials{
		ClientID: h.cloud.ClientID(), ClientSecret: h.cloud.ClientSecret(), RefreshToken: h.cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: h.cloud.TokenURL()})
	must(t, err)
	t.Cleanup(func() { must(t, tokens.Close()) })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	skill := &alexa.Skill{
		ID: h.cloud.SkillID(), Engine: h.media, Roots: h.cloud.Roots(), Logger: log,
		Client: &alexa.Client{Endpoint: h.cloud.URL(), Tokens: tokens, HTTPClient: &http.Client{Transport: transport}},
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			<-h.open
			return bridge.To(h.line, "sip:"+in.Info().To.URI+"@"+a.line, &bridge.JoinOptions{Dialer: h.line}).Handle(ctx, in)
		}),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, h.cloud.ChainAddr())
		},
	}
	o.Logger = log
	o.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		<-h.open
		return bridge.To(skill, "101", &bridge.JoinOptions{Dialer: h.line}).Handle(ctx, in)
	})
	h.sip, err = sip.Listen("127.0.0.1:0", h.media, &o)
	must(t, err)
	t.Cleanup(func() { must(t, h.sip.Close()) })
	h.line, err = h.sip.Register(within(t), &sip.RegisterOptions{
		AOR: bridge.Party{URI: a.uri("hotel")}, Registrar: "sip:" + a.line, User: "room-101", Credentials: []sip.Credentials{{Username: "hotel", Password: passwordOf("hotel")}},
	})
	must(t, err)
	close(h.open)
	h.cloud.SetSkillHandler(skill)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience) // the test's own is over
		defer cancel()
		must(t, skill.Drain(ctx))
	})
	return h
}

// newPhone returns a phone that Asterisk knows by where it is.
func newPhone(t *testing.T, name string, hz float64) *siptest.Phone {
	t.Helper()
	phone, err := siptest.NewPhone(&siptest.PhoneOptions{User: name, Play: siptest.Tone(hz), Username: name, Password: passwordOf(name)})
	must(t, err)
	t.Cleanup(func() { _ = phone.Close() })
	return phone
}

// calls has the Echo call somebody at Asterisk.
func (h *house) calls(who string) *alexatest.Call {
	h.t.Helper()
	call, err := h.echo.Call(within(h.t), who)
	must(h.t, err)
	return call
}

// isCalled has a phone call the room, and returns both ends.
func (h *house) isCalled(phone *siptest.Phone) (*alexatest.Call, *siptest.Call) {
	h.t.Helper()
	out, err := phone.Call(within(h.t), h.pbx.uri("room"), nil)
	must(h.t, err)
	in, err := h.echo.NextCall(within(h.t))
	must(h.t, err)
	return in, out
}

// connect has the Echo called by a phone, or call it.
func (h *house) connect(phone *siptest.Phone, called bool) (*alexatest.Call, *siptest.Call) {
	h.t.Helper()
	if called {
		return h.isCalled(phone)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(phone.URI(), "sip:"), "@")
	call := h.calls(name)
	return call, next(h.t, phone)
}

// next returns the next call of a phone.
func next(t *testing.T, phone *siptest.Phone) *siptest.Call {
	t.Helper()
	call, err := phone.NextCall(within(t))
	must(t, err)
	return call
}

// hear waits until an Echo hears a phone's tone, and the phone the Echo.
func hear(t *testing.T, echo *alexatest.Call, phone *siptest.Call, hz float64) {
	t.Helper()
	echoHears(t, echo, hz)
	eventually(t, "the phone hears the Echo", func() bool { return phone.Heard().ToneShare(echoTone, lately) > 0.95 })
}

// lately is the time that has to be filled by a tone.
const lately = 500 * time.Millisecond

func echoHears(t *testing.T, echo *alexatest.Call, hz float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("the Echo hears %v Hz", hz), func() bool {
		const n = int(8000 * lately / time.Second)
		all := echo.Heard().Samples
		return len(all) >= n && testutil.ToneShare(all[len(all)-n:], 8000, hz) > 0.95
	})
}

// over checks that a call has ended on both sides, and as whose wish.
func over(t *testing.T, echo *alexatest.Call, phone *siptest.Call, byPhone bool) {
	t.Helper()
	must(t, echo.WaitState(within(t), alexatest.StateEnded))
	must(t, phone.WaitState(within(t), siptest.Ended))
	if status, reason, remote := phone.Ended(); status != 200 || remote == byPhone {
		t.Errorf("the phone's call ended with %d %s, by the other side: %t", status, reason, remote)
	}
	if code, _ := echo.Ended(); code != "SUCCESS" {
		t.Errorf("the Echo's call ended with %q", code)
	}
}

// isOurs reports whether a description names the gateway as where sound is to go.
func (h *house) isOurs(sdp string) bool {
	return strings.Contains(sdp, fmt.Sprintf("m=audio %d ", h.media.Addr().Port()))
}

// close checks what has to be so when all calls are over.
func (h *house) close() {
	h.t.Helper()
	eventually(h.t, "no call stands", func() bool { return h.sip.Stats().Standing == 0 })
	for _, v := range h.cloud.Violations() {
		h.t.Error("the Echo's cloud:", v)
	}
	if s := h.sip.Stats(); s.Invalid+s.Unparsed+s.Dropped+s.Panics != 0 {
		h.t.Errorf("the agent's totals are %+v", s)
	}
	must(h.t, h.line.Close())
}
