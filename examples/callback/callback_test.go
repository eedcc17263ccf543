package main_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"CALLBACK_"}}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		underTest.Remove()
		os.Exit(status)
	}))
}

// verdict is what -json prints.
type verdict struct {
	Greeted    bool     `json:"greeted"`
	GuestHeard bool     `json:"guest_heard"`
	DeskHeard  bool     `json:"desk_heard"`
	Callbacks  []string `json:"callbacks"`
	OK         bool     `json:"ok"`
}

// verdictOf waits until a simulation has ended, and parses its last line, which must fit the exit status.
func verdictOf(t *testing.T, p *program.Process) verdict {
	t.Helper()
	status := p.Wait(t, program.Patience)
	lines := strings.Split(strings.TrimSuffix(p.Stdout(), "\n"), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	var v verdict
	if err := d.Decode(&v); err != nil {
		t.Fatalf("the last line is not the verdict: %v: %q", err, lines[len(lines)-1])
	}
	if v.OK != (status == 0) {
		t.Errorf("exit status %d, but the verdict is ok: %t", status, v.OK)
	}
	return v
}

// TestSimulation runs the program, and once with each thing spoilt, which must show where it should. They run all at once, for most of their
// time they wait.
func TestSimulation(t *testing.T) {
	t.Parallel()
	spoiltTable := map[string]func(v verdict) bool{
		"one-way":   func(v verdict) bool { return v.Greeted && v.DeskHeard && !v.GuestHeard },
		"tone":      func(v verdict) bool { return v.Greeted && v.DeskHeard && !v.GuestHeard },
		"signature": func(v verdict) bool { return !v.Greeted && v.Callbacks == nil },
		"greeting":  func(v verdict) bool { return !v.Greeted && v.DeskHeard && v.GuestHeard },
	}
	whole, spoilt := underTest.Start(t, nil, "-json"), map[string]*program.Process{}
	for spoil := range spoiltTable {
		spoilt[spoil] = underTest.Start(t, nil, "-json", "-break", spoil)
	}
	t.Run("whole", func(t *testing.T) {
		v := verdictOf(t, whole)
		ringing := slices.Index(v.Callbacks, "callNotify")
		if ringing >= 0 {
			v.Callbacks = slices.Delete(v.Callbacks, ringing, ringing+1)
		}
		want := []string{"newCall", "callAnswered", "getIvrCommand", "getIvrCommand", "callAnswered", "callEvent", "sessionCompleted"}
		if !v.OK || !slices.Equal(v.Callbacks, want) {
			t.Errorf("%+v, want %q", v, want)
		}
	})
	for spoil, wrong := range spoiltTable {
		t.Run(spoil, func(t *testing.T) {
			if v := verdictOf(t, spoilt[spoil]); v.OK || !wrong(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestServe has a media server call the program back: who waits reaches the reception, and what is not signed is refused.
func TestServe(t *testing.T) {
	t.Parallel()
	program.Interruptible(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	p := underTest.Start(t, []string{"CALLBACK_RECEPTION=sip:desk@pbx.example.com"}, "-serve", "-addr", "127.0.0.1:0", "-key", file)
	url := "http://" + p.Await(t, `callbacks on (\S+)`)[1] + "/guests"
	app, err := callback.New(url, &callback.Options{Key: key, Private: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.Close() }()
	of := mediaserver.SessionInfo{Domain: "hotel.example", SessionID: "s"}
	c, err := app.IVRCommand(program.Within(t), &mediaserver.IVRRequest{
		SessionInfo: of, Digits: &mediaserver.DigitsResult{Reason: mediaserver.DigitsTimeout},
	})
	if err != nil || c.Call == nil || c.Call.Addr != "sip:desk@pbx.example.com" {
		t.Errorf("%+v, %v, want that the reception is called", c, err)
	}
	c, err = app.IVRCommand(program.Within(t), &mediaserver.IVRRequest{SessionInfo: of})
	if err != nil || len(c.Phrases) != 1 || !c.BargeIn || c.Digits == nil || c.Digits.Max != 1 || c.Digits.Total != 5*time.Second {
		t.Errorf("%+v, %v, want a greeting", c, err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Post(url+"/newCall", "application/json", bytes.NewReader([]byte(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusUnauthorized {
		t.Errorf("what is not signed is answered %d", r.StatusCode)
	}
	p.Interrupt(t)
	if status := p.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
