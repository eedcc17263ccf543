package siptest_test

import (
	"fmt"
	"slices"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/alexacall/alexacall/sip/siptest"
)

func TestRoutesOfCaller(t *testing.T) {
	for name, c := range map[string]struct {
		recorded  string
		recipient string
		routes    []string
	}{
		"loose": {
			"<sip:192.0.2.99;lr>, <sip:192.0.2.2;lr>",
			"sip:raw@192.0.2.77",
			[]string{"<sip:192.0.2.2;lr>", "<sip:192.0.2.99;lr>"},
		},
		"strict": {
			"<sip:192.0.2.99;lr>, <sip:192.0.2.2>",
			"sip:192.0.2.2",
			[]string{"<sip:192.0.2.99;lr>", "<sip:raw@192.0.2.77>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
				out, invite := place(t, p, r, nil)
				r.answer(invite, "200 OK", "x", "Record-Route: "+c.recorded+"\nContact: <sip:raw@192.0.2.77>\n"+bodyOf(described(1, plainAudio)))
				check := func(req *sipmsg.Request) {
					var routes []string
					for _, h := range req.GetHeaders("route") {
						routes = append(routes, h.Value())
					}
					if req.Recipient.String() != c.recipient || !slices.Equal(routes, c.routes) {
						t.Errorf("%s to %s by %v, want %s by %v", req.Method, req.Recipient.String(), routes, c.recipient, c.routes)
					}
				}
				check(r.request(sipmsg.ACK))
				reach(t, siptest.Up, out)
				check(finish(t, out, r))
			})
		})
	}
}

func TestCredentialsOfCaller(t *testing.T) {
	challenge := func(realm, more string) string {
		return fmt.Sprintf("Digest realm=%q, nonce=\"n-%s\"%s\n", realm, realm, more)
	}
	withRaw(t, siptest.PhoneOptions{Username: "room12", Password: "secret"}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, first := place(t, p, r, nil)
		r.answer(first, "407 Proxy Authentication Required", "a", "Proxy-Authenticate: "+challenge("proxy", ", qop=\"auth, auth-int\", algorithm=SHA-256"))
		r.request(sipmsg.ACK)
		second := r.request(sipmsg.INVITE)
		r.answer(second, "401 Unauthorized", "b", "WWW-Authenticate: "+challenge("home", ""))
		r.request(sipmsg.ACK)
		third := r.request(sipmsg.INVITE)
		for i, req := range []*sipmsg.Request{first, second, third} {
			if req.CSeq().SeqNo != uint32(i+1) || req.CallID().Value() != first.CallID().Value() || req.From().Value() != first.From().Value() ||
				req.To().Value() != first.To().Value() || string(req.Body()) != string(first.Body()) {
				t.Errorf("INVITE %d:\n%s", i+1, req)
			}
		}
		verify(t, third, "Proxy-Authorization", &digest.Challenge{Realm: "proxy", Nonce: "n-proxy", Algorithm: "SHA-256", QOP: []string{"auth"}})
		verify(t, third, "Authorization", &digest.Challenge{Realm: "home", Nonce: "n-home"})
		r.answer(third, "200 OK", "c", rawContact+bodyOf(described(1, plainAudio)))
		ack := r.request(sipmsg.ACK)
		if ack.CSeq().SeqNo != 3 || ack.GetHeader("authorization") == nil {
			t.Errorf("ACK:\n%s", ack)
		}
		reach(t, siptest.Up, c)
		result := hangup(t, c)
		bye := r.request(sipmsg.BYE)
		r.answer(bye, "401 Unauthorized", "", "WWW-Authenticate: "+challenge("home", ""))
		bye = r.request(sipmsg.BYE)
		verify(t, bye, "Authorization", &digest.Challenge{Realm: "home", Nonce: "n-home"})
		r.answer(bye, "200 OK", "", "")
		if err := <-result; err != nil {
			t.Error(err)
		}
		if got, want := c.Responses(), []int{407, 401, 200}; !slices.Equal(got, want) {
			t.Errorf("Responses() = %v, want %v", got, want)
		}
	})
}

// verify checks credentials of room12.
func verify(t *testing.T, req *sipmsg.Request, header string, chal *digest.Challenge) {
	t.Helper()
	h := req.GetHeader(header)
	if h == nil {
		t.Fatalf("no %s in\n%s", header, req)
	}
	got, err := digest.ParseCredentials(h.Value())
	if err != nil {
		t.Fatal(err)
	}
	want, err := digest.Digest(chal, digest.Options{
		Method: req.Method.String(), URI: req.Recipient.String(), Cnonce: got.Cnonce, Count: got.Nc, Username: "room12", Password: "secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Response != want.Response || got.Nonce != chal.Nonce {
		t.Errorf("%s: %s", header, h.Value())
	}
}
