package main_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// serveFlagTable has each flag of -serve that the environment can set too.
var serveFlagTable = map[string]string{
	"skill-addr": "IVR_SKILL_ADDR", "skill-id": "IVR_SKILL_ID", "skill-cert": "IVR_SKILL_CERT", "skill-key": "IVR_SKILL_KEY",
	"alexa-endpoint": "IVR_ALEXA_ENDPOINT", "lwa-url": "IVR_LWA_URL", "skill-root-ca": "IVR_SKILL_ROOT_CA",
	"skill-chain-addr": "IVR_SKILL_CHAIN_ADDR", "sip-addr": "IVR_SIP_ADDR", "pbx": "IVR_PBX", "public-ip": "IVR_PUBLIC_IP",
	"media-addr": "IVR_MEDIA_ADDR", "register": "IVR_REGISTER", "housekeeping": "IVR_HOUSEKEEPING", "concierge": "IVR_CONCIERGE", "greeting": "IVR_GREETING",
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := underTest.Start(t, []string{"IVR_SIP_ADDR=192.0.2.7:5080", "LWA_CLIENT_SECRET=hush", "LWA_REFRESH_TOKEN=hush", "SIP_PASSWORD=hush"}, "-serve", "-h")
	if status := p.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d", status)
	}
	help := p.Stderr()
	for name, variable := range serveFlagTable {
		if !regexp.MustCompile(`(?m)^  -` + name + ` \w+\n.*\[\$` + variable + `\b.*\]`).MatchString(help) {
			t.Errorf("-h does not list -%s with $%s", name, variable)
		}
	}
	for _, name := range []string{"serve", "json", "calls", "break", "patience"} {
		if !regexp.MustCompile(`(?m)^  -` + name + `\b`).MatchString(help) {
			t.Errorf("-h does not list -%s", name)
		}
	}
	for _, want := range []string{"$LWA_CLIENT_ID", "$LWA_CLIENT_SECRET", "$LWA_REFRESH_TOKEN", "$SIP_PASSWORD", `(default "192.0.2.7:5080")`} {
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
	secrets := []string{"LWA_CLIENT_ID=a", "LWA_CLIENT_SECRET=b", "LWA_REFRESH_TOKEN=c"}
	good := []string{"-serve", "-skill-id", "x", "-pbx", "sip:100@127.0.0.1:9", "-skill-addr", "127.0.0.1:0", "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0"}
	for _, c := range []struct {
		name string
		good bool // after good ones
		args []string
		env  []string
		want string // on standard error
	}{
		{"unknown break", false, []string{"-break", "all"}, nil, `cannot break "all"`},
		{"no skill id", false, []string{"-serve", "-pbx", "sip:100@127.0.0.1:9"}, secrets, "-skill-id"},
		{"no reception", false, []string{"-serve", "-skill-id", "x"}, secrets, "-pbx"},
		{"no secrets", true, nil, nil, "client secret"},
		{"no such greeting", true, []string{"-greeting", "nowhere.wav"}, secrets, "nowhere.wav"},
		{"certificate without a key", true, []string{"-skill-cert", "cert.pem"}, secrets, "-skill-key"},
		{"public name", true, []string{"-public-ip", "hotel.example"}, secrets, "hotel.example"},
		{"stray word", true, []string{"all"}, secrets, `"all" is not a flag`},
		{"line that is no URI", true, []string{"-register", "hotel"}, secrets, "AOR"},
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
				t.Errorf("standard error does not say %q", c.want)
			}
		})
	}
}
