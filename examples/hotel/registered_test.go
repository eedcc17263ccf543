package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// Who is known to the PBX, and with which password.
const (
	deskPassword  = "open-the-desk"
	hotelPassword = "open-the-hotel"
)

// pbxConfig is a registrar and a digest proxy that stays in the path of its calls. Who calls must prove that it is the one whom its From
// names. Calls for rooms go by the hotel's line. What passes is written to standard error.
const pbxConfig = `#!KAMAILIO
debug=-2
log_stderror=yes
children=2
auto_aliases=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("registrar", "gruu_enabled", 0)
request_route {
	if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
	if (has_totag()) {
		if (loose_route()) { xlog("L_ALERT", "passed $rm of $fU\n"); t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
		sl_send_reply("404", "Not here");
		exit;
	}
	$var(password) = "OFDESK";
	if ($fU == "hotel") { $var(password) = "OFHOTEL"; }
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("pbx", "$var(password)", "0") || $au != $tU) { www_challenge("pbx", "1"); exit; }
		save("location");
		if ($hdr(Expires) == "0") { xlog("L_ALERT", "forgotten $tU\n"); } else { xlog("L_ALERT", "registered $tU\n"); }
		exit;
	}
	t_check_trans();
	if (!is_method("INVITE")) { t_relay(); exit; }
	if (!pv_proxy_authenticate("pbx", "$var(password)", "0") || $au != $fU) {
		xlog("L_ALERT", "asked $rm of $fU\n");
		proxy_challenge("pbx", "1");
		exit;
	}
	consume_credentials();
	record_route();
	xlog("L_ALERT", "passed $rm of $fU\n");
	$var(room) = $rU;
	if ($var(room) =~ "^room-") { $rU = "hotel"; }
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	if ($var(room) =~ "^room-") { $rU = $var(room); }
	t_relay();
}
`

// pbx is a running Kamailio.
type pbx struct {
	*program.Process
	addr string
}

// startPBX starts one, which ends with the test.
func startPBX(t *testing.T) *pbx {
	t.Helper()
	for range portTries {
		port, dir := strconv.Itoa(testutil.FreePort(t)), t.TempDir()
		file := filepath.Join(dir, "kamailio.cfg")
		text := strings.NewReplacer("PORT", port, "OFDESK", deskPassword, "OFHOTEL", hotelPassword).Replace(pbxConfig)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &pbx{program.Start(t, os.Environ(), "kamailio", "-f", file, "-DD", "-E", "-m", "64", "-M", "8", "-Y", dir), "127.0.0.1:" + port}
		t.Cleanup(p.Stop) // it ends its other processes itself, but not when it is killed
		program.Eventually(t, "kamailio listens", func() bool {
			c, err := net.Dial("tcp", p.addr)
			if err == nil {
				_ = c.Close()
			}
			return err == nil || p.Ended()
		})
		if !p.Ended() {
			return p
		}
	}
	t.Fatalf("kamailio has ended %d times", portTries)
	return nil
}

// tells waits until the PBX has written a line.
func (p *pbx) tells(t *testing.T, line string) {
	t.Helper()
	program.Eventually(t, fmt.Sprintf("%q from the PBX", line), func() bool { return strings.Contains(p.Stderr(), ": "+line+"\n") })
}

// extension is a phone that can be registered at a PBX as the desk's.
type extension interface {
	handset
	registers(t *testing.T, at *pbx)
}

func (b *baresip) registers(t *testing.T, at *pbx) {
	t.Helper()
	account := fmt.Sprintf("<sip:desk@%s>;auth_pass=%s;regint=600;answermode=auto;audio_codecs=pcmu", at.addr, deskPassword)
	b.enters(t, "/uanew "+account, "/uafind sip:desk@"+at.addr)
}

func (l *linphone) registers(t *testing.T, at *pbx) {
	t.Helper()
	l.enters(t, fmt.Sprintf("register sip:desk@%s sip:%s %s", at.addr, at.addr, deskPassword))
}

// TestInteropHotelRegistered has the hotel and each phone registered at a PBX, which asks both for passwords, also when they call, and stays
// in the path: the Echo calls the phone and hangs up, then the phone calls the Echo and hangs up.
func TestInteropHotelRegistered(t *testing.T) {
	t.Parallel()
	for name, begin := range handsets {
		t.Run(name, func(t *testing.T) {
			testutil.Need(t, name)
			testutil.Need(t, "kamailio")
			t.Parallel()
			p := startPBX(t)
			phone, ok := begin(t).(extension)
			if !ok {
				t.Fatal("a phone that cannot be registered")
			}
			phone.registers(t, p)
			p.tells(t, "registered desk")
			l := newLobby(t, nil)
			l.settings["pbx"], l.settings["register"], l.sipPassword = "sip:desk@"+p.addr, "sip:hotel@"+p.addr, hotelPassword
			l.open(t, false)
			p.tells(t, "registered hotel")

			echo, err := l.room.Call(program.Within(t), "reception")
			if err != nil {
				t.Fatal(err)
			}
			phone.talks(t, echo)
			if err := echo.Hangup(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			p.tells(t, "passed BYE of hotel")
			phone.idle(t)
			endedWell(t, echo)

			phone.calls(t, "sip:room-101@"+p.addr)
			if echo, err = l.room.NextCall(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			phone.talks(t, echo)
			phone.hangsUp(t)
			p.tells(t, "passed BYE of desk")
			phone.idle(t)
			endedWell(t, echo)

			for _, from := range []string{"hotel", "desk"} {
				p.tells(t, "asked INVITE of "+from)
				p.tells(t, "passed INVITE of "+from)
			}
			l.shut(t)
			l.quiet(t)
			p.tells(t, "forgotten hotel")
		})
	}
}

// TestInteropHotelTurnedAway has the hotel try the PBX with a wrong password: it says so and does not go on.
func TestInteropHotelTurnedAway(t *testing.T) {
	testutil.Need(t, "kamailio")
	t.Parallel()
	p := startPBX(t)
	env := []string{"LWA_CLIENT_ID=a", "LWA_CLIENT_SECRET=b", "LWA_REFRESH_TOKEN=c", "SIP_PASSWORD=" + deskPassword}
	h := underTest.Start(t, env, "-serve", "-skill-id", "x", "-pbx", "sip:desk@"+p.addr, "-register", "sip:hotel@"+p.addr, "-public-ip", "127.0.0.1",
		"-skill-addr", "127.0.0.1:0", "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0")
	if status := h.Wait(t, program.Patience); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if said := h.Stderr(); !strings.Contains(said, "401") || strings.Contains(said, deskPassword) {
		t.Errorf("the hotel says %q, want that it is a 401, and no password", said)
	}
	if strings.Contains(p.Stderr(), "registered") {
		t.Error("the hotel is registered")
	}
}

// endedWell waits until a call has ended at the Echo, as calls do.
func endedWell(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	if code, _ := echo.Ended(); code != "SUCCESS" {
		t.Errorf("ended with code %q at the Echo", code)
	}
}
