package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// kamailioRegistrar is a registrar and a proxy that asks for credentials in both roles. It takes no registration for less than a minute. It
// names itself as the way of calls to us (Path), which then come by it twice, and as that of calls from us (Service-Route).
const kamailioRegistrar = `#!KAMAILIO
debug=0
log_stderror=yes
children=2
auto_aliases=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "algorithm", "ALGORITHM")
modparam("auth", "nonce_expire", 300)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("registrar", "min_expires", 60)
modparam("registrar", "min_expires_mode", 1)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 1)
request_route {
	if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
		sl_send_reply("404", "Not here");
		exit;
	}
	if (is_method("REGISTER")) {
		if ($fU != "gw" || !pv_www_authenticate("trunk", "sesame", "0")) { www_challenge("trunk", "1"); exit; }
		append_hf("Path: <sip:edge@127.0.0.1:PORT;lr>\r\n");
		msg_apply_changes();
		append_to_reply("Service-Route: <sip:orig@127.0.0.1:PORT;lr>\r\n");
		save("location");
		exit;
	}
	t_check_trans();
	if ($hdr(Route) =~ "edge@127") { loose_route(); record_route(); t_relay(); exit; }
	if (is_method("INVITE") && $fU == "gw") {
		if (!pv_proxy_authenticate("trunk", "sesame", "0")) { proxy_challenge("trunk", "1"); exit; }
		if (!($hdr(Route) =~ "orig@127")) { sl_send_reply("403", "Not By Service-Route"); exit; }
		consume_credentials();
	}
	loose_route();
	record_route();
	if ($rU == "bob") { $du = "sip:PHONE"; t_relay(); exit; }
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	if (!($du =~ "edge@127")) { sl_send_reply("500", "No Path"); exit; }
	t_relay();
}
`

// TestInteropKamailioRegister registers with a registrar that asks for credentials and for more time, and calls both ways by it: to us by the
// Contact that it has kept, from us by its Service-Route. Afterwards it knows nobody any more.
func TestInteropKamailioRegister(t *testing.T) {
	testutil.Need(t, "kamailio")
	t.Parallel()
	for _, c := range []struct{ name, algorithm, suffix string }{
		{"MD5 over UDP", "MD5", ""},
		{"SHA-256 over TCP", "SHA-256", ";transport=tcp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newIncoming()
			a := listen(t, &sip.Options{Bridge: in})
			bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "udp"})
			proxy := startKamailioWith(t, strings.Replace(kamailioRegistrar, "ALGORITHM", c.algorithm, 1), a.Addr().String(), bob.Addr().String())
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()

			o := &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@127.0.0.1"}, Registrar: "sip:" + proxy + c.suffix, Expires: 10 * time.Second}
			o.Credentials = []sip.Credentials{{Username: "gw", Password: "wrong"}}
			if _, err := a.Register(ctx, o); !errors.Is(err, &sip.Error{Status: 401}) {
				t.Fatalf("with a wrong password: %v", err)
			}
			o.Credentials[0].Password = "sesame"
			r, err := a.Register(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if on, err := r.State(); !on || err != nil {
				t.Errorf("State: %v, %v", on, err)
			}

			phone, err := bob.Call(ctx, "sip:gw@"+proxy, nil)
			if err != nil {
				t.Fatal(err)
			}
			var l *sip.Leg
			select {
			case l = <-in.legs:
			case <-ctx.Done():
				t.Fatal("no call came in")
			}
			if err := l.Answer(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if err := phone.WaitState(ctx, siptest.Up); err != nil {
				t.Fatal(err)
			}
			if to := l.Info().To.URI; to != "sip:gw@"+a.Addr().String() {
				t.Errorf("called %s", to)
			}
			if err := l.Hangup(ctx, bridge.Normal); err != nil {
				t.Error(err)
			}

			out, err := r.Dial(ctx, "sip:bob@"+proxy, nil)
			if err != nil {
				t.Fatal(err)
			}
			if phone, err = bob.NextCall(ctx); err != nil {
				t.Fatal(err)
			}
			if err := phone.WaitState(ctx, siptest.Up); err != nil {
				t.Fatal(err)
			}
			waitPhase(t, out, bridge.Up)
			if err := out.Hangup(ctx, bridge.Normal); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if phone, err = bob.Call(ctx, "sip:gw@"+proxy, nil); err == nil {
				err = phone.WaitState(ctx, siptest.Up)
			}
			if err == nil || len(in.legs) != 0 {
				t.Error("the registrar still sends calls")
			}
		})
	}
}
