package sip_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// kamailioTLS makes the proxy speak UDP to phones, and TLS with certificates both ways to the agent.
const kamailioTLS = `listen=tls:127.0.0.1:TLSPORT
enable_tls=yes
loadmodule "tls.so"
modparam("tls", "config", "TLSCONFIG")
modparam("rr", "enable_double_rr", 1)
modparam("tls", "tls_force_run", 11)
request_route {`

const kamailioTLSConfig = `[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = KEY
certificate = CERT
ca_list = CA
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = KEY
certificate = CERT
ca_list = CA
`

// needKamailioTLS is testutil.Need for Kamailio's module for TLS, which Debian has in a package of its own.
func needKamailioTLS(t *testing.T) {
	t.Helper()
	testutil.Need(t, "kamailio")
	for _, dir := range []string{"/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/lib64/kamailio/modules", "/usr/local/lib*/kamailio/modules"} {
		if found, _ := filepath.Glob(filepath.Join(dir, "tls.so")); len(found) > 0 {
			return
		}
	}
	if os.Getenv(testutil.InteropEnv) == "1" {
		t.Fatal("not installed: kamailio's tls.so")
	}
	t.Skip("not installed: kamailio's tls.so")
}

// TestInteropKamailioTLS calls both ways through a proxy that speaks TLS to us, with certificates both ways, and UDP to a phone.
func TestInteropKamailioTLS(t *testing.T) {
	t.Parallel()
	needKamailioTLS(t)
	ca, dir := newAuthority(t), t.TempDir()
	cert, key, authority := ca.files(dir)
	config := filepath.Join(dir, "tls.cfg")
	text := strings.NewReplacer("KEY", key, "CERT", cert, "CA", authority).Replace(kamailioTLSConfig)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sip.LoadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	in := newIncoming()
	a := listen(t, &sip.Options{Bridge: in, TLS: &tls.Config{
		GetCertificate: c.Get, GetClientCertificate: c.GetClient, RootCAs: ca.pool, ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}})
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "udp"})
	port := freePort(t)
	extra := strings.NewReplacer("TLSPORT", port, "TLSCONFIG", config).Replace(kamailioTLS)
	proxy := startKamailioWith(t, strings.Replace(kamailioConfig, "request_route {", extra, 1), a.TLSAddr().String()+";transport=tls", bob.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	// the agent hangs up the sips call: the phone could not
	callsThrough(ctx, t, a, in, bob, [2]string{"sips:bob@127.0.0.1:" + port, "sip:bob@127.0.0.1:" + port + ";transport=tls"}, "sip:room@"+proxy)
	wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
}

// TestInteropOpenSSL has openssl's client and server speak TLS with the agent.
func TestInteropOpenSSL(t *testing.T) {
	testutil.Need(t, "openssl")
	ca := newAuthority(t)
	cert, key, authority := ca.files(t.TempDir())
	mutual := ca.config()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	a := listen(t, &sip.Options{TLS: mutual})
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		p := &peer{t: t, addr: "127.0.0.1:5061"}
		cmd := exec.CommandContext(ctx, "openssl", "s_client", "-quiet", "-no_ign_eof", version, "-connect", a.TLSAddr().String(), "-CAfile", authority,
			"-verify_return_error", "-verify_ip", "127.0.0.1", "-cert", cert, "-key", key)
		far, near := net.Pipe()
		cmd.Stdin, cmd.Stdout = far, far
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = near.SetDeadline(time.Now().Add(within))
		go func() {
			_, _ = fmt.Fprint(near, strings.Replace(p.call().text("OPTIONS", 1, "z9hG4bKa", ""), "SIP/2.0/UDP", "SIP/2.0/TLS", 1))
		}()
		buf := make([]byte, 4096)
		n, err := near.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS") {
			t.Errorf("%s: %q, %v", version, buf[:n], err)
		}
		_ = near.Close()
		_ = far.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
