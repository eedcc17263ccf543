package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// gate stands before Alexa's API and holds up the CallEnded of one call, and so the end of the skill's draining.
type gate struct {
	session atomic.Value  // string: the call
	held    chan struct{} // closed once a CallEnded is held up
	open    chan struct{} // closed to let it through
	once    sync.Once
	api     http.Handler
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	session, armed := g.session.Load().(string)
	if armed && bytes.Contains(body, []byte("CallSignaling.CallEnded")) && bytes.Contains(body, []byte(session)) {
		g.once.Do(func() { close(g.held) }) // it may be tried again
		<-g.open
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.api.ServeHTTP(w, r)
}

// newGate puts a gate before a cloud and returns it with its URL.
func newGate(t *testing.T, cloud *alexatest.Cloud) (*gate, string) {
	t.Helper()
	to, err := url.Parse(cloud.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy, transport := httputil.NewSingleHostReverseProxy(to), &http.Transport{}
	proxy.Transport = transport
	g := &gate{held: make(chan struct{}), open: make(chan struct{}), api: proxy}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return g, server.URL
}

// TestServeDrains interrupts a hotel while a guest talks with the front desk and the front desk with a room.
func TestServeDrains(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	l := newLobby(t, nil)
	g, api := newGate(t, l.cloud)
	l.settings["alexa-endpoint"] = api
	other := newEcho(t, l.cloud, "102")
	l.open(t, false, "-device", "room-102=102")
	letThrough := func() { // also where the test fails early: the gate's server waits for it
		select {
		case <-g.open:
		default:
			close(g.open)
		}
	}
	t.Cleanup(letThrough)
	echo1, phone1 := l.guestCalls(t)
	echo2, phone2 := l.deskCalls(t, "sip:room-102@"+l.sip, other)

	g.session.Store(echo1.SessionID())
	l.Interrupt(t)
	select {
	case <-g.held:
	case <-program.Within(t).Done():
		t.Fatal("no call is ended after an interrupt")
	}
	refused, err := l.desk.Call(program.Within(t), "sip:room-101@"+l.sip, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := refused.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if status, reason, _ := refused.Ended(); status != 503 {
		t.Errorf("a new call from a phone ended with %d %s, want 503", status, reason)
	}
	guest, err := l.room.Call(program.Within(t), "reception")
	if err != nil {
		t.Fatal(err)
	}
	if err := guest.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	if code, _ := guest.Ended(); code == "" || code == "SUCCESS" {
		t.Errorf("a new call from an Echo ended with code %q, want that of a failure", code)
	}
	if l.Ended() {
		t.Error("the hotel has ended before Alexa knew of the end of a guest's call")
	}

	letThrough()
	l.over(t)
	ended(t, echo1, "", phone1, true)
	ended(t, echo2, "", phone2, true)
	if calls := len(l.desk.Calls()); calls != 3 {
		t.Errorf("the desk phone had %d calls, want 3: none of those that came too late", calls)
	}
}

// TestServeEndsAtOnce interrupts a hotel that has nothing to do, and one that does not know yet whether anybody is there.
func TestServeEndsAtOnce(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	l := newLobby(t, nil)
	l.open(t, false)
	l.shut(t)
	l.quiet(t)

	l = newLobby(t, &alexatest.CloudOptions{Faults: alexatest.Faults{AckNever: true}}) // none is on its way when the hotel is gone
	silent := newPhone(t, &siptest.PhoneOptions{AnswerAfter: -1})
	l.settings["pbx"] = silent.URI()
	l.open(t, false)
	echo, err := l.room.Call(program.Within(t), "reception")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := silent.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := echo.WaitState(program.Within(t), alexatest.StateRinging); err != nil {
		t.Fatal(err)
	}
	l.shut(t)
	if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	if err := phone.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if status, _, byRemote := phone.Ended(); status != 487 || !byRemote {
		t.Errorf("a phone that rang ended with %d, by the other side: %t, want 487 after CANCEL", status, byRemote)
	}
}

// TestServeEndsBeforeItIsRegistered interrupts a hotel that asks a PBX which says nothing, while a phone waits for the outcome with it.
func TestServeEndsBeforeItIsRegistered(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := silent.SetReadDeadline(time.Now().Add(program.Patience)); err != nil {
		t.Fatal(err)
	}
	l := newLobby(t, nil)
	l.settings["register"] = "sip:hotel@" + silent.LocalAddr().String()
	l.begin(t, false)
	_, hotel, err := silent.ReadFrom(make([]byte, 2048))
	if err != nil {
		t.Fatal(err)
	}
	waits, err := l.desk.Call(program.Within(t), "sip:room-101@"+hotel.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	program.Eventually(t, "the hotel has taken the call", func() bool { return len(waits.Responses()) > 0 })
	l.shut(t)
	if err := waits.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if status, reason, _ := waits.Ended(); status != 503 {
		t.Errorf("a phone that waited ended with %d %s, want 503", status, reason)
	}
}
