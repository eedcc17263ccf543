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
	"skill-addr": "HOTEL_SKILL_ADDR", "skill-id": "HOTEL_SKILL_ID", "skill-cert": "HOTEL_SKILL_CERT", "skill-key": "HOTEL_SKILL_KEY",
	"alexa-endpoint": "HOTEL_ALEXA_ENDPOINT", "lwa-url": "HOTEL_LWA_URL", "skill-root-ca": "HOTEL_SKILL_ROOT_CA",
	"skill-chain-addr": "HOTEL_SKILL_CHAIN_ADDR", "sip-addr": "HOTEL_SIP_ADDR", "pbx": "HOTEL_PBX", "public-ip": "HOTEL_PUBLIC_IP",
	"media-addr": "HOTEL_MEDIA_ADDR", "device": "HOTEL_DEVICE", "register": "HOTEL_REGISTER", "transfer-to": "HOTEL_TRANSFER_TO",
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := underTest.Start(t, []string{"HOTEL_SIP_ADDR=192.0.2.7:5080", "LWA_CLIENT_SECRET=hush", "LWA_REFRESH_TOKEN=hush", "SIP_PASSWORD=hush"}, "-serve", "-h")
	if status := p.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d", status)
	}
	help := p.Stderr()
	for name, variable := range serveFlagTable {
		if !regexp.MustCompile(`(?m)^  -` + name + ` \w+\n.*\[\$` + variable + `\b.*\]`).MatchString(help) {
			t.Errorf("-h does not list -%s with $%s", name, variable)
		}
	}
	for _, name := range []string{"serve", "json", "calls", "break"} {
		if !regexp.MustCompile(`(?m)^  -` + name + `\b`).MatchString(help) {
			t.Errorf("-h does not list -%s", name)
		}
	}
	for _, want := range []string{"$LWA_CLIENT_ID", "$LWA_CLIENT_SECRET", "$LWA_REFRESH_TOKEN", "$SIP_PASSWORD", `(default "192.0.2.7:5080")`, "https://api.eu.amazonalexa.com"} {
		if !strings.Contains(help, want) {
			t.Errorf("-h does not say %s", want)
		}
	}
	if strings.Contains(help, "hush") {
		t.Error("-h tells a secret")
	}
	if t.Failed() {
		t.Log(help)
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
	noCert := filepath.Join(t.TempDir(), "no-cert.pem")
	if err := os.WriteFile(noCert, []byte("this is not a certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
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
		{"unknown flag", false, []string{"-brake", "tone"}, nil, "-brake"},
		{"no skill id", false, []string{"-serve", "-pbx", "sip:100@127.0.0.1:9"}, secrets, "-skill-id"},
		{"no pbx", false, []string{"-serve", "-skill-id", "x"}, secrets, "-pbx"},
		{"no secrets", true, nil, nil, "client secret"},
		{"no refresh token", true, nil, secrets[:2], "refresh token"},
		{"half a device", true, []string{"-device", "room-101"}, secrets, `"room-101" is not NAME=EXTERNAL_USER_ID`},
		{"device without a name", true, []string{"-device", "=7201"}, secrets, `"=7201" is not NAME=EXTERNAL_USER_ID`},
		{"half a device in the environment", true, nil, append([]string{"HOTEL_DEVICE=room-101=7201, room-102="}, secrets...), `"room-102=" is not NAME=EXTERNAL_USER_ID`},
		{"no such root", true, []string{"-skill-root-ca", noCert + ".old"}, secrets, noCert + ".old"},
		{"root that is none", true, []string{"-skill-root-ca", noCert}, secrets, "no certificate in " + noCert},
		{"certificate that is none", true, []string{"-skill-cert", noCert, "-skill-key", noCert}, secrets, "PEM"},
		{"no such certificate", true, []string{"-skill-cert", noCert + ".old", "-skill-key", noCert}, secrets, noCert + ".old"},
		{"certificate without a key", true, []string{"-skill-cert", noCert}, secrets, "-skill-key"},
		{"public name", true, []string{"-public-ip", "hotel.example"}, secrets, "hotel.example"},
		{"stray word", true, []string{"all"}, secrets, `"all" is not a flag`},
		{"line that is no URI", true, []string{"-register", "hotel"}, secrets, "AOR"},
		{"no SIP port", true, []string{"-sip-addr", "127.0.0.1"}, secrets, "missing port"},
		{"no media port", true, []string{"-media-addr", "127.0.0.1"}, secrets, "missing port"},
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
				t.Errorf("standard error does not say %q", c.want)
			}
		})
	}
}
