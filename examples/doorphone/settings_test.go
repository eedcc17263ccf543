package main_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// serveFlagTable has each flag of -serve that the environment can set too.
var serveFlagTable = map[string]string{
	"skill-addr": "DOORPHONE_SKILL_ADDR", "skill-cert": "DOORPHONE_SKILL_CERT", "skill-key": "DOORPHONE_SKILL_KEY", "token-file": "DOORPHONE_TOKEN_FILE",
	"alexa-endpoint": "DOORPHONE_ALEXA_ENDPOINT", "lwa-url": "DOORPHONE_LWA_URL", "grants": "DOORPHONE_GRANTS", "sip-addr": "DOORPHONE_SIP_ADDR",
	"public-ip": "DOORPHONE_PUBLIC_IP", "media-addr": "DOORPHONE_MEDIA_ADDR", "stun": "DOORPHONE_STUN", "door": "DOORPHONE_DOOR",
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := underTest.Start(t, []string{"DOORPHONE_SIP_ADDR=192.0.2.7:5080", "LWA_CLIENT_SECRET=hush", "SKILL_TOKEN=hush", "FORWARD_KEY=hush", "SIP_PASSWORD=hush"}, "-serve", "-h")
	if status := p.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d", status)
	}
	help := p.Stderr()
	for name, variable := range serveFlagTable {
		if !regexp.MustCompile(`(?m)^  -` + name + ` \w+\n.*\[\$` + variable + `\b.*\]`).MatchString(help) {
			t.Errorf("-h does not list -%s with $%s", name, variable)
		}
	}
	for _, name := range []string{"serve", "json", "loss", "break", "half-duplex"} {
		if !regexp.MustCompile(`(?m)^  -` + name + `\b`).MatchString(help) {
			t.Errorf("-h does not list -%s", name)
		}
	}
	for _, want := range []string{"$LWA_CLIENT_ID", "$LWA_CLIENT_SECRET", "$SKILL_TOKEN", "$FORWARD_KEY", "$SIP_PASSWORD", `(default "192.0.2.7:5080")`, "https://api.eu.amazonalexa.com"} {
		if !strings.Contains(help, want) {
			t.Errorf("-h does not say %s", want)
		}
	}
	if strings.Contains(help, "hush") {
		t.Error("-h tells a secret")
	}
}

// TestBadSettings starts the program with settings that cannot work: it must say which, and not go on.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("this is neither a certificate nor a file of grants\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"LWA_CLIENT_ID=a", "LWA_CLIENT_SECRET=b", "SKILL_TOKEN=c"}
	good := []string{
		"-serve", "-door", "front-door=Front door=sip:door@127.0.0.1:9", "-grants", filepath.Join(dir, "grants.json"),
		"-skill-addr", "127.0.0.1:0", "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0",
	}
	for _, c := range []struct {
		name string
		good bool // after good ones
		args []string
		env  []string
		want string // on standard error
	}{
		{"unknown break", false, []string{"-break", "all"}, nil, `cannot break "all"`},
		{"unknown flag", false, []string{"-brake", "tone"}, nil, "-brake"},
		{"a share that cannot be lost", false, []string{"-loss", "150"}, nil, "loss of 1.5"},
		{"no door", false, []string{"-serve", "-grants", broken}, secrets, "-door"},
		{"no file for grants", false, good[:3], secrets, "-grants"},
		{"no client", true, nil, secrets[2:], "client"},
		{"no token", true, nil, secrets[:2], "$SKILL_TOKEN"},
		{"no such token file", true, []string{"-token-file", broken + ".old"}, secrets, broken + ".old"},
		{"half a door", true, []string{"-door", "back-door=Back door"}, secrets, `"back-door=Back door" is not ID=NAME=URI`},
		{"a door that has no id", true, []string{"-door", "=Back door=sip:door@127.0.0.1"}, secrets, "endpointId"},
		{"half a door in the environment", true, nil, append([]string{"DOORPHONE_DOOR=back-door"}, secrets...), "is not ID=NAME=URI"},
		{"grants that are none", true, []string{"-grants", broken}, secrets, broken},
		{"certificate that is none", true, []string{"-skill-cert", broken, "-skill-key", broken}, secrets, "PEM"},
		{"certificate without a key", true, []string{"-skill-cert", broken}, secrets, "-skill-key"},
		{"short key", true, nil, append([]string{"FORWARD_KEY=short"}, secrets...), "key"},
		{"public name", true, []string{"-public-ip", "house.example"}, secrets, "house.example"},
		{"stray word", true, []string{"all"}, secrets, `"all" is not a flag`},
		{"no SIP port", true, []string{"-sip-addr", "127.0.0.1"}, secrets, "missing port"},
		{"no media port", true, []string{"-media-addr", "127.0.0.1"}, secrets, "missing port"},
		{"no STUN server", true, []string{"-stun", "stun.example.com"}, secrets, "stun"},
		{"skill address in use", true, []string{"-skill-addr", taken.Addr().String()}, secrets, taken.Addr().String()},
		{"SIP address in use", true, []string{"-sip-addr", taken.Addr().String()}, secrets, taken.Addr().String()},
		{"bad token URL", true, []string{"-lwa-url", "api.amazon.com"}, secrets, "token URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if c.good {
				args = slices.Concat(good, args)
			}
			p := underTest.Start(t, c.env, args...)
			if status := p.Wait(t, program.Patience); status != 1 && status != 2 {
				t.Errorf("exit status %d, want 1 or 2", status)
			}
			if said := p.Stderr(); !strings.Contains(said, c.want) || strings.Contains(said, "panic") {
				t.Errorf("standard error does not say %q:\n%s", c.want, said)
			}
		})
	}
}
