package sip_test

import (
	"net"
	"testing"

	"github.com/alexacall/alexacall/sip"
)

// TestRegisterFailoverConnected goes on to the second server where the first refuses a refresh over the connection that there is. The next
// refresh goes to the second at once, over its own.
func TestRegisterFailoverConnected(t *testing.T) {
	t.Parallel()
	one, two := listenFar(t), listenFar(t)
	a := listen(t, &sip.Options{Resolver: &names{hosts: map[string]string{"one.": "127.0.0.1"}, services: map[string][]*net.SRV{
		"_sip._tcp.trunk.example": {{Target: "one.", Port: portOf(one.Addr())}, {Target: "one.", Port: portOf(two.Addr())}},
	}}})
	var r *sip.Registration
	registered := async(func() (err error) {
		r, err = a.Register(t.Context(), trunkLine)
		return err
	})
	first, _ := overStream(t, one.next(), "TCP")
	first.grants(first.asks("3600"), "1")
	if err := <-registered; err != nil {
		t.Fatal(err)
	}
	refused := first.asks("3600")
	first.reply(refused, 503, "r1", "")
	second, _ := overStream(t, two.next(), "TCP")
	for _, lasts := range [...]string{"1", "3600"} {
		req := second.asks("3600")
		wantAnother(t, refused, req)
		if a, b := refused.Contact().Value(), req.Contact().Value(); a != b {
			t.Errorf("asked for %s, the first for %s", b, a)
		}
		second.grants(req, lasts)
		refused = req
	}
	closed := async(r.Close)
	second.grants(second.asks("0"), "0")
	if err := <-closed; err != nil {
		t.Error(err)
	}
	one.none()
}
