package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestServeByFlags calls both ways through a hotel that was set up by flags, and tries to fool it in between.
func TestServeByFlags(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	l := newLobby(t, nil)
	l.open(t, false)

	echo, phone := l.guestCalls(t)
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, true)
	l.quiet(t)

	forge(t, l)
	nobody, err := l.desk.Call(program.Within(t), "sip:room-999@"+l.sip, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := nobody.Ended(); status != 404 {
		t.Errorf("a call to a room that does not exist ended with %d, want 404", status)
	}

	echo, phone = l.deskCalls(t, "sip:room-101@"+l.sip, l.room)
	if err := phone.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, false)
	l.shut(t)
}

// forge sends the hotel what it must not believe: 400 each, and a word to whoever runs it.
func forge(t *testing.T, l *lobby) {
	t.Helper()
	request := map[string]any{"type": "Alexa.Comms.CallSignaling.CallEnded", "sessionId": "6d7c7f0e-forged"}
	for name, fault := range map[string]*alexatest.EventFault{
		"bad signature": {BadSignature: true}, "no signature": {NoSignature: true}, "another skill": {SkillID: "amzn1.ask.skill.another"},
		"an hour old": {Age: time.Hour}, "untrusted chain": {Chain: alexatest.ChainUntrusted}, "no JSON": {Body: []byte("{")},
	} {
		before := len(l.Stderr())
		status, _, err := l.cloud.SendEvent(program.Within(t), request, fault)
		if err != nil || status != http.StatusBadRequest {
			t.Errorf("%s: status %d, %v, want 400", name, status, err)
		}
		program.Eventually(t, "a line about "+name, func() bool { return strings.Contains(l.Stderr()[before:], "level=WARN") })
	}
	if strings.Contains(l.Stderr(), "6d7c7f0e-forged") {
		t.Error("what a stranger sends is repeated in the log")
	}
}

// TestServeByEnvironment takes the settings from the environment, two devices among them, but for a flag, which wins.
func TestServeByEnvironment(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	l := newLobby(t, nil)
	other := newEcho(t, l.cloud, "102")
	l.settings["device"] = "room-101=101,room-102=102"
	l.settings["skill-id"] = "amzn1.ask.skill.another"
	l.open(t, true, "-skill-id", l.cloud.SkillID())

	echo, phone := l.deskCalls(t, "sip:room-102@"+l.sip, other)
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, true)
	echo, phone = l.guestCalls(t)
	if err := phone.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, false)
	l.shut(t)
	l.quiet(t)
}

// TestServeByTLS has a hotel with a certificate of its own, and phones that speak TCP.
func TestServeByTLS(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	server := httptest.NewTLSServer(nil) // for its certificate
	server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	l := newLobby(t, &alexatest.CloudOptions{SkillClient: trusting(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}})})
	l.settings["skill-cert"], l.settings["skill-key"] = program.PEMFiles(t, server.TLS.Certificates[0])
	l.settings["pbx"] += ";transport=tcp"
	l.open(t, false)

	echo, phone := l.guestCalls(t)
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, true)
	if via := phone.Header("Via"); !strings.HasPrefix(via, "SIP/2.0/TCP ") {
		t.Errorf("the call came by %q, want TCP", via)
	}
	echo, phone = l.deskCalls(t, "sip:room-101@"+l.sip+";transport=tcp", l.room)
	if err := phone.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, echo, "SUCCESS", phone, false)
	l.shut(t)
	l.quiet(t)
}
