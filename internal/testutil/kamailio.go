package testutil

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Kamailio is a running Kamailio. It is safe for concurrent use.
type Kamailio struct {
	Addr string // of its signalling, with the port

	t    testing.TB
	said Output
}

// StartKamailio starts a Kamailio that ends with the test, and waits until it answers over UDP. PORT in its configuration stands for a
// port of its own at 127.0.0.1. What it has said is logged if the test fails. The test has to [Need] it.
func StartKamailio(t testing.TB, config string) *Kamailio {
	t.Helper()
	port, dir := strconv.Itoa(FreePort(t)), t.TempDir()
	k := &Kamailio{Addr: net.JoinHostPort("127.0.0.1", port), t: t}
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "PORT", port)), 0o600); err != nil {
		t.Fatal(err)
	}
	startPeer(t, &k.said, "kamailio", "-f", file, "-DD", "-E", "-m", "64", "-M", "8", "-Y", dir)
	conn, err := net.Dial("udp", k.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	await(t, "kamailio answers", func() bool {
		now := time.Now()
		_, _ = fmt.Fprintf(conn, "OPTIONS sip:nobody@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKprobe%d\r\nFrom: <sip:p@x>;tag=1\r\nTo: <sip:p@x>\r\n"+
			"Call-ID: probe%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n", k.Addr, conn.LocalAddr(), now.UnixNano(), now.UnixNano())
		_ = conn.SetReadDeadline(now.Add(100 * time.Millisecond))
		_, err := conn.Read(make([]byte, 4096))
		return err == nil
	})
	return k
}

// Said returns what it has said so far.
func (k *Kamailio) Said() string { return k.said.String() }

// Tells waits until it has said a line, as xlog has it.
func (k *Kamailio) Tells(line string) {
	k.t.Helper()
	await(k.t, fmt.Sprintf("%q from kamailio", line), func() bool { return strings.Contains(k.Said(), ": "+line+"\n") })
}

// pbxConfig is for StartPBX.
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
	$var(password) = "";
USERS	if ($var(password) == "") { sl_send_reply("403", "Nobody here"); exit; }
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("pbx", "$var(password)", "0") || $au != $tU) { www_challenge("pbx", "1"); exit; }
		save("location");
		if ($hdr(Expires) == "0") { xlog("L_ALERT", "forgotten $tU\n"); } else { xlog("L_ALERT", "registered $tU\n"); }
		exit;
	}
	t_check_trans();
	if (!is_method("INVITE")) { sl_send_reply("404", "Not here"); exit; }
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

// StartPBX starts a Kamailio as a PBX: a registrar and a digest proxy, over UDP and TCP, that stays in the path of its calls. Its users have
// passwords; who registers or calls must prove that it is the one whom its From names. Calls for "room-" and more go by the line of
// the user "hotel". It [Kamailio.Tells] "registered", "forgotten", "asked INVITE of" and "passed INVITE of" (or another method) with the user.
func StartPBX(t testing.TB, passwords map[string]string) *Kamailio {
	t.Helper()
	var users strings.Builder
	for _, user := range slices.Sorted(maps.Keys(passwords)) {
		fmt.Fprintf(&users, "\tif ($fU == %q) { $var(password) = %q; }\n", user, passwords[user])
	}
	return StartKamailio(t, strings.Replace(pbxConfig, "USERS", users.String(), 1))
}
