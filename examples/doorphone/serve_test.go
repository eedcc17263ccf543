package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lambda/forward"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestServeByFlags talks both ways through a program that was set up by flags, and starts it anew in between: the user's grant stays.
func TestServeByFlags(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	y := newYard(t, siptest.PhoneOptions{})
	y.open(t, false)
	y.home.SetURL("http://" + y.skill)
	y.grant(t)
	devices, err := y.home.Discover(program.Within(t))
	if err != nil || len(devices) != 1 {
		t.Fatalf("devices %+v, %v", devices, err)
	}
	if d := devices[0]; d.EndpointID != doorID || d.FriendlyName != "Front door" || !d.RTC || !d.FullDuplex || !d.Doorbell {
		t.Errorf("device %+v", d)
	}
	session, visitor := y.rings(t)
	showHears(t, session)
	doorHears(t, visitor)
	if err := visitor.Hangup(program.Within(t)); err != nil {
		t.Error(err)
	}
	over(t, session, visitor)
	stranger(t, y)
	y.shut(t)

	y.open(t, false)
	y.home.SetURL("http://" + y.skill)
	session, visitor = y.calls(t)
	showHears(t, session)
	doorHears(t, visitor)
	if err := session.Disconnect(program.Within(t)); err != nil {
		t.Error(err)
	}
	over(t, session, visitor)
	session, visitor = y.rings(t) // with the grant of before
	if err := session.Disconnect(program.Within(t)); err != nil {
		t.Error(err)
	}
	over(t, session, visitor)
	y.shut(t)
}

// stranger has somebody else's Echo Show ask for the door.
func stranger(t *testing.T, y *yard) {
	t.Helper()
	show, err := y.home.NewAccount().NewShow(&alexatest.ShowOptions{NoMedia: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = show.Talk(program.Within(t), doorID)
	var refused *alexatest.SkillError
	if !errors.As(err, &refused) || refused.Type != "INVALID_AUTHORIZATION_CREDENTIAL" {
		t.Errorf("a stranger's Talk: %v", err)
	}
}

// TestServeByEnvironment takes the settings from the environment. Directives come from a Lambda function that forwards them, by TLS; the
// door phone has to know a password, and asks for it; and it carries one direction at a time.
func TestServeByEnvironment(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	const password, secret = "open sesame", "0123456789abcdef0123456789abcdef"
	y := newYard(t, siptest.PhoneOptions{Username: "door", Password: password, RequireAuth: true})
	server := httptest.NewTLSServer(nil) // for its certificate
	server.Close()
	y.settings["skill-cert"], y.settings["skill-key"] = program.PEMFiles(t, server.TLS.Certificates[0])
	y.settings["half-duplex"] = "1"
	y.settings["token-file"] = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(y.settings["token-file"], []byte(y.home.Token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	y.secrets = append(y.secrets[:2], "FORWARD_KEY="+secret, "SIP_PASSWORD="+password)
	y.open(t, true)
	client := trusting(t, server.Certificate())
	y.forwarded(t, client, secret)
	y.grant(t)
	if devices, err := y.home.Discover(program.Within(t)); err != nil || len(devices) != 1 || devices[0].FullDuplex {
		t.Fatalf("devices %+v, %v", devices, err)
	}

	session, visitor := y.rings(t)
	showHears(t, session)
	if heard := visitor.Heard(); heard.ToneShare(showTone, 0) > 0.1 {
		t.Error("the house is heard before somebody pushes to talk")
	}
	y.push(t, client, "/talk/", doorID, y.home.Token(), http.StatusOK)
	doorHears(t, visitor)
	y.push(t, client, "/listen/", doorID, y.home.Token(), http.StatusOK)
	y.push(t, client, "/talk/", "back-door", y.home.Token(), http.StatusNotFound)
	y.push(t, client, "/talk/", doorID, "another", http.StatusUnauthorized)
	if err := visitor.Hangup(program.Within(t)); err != nil {
		t.Error(err)
	}
	over(t, session, visitor)

	session, visitor = y.calls(t)
	showHears(t, session)
	if err := session.Disconnect(program.Within(t)); err != nil {
		t.Error(err)
	}
	over(t, session, visitor)
	y.push(t, client, "/talk/", doorID, y.home.Token(), http.StatusNotFound)
	y.shut(t)
}

// forwarded has Alexa's directives go by a Lambda function to the program.
func (y *yard) forwarded(t *testing.T, client *http.Client, secret string) {
	t.Helper()
	key, err := forward.NewKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	function := &forward.Forwarder{URL: "https://" + y.skill, Key: key, HTTPClient: client}
	y.home.SetHandle(function.Forward)
}

// push turns the talk at a door round, as somebody in the house does.
func (y *yard) push(t *testing.T, client *http.Client, way, door, token string, status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(program.Within(t), http.MethodPost, "https://"+y.skill+way+door, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(res.Body)
	if _ = res.Body.Close(); err != nil || res.StatusCode != status {
		t.Errorf("%s%s: %d %s, want %d: %v", way, door, res.StatusCode, strings.TrimSpace(string(said)), status, err)
	}
}

// trusting returns a client that trusts a certificate.
func trusting(t *testing.T, c *x509.Certificate) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(c)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
