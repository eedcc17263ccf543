package sip_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

func TestListenErrors(t *testing.T) {
	e := &calltest.Engine{}
	for _, c := range []struct {
		name string
		addr string
		e    media.Engine
		o    *sip.Options
	}{
		{"no port", "127.0.0.1", e, nil},
		{"no engine", "127.0.0.1:0", nil, nil},
		{"unknown network", "127.0.0.1:0", e, &sip.Options{Network: "tls"}},
		{"credentials for anybody", "127.0.0.1:0", e, &sip.Options{Credentials: []sip.Credentials{{Username: "u", Password: "p"}}}},
		{"bad public address", "127.0.0.1:0", e, &sip.Options{PublicAddr: "host\r\nX: y"}},
		{"bad public port", "127.0.0.1:0", e, &sip.Options{PublicAddr: "host:0"}},
		{"bad identity", "127.0.0.1:0", e, &sip.Options{From: bridge.Party{URI: "sip:x\r\n@y"}}},
		{"bad name", "127.0.0.1:0", e, &sip.Options{From: bridge.Party{Name: "x\n"}}},
		{"socket", "127.0.0.1:0", e, &sip.Options{ListenPacket: func(string, string) (net.PacketConn, error) { return nil, errors.New("none") }}},
	} {
		if a, err := sip.Listen(c.addr, c.e, c.o); err == nil {
			t.Errorf("%s: no error", c.name)
			_ = a.Close()
		} else if !strings.HasPrefix(err.Error(), "sip: ") {
			t.Errorf("%s: %q does not begin with the package's name", c.name, err)
		}
	}
}

func TestPublicAddr(t *testing.T) {
	for _, c := range []struct{ public, want string }{
		{"", agentAddr},
		{"203.0.113.5", "203.0.113.5:5060"},
		{"sip.example.com:5080", "sip.example.com:5080"},
		{"[2001:db8::1]", "[2001:db8::1]:5060"},
		{"[2001:db8::1]:5090", "[2001:db8::1]:5090"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{PublicAddr: c.public})
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			if got := invite.Contact().Value(); got != "<sip:alexacall@"+c.want+">" {
				t.Errorf("%q: Contact %s", c.public, got)
			}
			if got := invite.Via().Value(); !strings.HasPrefix(got, "SIP/2.0/UDP "+c.want+";") {
				t.Errorf("%q: Via %s", c.public, got)
			}
			w.peer.reply(invite, 404, "b", "")
			w.peer.request("ACK")
			wantDialError(t, d.wait().err, bridge.NotFound, 404)
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	c := sip.Credentials{Realm: "r", Username: "u", Password: "sesame"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, "sesame") {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if got := c.LogValue().String(); strings.Contains(got, "sesame") {
		t.Error(got)
	}
	o := sip.RegisterOptions{
		AOR: bridge.Party{URI: "sip:+15550100@example.com"}, Registrar: "sip:+15550100:sesame@registrar.example.com;transport=tls", Credentials: []sip.Credentials{c},
	}
	if got := o.LogValue().String(); got != "[registrar=registrar.example.com]" {
		t.Error(got)
	}
}

// TestLogsTellNoSecrets reads all that is logged of calls that go well and badly: no number, no description, no credentials.
func TestLogsTellNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		w := newWorld(t, &sip.Options{
			Credentials: trunkUser, Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug - 8})),
		})
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", "v=0\r\nm=audio\r\n")
		w.peer.response(400, "INVITE")
		s.ackRefusal()
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		d := w.dial(background, "sip:+15550100@"+peerAddr, &bridge.DialOptions{From: bridge.Party{URI: "sip:+15550199@example.com", Name: "Ann Lee"}})
		w.peer.reply(w.peer.request("INVITE"), 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`)
		w.peer.request("ACK")
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", "v=0\r\nm=audio\r\n")
		dialled := d.leg()
		w.peer.reply(invite, 486, "b1", "", `Reason: Q.850;cause=17;text="+15550100 is busy"`)
		w.peer.request("ACK")
		wantEnd(t, dialled, bridge.Busy, true)
		w.peer.send("garbage +15550100 sesame")
		synctest.Wait()
		got := text.String()
		for _, secret := range []string{"sesame", "gw", "155501", "Ann", "ann", "example", "nonce", "m=audio", "v=0", "192.0.2", "INVITE sip", "Via"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q is logged:\n%s", secret, got)
			}
		}
		if !strings.Contains(got, "call placed") || !strings.Contains(got, "leg ended") {
			t.Errorf("nothing useful is logged:\n%s", got)
		}
	})
}
