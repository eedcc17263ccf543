package stories

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/rest"
	"github.com/alexacall/alexacall/sip"
)

const (
	serverAddr = "192.0.2.1:5060"
	domain     = "hotel.example"
)

// hotel is where flows are played: a media server with its application, and parties that are either all phones or all Echoes.
type hotel struct {
	t       *testing.T
	real    bool // under the time of clocks on walls
	rec     *record
	clock   *audio.Clock
	server  *mediaserver.Server
	program *program
	stored  *callback.Memory // fallbacks
	parties []*party
	names   map[string]string // of who is at an address

	engine  *calltest.Engine // the server's, for calls of all parties
	agent   *sip.Agent       // the server's, where the parties are phones
	network *testutil.PacketNet
	cloud   *alexatest.Cloud // of the parties that are Echoes
	skill   *alexa.Skill
	tokens  *lwa.Source
	folder  *mediaserver.Folder
	app     *callback.Application
}

// hotelProps are what a flow needs beside the usual.
type hotelProps struct {
	echoes bool   // all parties are Echoes
	app    string // the URL of an application that is a program, under real time; empty: h.program is the application, under fake time
}

// signingKey signs callbacks and requests.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newHotel opens a hotel with nobody in it.
func newHotel(t *testing.T, props *hotelProps) *hotel {
	t.Helper()
	h := &hotel{
		t: t, real: props.app != "", rec: &record{began: time.Now()}, clock: audio.NewClock(&audio.ClockOptions{Workers: 1}), names: map[string]string{serverAddr: "server"},
		engine: &calltest.Engine{}, network: testutil.NewPacketNet(), stored: &callback.Memory{},
	}
	h.program = &program{h: h}
	url, o := "https://app.hotel.example/ivr", callback.Options{Key: signingKey(), Fallbacks: h.stored, HTTPClient: &http.Client{Transport: h.program}}
	if h.real {
		url, o = props.app, callback.Options{Key: signingKey(), Private: true}
	}
	var err error
	h.app, err = callback.New(url, &o)
	must(t, err)
	h.folder, err = mediaserver.OpenFolder(t.TempDir())
	must(t, err)
	h.server = &mediaserver.Server{
		Application: h.app, Clock: h.clock, Dialer: h, Domain: domain, Prompts: h.folder,
		Voices: map[mediaserver.PhraseFormat]mediaserver.Voice{mediaserver.PhrasePolly: voice{}},
	}
	h.program.rest = &rest.Handler{
		Calls: func(d string) (rest.Calls, bool) { return h.server, d == domain },
		Keys: func(context.Context, string) ([]*rsa.PublicKey, error) {
			return []*rsa.PublicKey{&signingKey().PublicKey}, nil
		},
		Prompts: h.folder,
	}
	if props.echoes {
		h.openSkill()
	} else {
		h.agent, err = sip.Listen(serverAddr, h.engine, &sip.Options{
			Network: "udp", ListenPacket: h.socket, Policy: media.Phone(), Bridge: bridge.Func(h.receive),
		})
		must(t, err)
	}
	t.Cleanup(h.stop)
	return h
}

func (h *hotel) openSkill() {
	var err error
	h.cloud, err = alexatest.NewCloud(&alexatest.CloudOptions{NoSockets: true})
	must(h.t, err)
	h.tokens, err = lwa.NewSource(lwa.Credentials{
		ClientID: h.cloud.ClientID(), ClientSecret: h.cloud.ClientSecret(), RefreshToken: h.cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: h.cloud.TokenURL(), HTTPClient: &http.Client{Transport: h.cloud.RoundTripper()}})
	must(h.t, err)
	h.skill = &alexa.Skill{
		ID: h.cloud.SkillID(), Engine: h.engine, Roots: h.cloud.Roots(), DialContext: h.cloud.DialChain, Addresses: &alexa.Addressing{Domain: domain},
		Client: &alexa.Client{
			Endpoint: h.cloud.URL(), Tokens: h.tokens, HTTPClient: &http.Client{Transport: slowly{trip: h.cloud.RoundTripper()}},
		},
		Bridge: bridge.Func(h.receive),
	}
	h.cloud.SetSkillHandler(slowly{handler: h.skill})
}

// socket opens the SIP socket of the server or of a phone.
func (h *hotel) socket(network, addr string) (net.PacketConn, error) {
	c, err := h.network.ListenPacket(network, addr)
	if err != nil {
		return nil, err
	}
	return tap(c, func(to net.Addr) string { return h.names[addr] + " -> " + h.names[to.String()] }, h.rec), nil
}

// party returns who has a URI; nil: nobody.
func (h *hotel) party(uri string) *party {
	for _, p := range h.parties {
		if p.uri() == uri {
			return p
		}
	}
	return nil
}

// receive takes a call to the hotel.
func (h *hotel) receive(ctx context.Context, in bridge.Leg) error {
	p := h.party(in.Info().From.URI)
	if p == nil {
		h.t.Errorf("somebody calls whom nobody knows: %q", in.Info().From.URI)
		return &bridge.EndError{Cause: bridge.Forbidden}
	}
	p.on(in)
	return h.server.Handle(ctx, in)
}

// Dial implements bridge.Dialer for the server.
func (h *hotel) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	p := h.party(to)
	if p == nil {
		return nil, &bridge.EndError{Cause: bridge.NotFound}
	}
	leg, err := p.device.reach(ctx, o)
	if err == nil {
		p.dialled.Add(1)
		p.on(leg)
	}
	return leg, err
}

// wait lets time pass.
func (h *hotel) wait(d time.Duration) {
	time.Sleep(d)
	if !h.real {
		synctest.Wait()
	}
}

// hears checks who hears whom, by tone, and writes it into the transcript: "a:bc b:a" is that a hears b and c, b hears a, and nobody else
// anything. Capitals are the greeting, the music, and ringback. Under real time it waits until that is so.
func (h *hotel) hears(want string) {
	h.t.Helper()
	text := h.listen()
	for began := time.Now(); h.real && text != want && time.Since(began) < 20*time.Second; {
		text = h.listen()
	}
	h.rec.add("who hears whom", text)
	h.wait(50 * time.Millisecond) // so that what follows comes after
	if text != want {
		h.t.Errorf("who hears whom: %q, want %q", text, want)
	}
}

// moment is long enough to tell tones from one another, and under fake time has some to spare.
func (h *hotel) moment() time.Duration {
	if h.real {
		return 300 * time.Millisecond
	}
	return 600 * time.Millisecond
}

// listen returns who hears whom for a while.
func (h *hotel) listen() string {
	for _, p := range h.parties {
		p.forget()
	}
	h.wait(h.moment())
	var got []string
	for _, p := range h.parties {
		if heard := p.heard(); heard != "" {
			got = append(got, p.name+":"+heard)
		}
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

// stop ends everything, so that a flow that fails says why.
func (h *hotel) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.server.Drain(ctx)
	_ = h.close(ctx)
	h.clock.Close()
}

// close ends what has ended already when a flow is over.
func (h *hotel) close(ctx context.Context) error {
	var errs []error
	for _, p := range h.parties {
		errs = append(errs, p.device.close())
	}
	if h.agent != nil {
		errs = append(errs, h.agent.Close())
	}
	if h.skill != nil {
		errs = append(errs, h.skill.Drain(ctx), h.tokens.Close())
		h.cloud.Close()
	}
	for _, p := range h.parties {
		p.work.Wait()
	}
	return errors.Join(append(errs, h.folder.Close(), h.app.Close())...)
}

// finish ends a flow, after which everybody has to be gone, and returns its transcript.
func (h *hotel) finish(title string) string {
	h.t.Helper()
	h.wait(h.moment())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(h.t, h.server.Drain(ctx))
	if h.skill != nil {
		must(h.t, h.skill.Drain(ctx)) // waits for what is still on its way to Alexa
		h.cloud.Report(h.t)
	}
	for _, p := range h.parties {
		p.check()
	}
	text := h.transcript(title)
	must(h.t, h.close(ctx))
	if n := len(h.engine.Terminals()); n != 0 {
		h.t.Errorf("%d terminals are left open", n)
	}
	h.noChange(text)
	return text
}

// noChange proves that nobody who was moved was offered anything anew: each call has the INVITE that began it, or its like, and no other.
func (h *hotel) noChange(text string) {
	h.t.Helper()
	for _, p := range h.parties {
		invites := regexp.MustCompile(`(?m)^server -> ` + p.name + ` +(INVITE|POST InitiateInboundCall|POST CallUpdate CALL_UPDATE|UPDATE)`)
		if n := len(invites.FindAllString(text, -1)); n != int(p.dialled.Load())+p.changes {
			h.t.Errorf("%s was called %d times, and was sent %d offers\n%s", p.name, p.dialled.Load(), n, text)
		}
	}
}

// transcript writes everything that was said and heard, in the order of time, without anything that differs from run to run.
func (h *hotel) transcript(title string) string {
	var entries []alexatest.Entry
	if h.cloud != nil {
		entries = h.cloud.Transcript()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", title)
	for _, l := range h.rec.with(entries, h.wayOf) {
		fmt.Fprintf(&b, "%-14s  %s\n", l.way, l.what)
	}
	return plain(b.String())
}

// wayOf says between whom a message of Alexa's is.
func (h *hotel) wayOf(e *alexatest.Entry) string {
	name := "alexa"
	for _, p := range h.parties {
		for _, c := range p.device.(*echo).echo.Calls() {
			if c.SessionID() == e.SessionID {
				name = p.name
			}
		}
	}
	if e.Direction == alexatest.ToSkill {
		return name + " -> server"
	}
	return "server -> " + name
}

var (
	idPattern     = regexp.MustCompile(`\b[A-Z2-7]{26}(-[pcq][0-9]+(\.[A-Za-z0-9_-]{22})?)?`)
	callIDPattern = regexp.MustCompile(`"sipCallId":"[^"]*"`)
	timePattern   = regexp.MustCompile(`uration":[0-9.]+`)
)

// plain replaces what differs from run to run: ids, what only the server can make up of a replyId, and parts of seconds.
func plain(text string) string {
	var sessions []string
	text = callIDPattern.ReplaceAllString(text, `"sipCallId":"..."`)
	text = timePattern.ReplaceAllStringFunc(text, func(s string) string { return strings.SplitN(s, ".", 2)[0] + ".x" })
	return idPattern.ReplaceAllStringFunc(text, func(id string) string {
		session, rest := id[:26], id[26:]
		if !slices.Contains(sessions, session) {
			sessions = append(sessions, session)
		}
		rest, _, sealed := strings.Cut(rest, ".")
		if sealed {
			rest += ".sealed"
		}
		return fmt.Sprintf("S%d%s", slices.Index(sessions, session)+1, rest)
	})
}
