package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	guestTone, deskTone, greetingTone = 440, 620, 800 // Hz
	talkFor                           = 500 * time.Millisecond
	listenFor                         = 4 * time.Second
	simulateFor                       = 20 * time.Second
	enough                            = 0.8 // of the power heard must be the tone that is expected
	domain                            = "hotel.example"
)

// result is what came of the simulation.
type result struct {
	Greeted    bool     `json:"greeted"`
	GuestHeard bool     `json:"guest_heard"`
	DeskHeard  bool     `json:"desk_heard"`
	Callbacks  []string `json:"callbacks"`
	OK         bool     `json:"ok"`
}

// world is an application with a media server and phones around it.
type world struct {
	begun  time.Time
	agent  *sip.Agent
	server *mediaserver.Server
	app    *callback.Application
	guest  *siptest.Phone
	desk   *siptest.Phone
	close  []func() error

	mu    sync.Mutex
	asked []string      // the callbacks, in order
	over  chan struct{} // closed when the session is completed
}

// simulate has a guest call, press 2, and talk to housekeeping, and reports whether all was as it should be.
func simulate(ctx context.Context, o *options) bool {
	ctx, cancel := context.WithTimeout(ctx, simulateFor)
	defer cancel()
	w := openWorld(ctx, o)
	r, err := w.call(ctx)
	for _, closes := range slices.Backward(w.close) {
		check(closes())
	}
	w.mu.Lock()
	r.Callbacks = w.asked
	w.mu.Unlock()
	r.OK = err == nil && r.Greeted && r.GuestHeard && r.DeskHeard
	if err != nil {
		fmt.Println("failed:", err)
	}
	fmt.Printf("\ngreeted %v, the guest heard the desk %v, the desk heard the guest %v, %d callbacks\n", r.Greeted, r.GuestHeard, r.DeskHeard, len(r.Callbacks))
	if o.json {
		fmt.Printf("%s\n", must(json.Marshal(r)))
	}
	return r.OK
}

// openWorld starts the phones, the application, and a media server that calls it back.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{begun: time.Now(), over: make(chan struct{})}
	w.guest, w.desk = w.phone("guest", guestTone, ""), w.phone("housekeeping", deskTone, o.spoil)
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	o.reception, o.housekeeping = "sip:nobody@127.0.0.1:9", w.desk.URI()
	app := newApplication(o, &key.PublicKey)
	app.told = w.told
	if o.spoil == "signature" {
		app.keys = []*rsa.PublicKey{&must(rsa.GenerateKey(rand.Reader, 2048)).PublicKey}
	}
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	web := newServer(app)
	go func() { _ = web.Serve(l) }() // it ends with Close
	w.app = must(callback.New("http://"+l.Addr().String()+"/guests", &callback.Options{Key: key, Private: true}))
	media := must(engine.Listen("127.0.0.1:0", nil))
	clock := audio.NewClock(nil)
	folder := must(os.MkdirTemp("", "callback-"))
	prompts := must(mediaserver.OpenFolder(folder))
	if o.spoil != "greeting" {
		check(prompts.Put(ctx, domain, greeting, toneFile(greetingTone, 4*time.Second)))
	}
	w.server = &mediaserver.Server{Application: w.app, Clock: clock, Domain: domain, Prompts: prompts}
	w.agent = must(sip.Listen("127.0.0.1:0", media, &sip.Options{Bridge: w.server}))
	w.server.Dialer = w.agent
	w.close = []func() error{
		func() error { return os.RemoveAll(folder) }, prompts.Close, func() error { clock.Close(); return nil }, media.Close, web.Close, w.app.Close, w.agent.Close,
		func() error { return w.server.Drain(context.WithoutCancel(ctx)) }, w.guest.Close, w.desk.Close,
	}
	return w
}

func (w *world) phone(name string, hz float64, spoil string) *siptest.Phone {
	o := &siptest.PhoneOptions{
		User: name, Play: siptest.Tone(hz), AnswerAfter: talkFor / 2, OnMessage: func(e siptest.Entry) { w.say(name, e.String()) },
	}
	switch spoil {
	case "", "signature", "greeting":
	case "one-way":
		o.Play = siptest.Source{}
	case "tone":
		o.Play = siptest.Tone(hz + 100)
	default:
		check(fmt.Errorf("cannot break %q", spoil))
	}
	return must(siptest.NewPhone(o))
}

// told is what the application was asked.
func (w *world) told(what, of string) {
	w.say("application", what+" "+of)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, what)
	if what == "sessionCompleted" {
		close(w.over)
	}
}

// say prints a line of what happens.
func (w *world) say(who, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Printf("%9.1f ms  %-13s %s\n", float64(time.Since(w.begun).Microseconds())/1000, who, what)
}

// call is the guest's: it hears the greeting, presses 2, talks and hangs up.
func (w *world) call(ctx context.Context) (result, error) {
	var r result
	guest, err := w.guest.Call(ctx, "sip:100@"+w.agent.Addr().String(), nil)
	if err != nil {
		return r, err
	}
	if err := guest.WaitState(ctx, siptest.Up); err != nil {
		return r, err
	}
	r.Greeted = hears(guest, greetingTone)
	if err := guest.SendDigits(ctx, "2"); err != nil {
		return r, err
	}
	desk, err := w.desk.NextCall(ctx)
	if err != nil {
		return r, err
	}
	if err := desk.WaitState(ctx, siptest.Up); err != nil {
		return r, err
	}
	r.DeskHeard, r.GuestHeard = hears(desk, guestTone), hears(guest, deskTone)
	if err := guest.Hangup(ctx); err != nil {
		return r, err
	}
	select {
	case <-w.over:
		return r, desk.WaitState(ctx, siptest.Ended)
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
}

// hears waits until a phone hears a tone and nothing else.
func hears(c *siptest.Call, hz float64) bool {
	for until := time.Now().Add(listenFor); time.Now().Before(until); time.Sleep(talkFor / 10) {
		if c.Heard().ToneShare(hz, talkFor) > enough {
			return true
		}
	}
	return false
}

// toneFile returns a WAV file.
func toneFile(hz float64, length time.Duration) *bytes.Reader {
	const rate = 8000
	pcm := make([]int16, int(rate*length/time.Second))
	must(audio.NewTones([]audio.Tone{{Hz: [2]float64{hz}}}, &audio.TonesOptions{Rate: rate}).Read(pcm))
	return bytes.NewReader(audio.AppendWAV(nil, pcm, rate))
}
