package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// TestRegisterRoutes calls by way of a registration: through the proxies that the registrar names, with its credentials.
func TestRegisterRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		edge := w.newPeer("192.0.2.7:5060")
		o := &sip.RegisterOptions{AOR: gateway, Proxy: "sip:192.0.2.7", Credentials: []sip.Credentials{{Username: "gw", Password: "sesame"}}}
		g := w.register(background, o)
		first := edge.asks("3600")
		if route := first.GetHeader("Route"); route == nil || route.Value() != "<sip:192.0.2.7;lr>" || first.Recipient.String() != "sip:example.com" {
			t.Errorf("by a proxy:\n%s", first)
		}
		edge.grants(first, "1800")
		r := g.done()
		var from *bridge.DialOptions
		var line bridge.Dialer = r
		call := func(routes ...string) {
			t.Helper()
			d := make(chan error, 1)
			go func() {
				_, err := line.Dial(background, "sip:bob@example.com", from)
				d <- err
			}()
			invite := edge.request("INVITE")
			var got []string
			for _, h := range invite.GetHeaders("Route") {
				got = append(got, h.Value())
			}
			if strings.Join(got, " ") != strings.Join(routes, " ") || invite.From().Address.String() != gateway.URI || from != nil && invite.From().DisplayName != from.From.Name || invite.Recipient.String() != "sip:bob@example.com" {
				t.Errorf("want routes %v:\n%s", routes, invite)
			}
			if line != bridge.Dialer(r) {
				wantField(t, invite, "X-Room", "7")
			}
			edge.reply(invite, 407, "x", "", proxyAsks)
			edge.request("ACK")
			given(t, edge.request("INVITE"))
			edge.reply(edge.request("INVITE"), 486, "x", "") // its repetition, for no answer has come
			edge.request("ACK")
			wantDialError(t, <-d, bridge.Busy, 486)
		}
		call("<sip:192.0.2.7;lr>")
		from = &bridge.DialOptions{From: bridge.Party{URI: "amzn1.comms.id.someone", Name: "Room 101"}} // of an Echo, and no SIP URI
		call("<sip:192.0.2.7;lr>")
		from = &bridge.DialOptions{From: bridge.Party{URI: "sip:ann@elsewhere.example", Name: "Ann"}} // of who transfers a call
		edge.grants(edge.asks("3600"), "1800", `Service-Route: <sip:orig@192.0.2.7;lr>, "A, b" <sip:x,y@192.0.2.8;lr>`, "Service-Route: <sip:192.0.2.9;lr>")
		synctest.Wait()
		call("<sip:orig@192.0.2.7;lr>", "<sip:x,y@192.0.2.8;lr>", "<sip:192.0.2.9;lr>")
		edge.grants(edge.asks("3600"), "1800", `Service-Route: <sip:192.0.2.7;lr>, <tel:1>`)
		synctest.Wait()
		call("<sip:192.0.2.7;lr>")
		line = r.As(&sip.CallOptions{Headers: map[string]string{"X-Room": "7"}})
		call("<sip:192.0.2.7;lr>")

		bare := w.registered(&sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}, Credentials: o.Credentials}, "3600")
		other := w.newPeer("192.0.2.66:5060") // who is not the registrar is not told a password
		d := make(chan error, 1)
		go func() {
			_, err := bare.Dial(background, "sip:bob@192.0.2.66", nil)
			d <- err
		}()
		other.reply(other.request("INVITE"), 407, "x", "", proxyAsks)
		other.request("ACK")
		wantDialError(t, <-d, bridge.Forbidden, 407)
	})
}

// TestRegisterCalled takes a call to the Contact that was registered.
func TestRegisterCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.register(background, &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}, User: "line7"})
		req := w.peer.request("REGISTER")
		w.peer.grants(req, "3600")
		_ = g.done()
		s := w.peer.call()
		s.agentURI = req.Contact().Address.String()
		l := s.up(w, nil)
		if to := l.Info().To.URI; to != "sip:line7@"+agentAddr {
			t.Errorf("called %s", to)
		}
		s.send("BYE", "")
		w.peer.response(200, "BYE")
	})
}
