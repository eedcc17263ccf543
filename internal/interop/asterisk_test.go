package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// asteriskEnv names the folder that Asterisk is in.
const asteriskEnv = "ALEXACALL_ASTERISK"

// line is an account at Asterisk. Its password is passwordOf its name.
type line struct {
	name     string
	contact  string   // where it is; "": where it registers
	settings []string // of its endpoint, beside the usual
	digest   string   // the algorithms that it is asked for; "": MD5
}

func passwordOf(name string) string { return "the-word-of-" + name }

// pbx says what an Asterisk is to do.
type pbx struct {
	lines     []line
	plan      string // the dial plan's context "calls", with @PBX@ for Asterisk's address
	transport string // that the hotel's line is to use; "": UDP
	tls       string // certificate and key; "": no TLS
}

// asterisk is one that runs. What it says, every SIP message among it, is kept.
type asterisk struct {
	t    *testing.T
	addr string // of SIP over UDP and TCP
	safe string // over TLS
	line string // where the hotel's line ends, with the transport as a parameter
	root string
	dir  string // its files, as it sees them
	said logged
}

// asteriskModulesTable has what is loaded, one after the other: what the calls need and nothing that opens ports.
var asteriskModulesTable = [...]string{
	"res_timing_timerfd", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject", "res_pjsip", "res_pjsip_session",
	"res_pjsip_pubsub", "res_pjsip_authenticator_digest", "res_pjsip_outbound_authenticator_digest", "res_pjsip_endpoint_identifier_user",
	"res_pjsip_registrar", "res_pjsip_path", "res_pjsip_sdp_rtp", "res_pjsip_caller_id", "res_pjsip_dtmf_info", "res_pjsip_nat",
	"res_pjsip_refer", "res_pjsip_rfc3326", "res_pjsip_diversion", "res_pjsip_logger", "res_srtp", "res_rtp_asterisk", "res_musiconhold", "chan_pjsip",
	"codec_ulaw", "codec_alaw", "format_pcm", "bridge_simple", "bridge_softmix", "bridge_native_rtp", "bridge_builtin_features",
	"bridge_builtin_interval_features", "bridge_holding", "pbx_config", "app_dial", "app_echo", "app_transfer", "app_playtones",
	"func_channel", "func_callerid", "func_pjsip_endpoint",
}

// needAsterisk skips a test where there is no Asterisk, and returns the folder that it is in.
func needAsterisk(t *testing.T) string {
	t.Helper()
	root := os.Getenv(asteriskEnv)
	if root == "" {
		t.Skipf("%s is not set: make interop-asterisk sets it, and says what it needs", asteriskEnv)
	}
	return root
}

// startAsterisk starts one, which ends with the test, and waits until it is ready.
func startAsterisk(t *testing.T, p *pbx) *asterisk {
	t.Helper()
	root := needAsterisk(t)
	for range 5 { // it cannot find a free port for itself
		if a := tryAsterisk(t, root, p); a != nil {
			return a
		}
	}
	t.Fatal("Asterisk found its port taken five times")
	return nil
}

// tryAsterisk returns nil if the port was taken.
func tryAsterisk(t *testing.T, root string, p *pbx) *asterisk {
	t.Helper()
	port := testutil.FreePort(t) // and the next
	a := &asterisk{t: t, addr: fmt.Sprintf("127.0.0.1:%d", port), safe: fmt.Sprintf("127.0.0.1:%d", port+1), root: root, dir: "/tmp/alexacall-" + rand.Text()}
	switch p.transport {
	case "":
		a.line = a.addr
	case "tls":
		a.line = a.safe + ";transport=tls"
	default:
		a.line = a.addr + ";transport=" + p.transport
	}
	dir := filepath.Join(root, a.dir)
	must(t, os.Mkdir(dir, 0o700))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, text := range a.files(p) {
		must(t, os.WriteFile(filepath.Join(dir, name+".conf"), []byte(text), 0o600))
	}
	sounds := filepath.Join(dir, "sounds", "en")
	must(t, os.MkdirAll(sounds, 0o700))
	must(t, os.Symlink("/usr/share/asterisk/documentation", filepath.Join(dir, "documentation")))
	must(t, os.WriteFile(filepath.Join(sounds, "pbx-transfer.ulaw"), bytes.Repeat([]byte{0xff}, 800), 0o600)) // what it asks for an extension with
	cmd := exec.Command("chroot", root, "asterisk", "-f", "-n", "-vvv", "-C", a.dir+"/asterisk.conf")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &a.said, &a.said, 5*time.Second
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("Asterisk said:\n%s", &a.said)
		}
	})
	eventually(t, "Asterisk is ready", func() bool {
		select {
		case <-ended:
			t.Fatalf("Asterisk has ended: %s", cmd.ProcessState)
		default:
		}
		return strings.Contains(a.said.String(), "Asterisk Ready.")
	})
	if strings.Contains(a.said.String(), "Address already in use") {
		return nil
	}
	return a
}

// files returns the configuration.
func (a *asterisk) files(p *pbx) map[string]string {
	var main, modules, sip strings.Builder
	main.WriteString("[directories]\n")
	for _, name := range [...]string{"astetcdir", "astvarlibdir", "astdbdir", "astkeydir", "astdatadir", "astagidir", "astspooldir", "astrundir", "astlogdir"} {
		fmt.Fprintf(&main, "%s => %s\n", name, a.dir)
	}
	fmt.Fprintf(&main, "astmoddir => %s\n[options]\nnocolor = yes\n", a.modules())
	modules.WriteString("[modules]\nautoload=no\n")
	for _, name := range asteriskModulesTable {
		fmt.Fprintf(&modules, "load=%s.so\n", name)
	}
	fmt.Fprintf(&sip, "[global]\ntype=global\ndebug=yes\nkeep_alive_interval=0\n")
	for _, network := range [...]string{"udp", "tcp"} {
		fmt.Fprintf(&sip, "[%s]\ntype=transport\nprotocol=%s\nbind=%s\n", network, network, a.addr)
	}
	if p.tls != "" {
		fmt.Fprintf(&sip, "[tls]\ntype=transport\nprotocol=tls\nbind=%s\ncert_file=%s/tls.conf\npriv_key_file=%[2]s/tls.conf\nmethod=tlsv1_2\n", a.safe, a.dir)
	}
	for _, l := range p.lines {
		fmt.Fprintf(&sip, "[%s]\ntype=endpoint\ncontext=calls\ndisallow=all\nallow=ulaw,alaw\ndirect_media=no\nauth=%[1]s\naors=%[1]s\n", l.name)
		for _, s := range l.settings {
			sip.WriteString(s + "\n")
		}
		fmt.Fprintf(&sip, "[%s]\ntype=auth\nauth_type=digest\nusername=%[1]s\npassword=%s\n", l.name, passwordOf(l.name))
		if l.digest != "" {
			fmt.Fprintf(&sip, "supported_algorithms_uas=%s\n", l.digest)
		}
		fmt.Fprintf(&sip, "[%s]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n", l.name)
		if l.contact != "" {
			fmt.Fprintf(&sip, "contact=%s\n", l.contact)
		}
	}
	all := map[string]string{
		"asterisk": main.String(), "modules": modules.String(), "pjsip": sip.String(), "logger": "[logfiles]\nconsole => notice,warning,error,verbose\n",
		"extensions": "[calls]\n" + strings.ReplaceAll(p.plan, "@PBX@", a.addr), "rtp": "[general]\nrtpstart=20000\nrtpend=29999\n",
		"features": "[featuremap]\nblindxfer => #1\n[general]\nfeaturedigittimeout = 2000\n",
	}
	if p.tls != "" {
		all["tls"] = p.tls
	}
	for _, name := range [...]string{"musiconhold", "cdr", "cel", "indications", "http", "ccss", "udptl", "acl", "codecs", "manager", "stasis", "dnsmgr", "pjproject"} {
		all[name] = ""
	}
	return all
}

// modules returns the folder of its modules, as it sees it.
func (a *asterisk) modules() string {
	a.t.Helper()
	found, err := filepath.Glob(filepath.Join(a.root, "usr/lib/*/asterisk/modules"))
	if err != nil || len(found) != 1 {
		a.t.Fatalf("the modules of Asterisk are not in %s: %v %v", a.root, found, err)
	}
	return strings.TrimPrefix(found[0], a.root)
}

// joins waits until it has brought as many sides of calls together: before that it transfers nobody, though the calls are up.
func (a *asterisk) joins(sides int) {
	a.t.Helper()
	eventually(a.t, "Asterisk has joined the calls", func() bool { return strings.Count(a.said.String(), " joined '") >= sides })
}

// uri returns the URI of somebody at Asterisk.
func (a *asterisk) uri(user string) string { return "sip:" + user + "@" + a.addr }

// The ways of a message, in Asterisk's words.
const (
	toAsterisk   = "Received"
	fromAsterisk = "Transmitting"
)

// requests returns how many SIP requests of a method have gone one way.
func (a *asterisk) requests(way, method string) int {
	n := 0
	for part := range strings.SplitSeq(a.said.String(), "\n<--- "+way+" SIP request ") {
		_, message, _ := strings.Cut(part, "--->\n")
		if strings.HasPrefix(message, method+" sip:") {
			n++
		}
	}
	return n
}
